/**
 * cma-mcp as a library: build the parts yourself, or serve its MCP servers behind your own HTTP
 * stack.
 *
 * @module
 */

export type {
  CallOptions,
  ClientEvent,
  CreateSessionParams,
  EventStream,
  FetchLike,
  ListEventsParams,
  ListSessionsParams,
  ManagedAgentsApi,
  PageParams,
  ReadOptions,
  SentEvents,
  StreamItem,
} from "./api/types.ts";
export { type ApiOptions, createApi } from "./api/client.ts";
export {
  type Connections,
  createConnections,
  type HttpClient,
  type HttpClientOptions,
  type OpenHttpClient,
} from "./api/connections.ts";
export { type Credential, type CredentialSource, fileCredential } from "./api/credentials.ts";
export type { SessionEvent } from "./api/events.ts";
export type { Page } from "./api/pages.ts";
export type { Agent, Environment, Session } from "./api/resources.ts";
export { type AccessFile, parseAccessFile, parseTokenFile } from "./access/access_file.ts";
export type { AccessRule, Claims, ClaimValue } from "./access/rules.ts";
export { type Clock, systemClock } from "./core/clock.ts";
export type { ApiErrorInfo, ApiErrorKind } from "./api/errors.ts";
export { ApiError } from "./api/errors.ts";
export { ToolError, UsageError } from "./core/errors.ts";
export {
  createLogger,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from "./core/logger.ts";
export { createRedact, type Redact } from "./core/redact.ts";
export type { ClientTraits } from "./mcp/handshake.ts";
export { authInfoOf, createServerFactory, type ServerFactory } from "./mcp/server.ts";
export type { StopInfo, TurnError } from "./session/event_types.ts";
export type { PendingAction } from "./session/pending_actions.ts";
export type {
  AttachmentView,
  EvaluationView,
  SubagentView,
  ToolActivity,
  WaitResult,
} from "./session/result.ts";
export type { WaitStatus } from "./session/verdict.ts";
export type { Waiter, WaitRequest } from "./session/waiter.ts";
export { createWaiter } from "./session/waiter.ts";
export { createSimulator } from "./simulator/mod.ts";
export { personId, type Principal, type SignedIn } from "./access/principal.ts";
export { openPublishing, type Publishing, type PublishingOptions } from "./tools/publishing.ts";
export { createServices, type Services, type ServicesOptions } from "./tools/services.ts";
export { createHttpHandler, type HttpOptions, type OAuthServing } from "./http/handler.ts";
export type { AuthenticationMethod, AuthenticationOutcome } from "./http/sign_in.ts";
export type { Served } from "./tools/needed_scopes.ts";
export { serveStdioTransport } from "./stdio.ts";
export {
  type AccessTokenVerifierOptions,
  createAccessTokenVerifier,
} from "./access/access_token_verifier.ts";
export type {
  AcceptedToken,
  AccessTokenVerifier,
  OAuthSettings,
  RejectedToken,
  TokenCheck,
  TokenProblem,
  TrustedIssuer,
  UnavailableIssuer,
} from "./access/access_tokens.ts";
export { createTokenRegistry, type TokenEntry, type TokenRegistry } from "./access/tokens.ts";
