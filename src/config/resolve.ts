/**
 * Makes the frozen configuration from arguments and environment: flag over environment over
 * default.
 *
 * @module
 */

import type { OAuthSettings } from "../access/access_tokens.ts";
import { MAKE_SEALING_KEY, parseSealingKeys } from "../access/sealing_keys.ts";
import type { AccessFile, TokenSettings } from "../access/access_file.ts";
import { scopesBesideReadOnly } from "../access/scopes.ts";
import { checkRules, ruleWarnings } from "../access/rule_checks.ts";
import { sha256 } from "../core/sha256.ts";
import { HOSTED, isLoopback } from "../core/addresses.ts";
import { fileError, UsageError } from "../core/errors.ts";
import { checkFilledIn, isNoCredential } from "../core/filled_in.ts";
import { CREDENTIAL_VARIABLES } from "../core/ids.ts";
import { createRedact } from "../core/redact.ts";
import { HOST_NAMES } from "../hosts/names.ts";
import {
  type Check,
  checkHostedCredential,
  checkSecret,
  checkSessionId,
  checkToken,
  TOKEN_ADVICE,
} from "./checks.ts";
import { isTokenList, tokensOf } from "../access/tokens.ts";
import type {
  AccessCheckConfig,
  ApiAccessConfig,
  AskConfig,
  CompletionsConfig,
  Config,
  CredentialConfig,
  DemoConfig,
  DoctorConfig,
  FilesConfig,
  HealthConfig,
  HostConfig,
  HttpConfig,
  ListConfig,
  NewSealingKeyConfig,
  NewTokenConfig,
  SealingConfig,
  ServeConfig,
  SettingProblem,
  SimulatorConfig,
} from "./config.ts";
import { makeOAuthSettings } from "./oauth.ts";
import type { CommandLine } from "./command_line.ts";
import { commandNamed, SHELLS } from "./commands.ts";
import {
  type DoctorCheck,
  SECRET_VARIABLES,
  type Setting,
  SETTINGS,
  type Values,
} from "./settings.ts";

/** Name of the server in a host unless a flag gives another. */
export const SERVER_NAME = "managed-agents";

/** Reads an environment variable. */
export type ReadEnv = (name: string) => string | undefined;

/** Reads a text file; rejects when it cannot. */
export type ReadFile = (path: string) => Promise<string>;

/** Sources of values. */
interface Sources {
  readonly flags: CommandLine["flags"];
  readonly env: ReadEnv;
  readonly readFile: ReadFile;
}

/**
 * Returns the value of a setting: flag over environment over default.
 *
 * @throws UsageError one line that says what is wrong and what to type
 */
function valueOf<T, F>(sources: Sources, setting: Setting<T, F>): T | F {
  const given = givenOf(sources, setting);
  if (!given) return setting.fallback;
  checkFilledIn(given.text, given.name, setting);
  return setting.parse(given.text, given.name);
}

/** Returns the text of a setting, and how the user spelled it; undefined where it is not given. */
function givenOf(
  { flags, env }: Sources,
  { flag, otherFlags = [], env: variables = [] }: Setting,
): { readonly text: string; readonly name: string } | undefined {
  const [typed, second] = [flag, ...otherFlags].flatMap((name) =>
    name === undefined || !flags.has(name) ? [] : [name]
  );
  if (second !== undefined) {
    throw new UsageError(`--${typed} and --${second} are one setting: give one of them`);
  }
  if (typed !== undefined) {
    return { text: flags.get(typed)?.trim() ?? "", name: `--${typed}` };
  }
  // Hosts pass on blank settings as empty texts.
  const name = variables.find((variable) => env(variable)?.trim());
  return name === undefined ? undefined : { text: env(name)?.trim() ?? "", name };
}

/** Returns how the user spelled a setting; its flag where it is not given. */
function nameOf(sources: Sources, setting: Setting): string {
  return givenOf(sources, setting)?.name ?? `--${setting.flag}`;
}

type Section = Readonly<Record<string, Setting>>;

/**
 * Returns the values of a section's settings, by the names of its rows.
 *
 * @param instead returns the value of an unusable setting; when absent, the error is thrown
 */
function valuesOf<S extends Section>(
  sources: Sources,
  section: S,
  instead?: (setting: Setting, error: UsageError) => unknown,
): Values<S> {
  const values = Object.entries(section).map(([name, setting]) => {
    try {
      return [name, valueOf(sources, setting)];
    } catch (error) {
      if (!instead || !(error instanceof UsageError)) throw error;
      return [name, instead(setting, error)];
    }
  });
  return Object.fromEntries(values);
}

/** Settings that name things of a real workspace, which mean nothing to the simulator. */
const { environmentId, allowedAgentIds, publish, consoleUrl } = SETTINGS.server;
const WORKSPACE_VARIABLES: readonly string[] = [
  ...environmentId.env,
  ...allowedAgentIds.env,
  ...publish.env,
  ...consoleUrl.env,
];

/** Hides the environment's settings about the workspace when the simulator takes its place. */
function sourcesFor(simulate: boolean, sources: Sources): Sources {
  if (!simulate) return sources;
  const env = (name: string) => WORKSPACE_VARIABLES.includes(name) ? undefined : sources.env(name);
  return { ...sources, env };
}

async function readGiven({ readFile }: Sources, path: string, flag: string): Promise<string> {
  return await readFile(path).catch((error) => {
    throw fileError(error, path, flag);
  });
}

async function readSecret(
  sources: Sources,
  path: string,
  flag: string,
  check: Check,
): Promise<string> {
  const content = (await readGiven(sources, path, flag)).trim();
  if (content === "") throw new UsageError(`'${path}' (${flag}) is empty: put the secret into it`);
  return check(content, `'${path}' (${flag})`);
}

async function credentialOf(sources: Sources): Promise<CredentialConfig> {
  const file = valueOf(sources, SETTINGS.credential.apiKeyFile);
  if (file !== undefined) {
    const named = nameOf(sources, SETTINGS.credential.apiKeyFile);
    const value = await readSecret(sources, file, named, checkSecret);
    return checked(sources, { kind: "api_key", value, file, named }, `'${file}' (${named})`);
  }
  const apiKey = valueOf(sources, SETTINGS.credential.apiKey);
  if (apiKey !== undefined) {
    return checked(sources, { kind: "api_key", value: apiKey }, CREDENTIAL_VARIABLES.api_key);
  }
  const authToken = valueOf(sources, SETTINGS.credential.authToken);
  if (authToken !== undefined) {
    return checked(
      sources,
      { kind: "auth_token", value: authToken },
      CREDENTIAL_VARIABLES.auth_token,
    );
  }
  throw new UsageError(
    "No API key: set ANTHROPIC_API_KEY, or add --simulate to try it without one",
  );
}

/** Checks a credential for the hosted API; other implementations have rules of their own. */
function checked(sources: Sources, credential: CredentialConfig, source: string): CredentialConfig {
  if (isHosted(sources)) checkHostedCredential(credential.value, credential.kind, source);
  return credential;
}

function isHosted(sources: Sources): boolean {
  try {
    return valueOf(sources, SETTINGS.server.baseUrl) === HOSTED;
  } catch {
    // The check of the setting reports that itself.
    return false;
  }
}

async function tokenSettingsOf(sources: Sources): Promise<TokenSettings> {
  const issuers = valueOf(sources, SETTINGS.oauth.issuers);
  const { accessFile } = SETTINGS.tokens;
  const path = valueOf(sources, accessFile);
  if (path !== undefined) {
    const named = nameOf(sources, accessFile);
    const content = await readSecret(sources, path, named, (text) => text);
    const source = `'${path}' (${named})`;
    if (isTokenList(content)) {
      return { accessFile: await accessFileOf(content, path, named, issuers) };
    }
    const token = checkToken(content, source);
    checkRules(undefined, issuers, source);
    return { token };
  }
  checkRules(undefined, issuers);
  const token = valueOf(sources, SETTINGS.tokens.token);
  if (token !== undefined) return { token };
  if (issuers.length > 0) return {};
  throw new UsageError(
    `HTTP needs a bearer token: ${TOKEN_ADVICE}; or let people sign in, with --oauth-issuer`,
  );
}

async function accessFileOf(
  content: string,
  path: string,
  named: string,
  issuers: readonly string[],
): Promise<NonNullable<TokenSettings["accessFile"]>> {
  const source = `'${path}' (${named})`;
  const { tokens: entries, rules } = await accessFileIn(content, source, issuers);
  if (entries.length > 0 || (rules ?? []).length > 0) {
    return { path, named, entries, ...(rules && { rules }) };
  }
  throw new UsageError(
    issuers.length > 0
      ? `${source} lists neither tokens nor rules: write a rule, or leave the file out`
      : `${source} lists no token: make one with 'cma-mcp token new --name <name>'`,
  );
}

/** Parses an access file; loads the code, with its schemas, only where there is one. */
async function accessFileIn(
  content: string,
  source: string,
  issuers: readonly string[] | undefined,
): Promise<AccessFile> {
  return (await import("../access/access_file.ts")).parseAccessFile(content, source, issuers);
}

function oauthOf(sources: Sources): Promise<OAuthSettings | undefined> {
  return makeOAuthSettings(valuesOf(sources, SETTINGS.oauth), {
    publicUrl: valueOf(sources, SETTINGS.http.publicUrl),
    nameOf: (row) => nameOf(sources, SETTINGS.oauth[row]),
    readSecret: (path, source) => readSecret(sources, path, source, checkSecret),
  });
}

/** The secrets of a server beside those that a check is about. */
type OtherSecrets = Pick<ServeConfig, "credential" | "http" | "sealing" | "bindingKey">;

/**
 * Checks that no other secret stands where the client's secret of introspection belongs, from where
 * it would go to the authorization server.
 *
 * @throws UsageError one line without any of them
 */
function checkClientSecret(
  sources: Sources,
  { credential, http, sealing, bindingKey }: OtherSecrets,
): void {
  for (const { introspection } of http?.oauth?.issuers ?? []) {
    if (!introspection) continue;
    const { clientSecret: secret, secretFile } = introspection;
    const kind = isBearerToken(secret, http)
      ? "a bearer token"
      : secret === credential?.value
      ? "the key for the API"
      : sealing?.keys.some(({ text }) => text === secret)
      ? "a sealing key"
      : secret === bindingKey
      ? "the key that ties sessions to tokens"
      : undefined;
    if (kind === undefined) continue;
    throw new UsageError(
      `'${secretFile}' (${
        nameOf(sources, SETTINGS.oauth.clientSecretFile)
      }) holds ${kind}, which ` +
        "the authorization server must not see: put the secret of the client for introspection there",
    );
  }
}

function isBearerToken(secret: string, http: HttpConfig | undefined): boolean {
  const hashes = http?.accessFile?.entries.flatMap((entry) => entry.hashes) ?? [];
  return secret === http?.token || hashes.includes(sha256(secret));
}

/**
 * Reads the sealing keys.
 *
 * @param others none of these secrets may be a sealing key as well
 * @throws UsageError one line without any of them
 */
async function sealingOf(
  sources: Sources,
  { credential, http }: OtherSecrets,
): Promise<SealingConfig | undefined> {
  const { sealingKeyFile } = SETTINGS.sealing;
  const path = valueOf(sources, sealingKeyFile);
  if (path === undefined) return undefined;
  const named = nameOf(sources, sealingKeyFile);
  const source = `'${path}' (${named})`;
  const keys = parseSealingKeys(await readGiven(sources, path, named), source);
  for (const { text } of keys) {
    const isToken = isBearerToken(text, http);
    if (!isToken && text !== credential?.value) continue;
    const kind = isToken ? "a bearer token" : "the key for the API";
    throw new UsageError(`${source} holds ${kind}, which must seal nothing: ${MAKE_SEALING_KEY}`);
  }
  return { path, keys };
}

function tlsOf(sources: Sources): HttpConfig["tls"] {
  const { certFile, keyFile } = valuesOf(sources, SETTINGS.tls);
  const cert = nameOf(sources, SETTINGS.tls.certFile);
  const key = nameOf(sources, SETTINGS.tls.keyFile);
  if (certFile !== undefined && keyFile !== undefined) {
    return { certFile, keyFile, named: { cert, key } };
  }
  if (certFile === undefined && keyFile === undefined) return undefined;
  const [given, missing] = certFile === undefined ? [key, cert] : [cert, key];
  throw new UsageError(`${given} goes with ${missing}: give both, or none`);
}

async function httpOf(sources: Sources): Promise<HttpConfig> {
  const tokens = await tokenSettingsOf(sources);
  const { drainSeconds, lameDuckSeconds, ...http } = valuesOf(sources, SETTINGS.http);
  const oauth = await oauthOf(sources);
  return {
    ...http,
    ...tokens,
    ...(oauth && { oauth }),
    tls: tlsOf(sources),
    drainMs: 1_000 * (drainSeconds ?? (isLoopback(http.listenAddress) ? 0 : 2)),
    lameDuckMs: 1_000 * lameDuckSeconds,
  };
}

/** Names the tokens that are set but have no effect, so that no operator relies on them. */
function ignoredTokens(sources: Sources): string[] {
  const { token, accessFile } = SETTINGS.tokens;
  const file = givenOf(sources, accessFile);
  const set = token.env.filter((name) => sources.env(name)?.trim());
  if (file) {
    return [...ignoredVariables(sources, accessFile.env), ...set]
      .map((name) => `${name} has no effect beside ${file.name}`);
  }
  const ignored = ignoredVariables(sources, token.env);
  return ignored.length > 0 ? [`${ignored.join(", ")} has no effect beside ${set[0]}`] : [];
}

/** Names the variables of a setting after its first one, where one of them says something else. */
function ignoredVariables({ env }: Sources, variables: readonly string[]): string[] {
  const [first, ...others] = variables.filter((name) => env(name)?.trim());
  const differs = others.some((name) => env(name)?.trim() !== env(first ?? "")?.trim());
  return differs ? others : [];
}

function warningsOf(config: Omit<ServeConfig, "warnings">): string[] {
  if (config.simulate) return [];
  const warnings: string[] = [];
  const { protocol, hostname } = new URL(config.server.baseUrl);
  if (protocol === "http:" && !isLoopback(hostname)) {
    warnings.push(`The API key travels unencrypted to ${hostname}: use https`);
  }
  warnings.push(...suffixWarnings(config.http));
  if (config.http && !config.http.tls && !isLoopback(config.http.listenAddress)) {
    warnings.push(
      "Tokens travel unencrypted unless a proxy in front terminates TLS: use one, or --tls-cert " +
        "and --tls-key",
    );
  }
  if (config.http && !config.server.allowedAgentIds && !isScoped(config.http)) {
    warnings.push(
      "Every agent of the workspace can be reached by every client: set ALLOWED_AGENT_IDS",
    );
  }
  if (config.http?.oauth?.hashSubjects && !config.sealing) {
    warnings.push(
      "The hashes of subjects in the log are others at each replica and after each start: give all " +
        "replicas one --sealing-key-file",
    );
  }
  if (config.http && !config.http.publicUrl && config.server.toolSets.includes("files")) {
    warnings.push("Files have no links: name the address that clients call with --public-url");
  }
  return warnings;
}

/** Says what it means to accept all host names below one. */
function suffixWarnings({ allowedHosts = [], publicUrl }: Partial<HttpConfig> = {}): string[] {
  return allowedHosts.filter((host) => host.startsWith("*")).map((host) =>
    `Whoever can get a name below ${host.slice(2)} could point a web page at this server (DNS ` +
    `rebinding), because ALLOWED_HOSTS has ${host}: ` +
    (publicUrl === undefined
      ? "once you know your own name, give --public-url instead, which links and OAuth need as well"
      : "--public-url names your host, so take it out")
  );
}

/** Returns true if every caller is held to certain agents. */
function isScoped({ accessFile, oauth }: HttpConfig): boolean {
  if (!accessFile || (oauth && !accessFile.rules)) return false;
  return [...accessFile.entries, ...accessFile.rules ?? []].every(({ agents }) => agents);
}

/** Throws for an agent that is to be published, and that nobody may reach. */
function checkPublishable(
  sources: Sources,
  { publish, allowedAgentIds }: ServeConfig["server"],
): void {
  if (!publish || publish === "all" || !allowedAgentIds) return;
  const outside = publish.find((id) => !allowedAgentIds.includes(id));
  if (outside === undefined) return;
  const [named, allowed] = [SETTINGS.server.publish, SETTINGS.server.allowedAgentIds]
    .map((row) => nameOf(sources, row));
  throw new UsageError(
    `${named} names ${outside}, which ${allowed} does not: name it in both, or in none`,
  );
}

async function serveConfig(
  sources: Sources,
  isHttp = valueOf(sources, SETTINGS.mode.http),
): Promise<ServeConfig> {
  const http = isHttp ? await httpOf(sources) : undefined;
  const simulate = valueOf(sources, SETTINGS.mode.simulate);
  const credential = simulate ? undefined : await credentialOf(sources);
  const bindingKey = http?.accessFile || http?.oauth
    ? valueOf(sources, SETTINGS.tokens.bindingKey) ?? credential?.value
    : undefined;
  const sealing = await sealingOf(sources, { credential, http });
  checkClientSecret(sources, { credential, http, sealing, bindingKey });
  const server = valuesOf(sourcesFor(simulate, sources), SETTINGS.server);
  checkPublishable(sources, server);
  const config = {
    command: "serve" as const,
    http,
    simulate,
    credential,
    server,
    ...(bindingKey !== undefined && { bindingKey }),
    ...(sealing && { sealing }),
    log: valuesOf(sources, SETTINGS.log),
  };
  const issuers = http?.oauth?.issuers.map(({ issuer }) => issuer) ?? [];
  const warnings = [
    ...warningsOf(config),
    ...ruleWarnings(http?.accessFile?.rules, issuers),
    ...(http ? ignoredTokens(sources) : []),
  ];
  return { ...config, warnings };
}

async function doctorConfig(sources: Sources): Promise<DoctorConfig> {
  const problems: SettingProblem[] = [];
  const addProblem = (check: DoctorCheck, { message }: UsageError) => {
    if (!problems.some((known) => known.message === message)) problems.push({ check, message });
  };
  const attempt = async <T>(
    check: DoctorCheck,
    read: () => T | Promise<T>,
  ): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      addProblem(check, error);
      return undefined;
    }
  };
  const usable = <S extends Section>(section: S): Partial<Values<S>> =>
    valuesOf(
      sourcesFor(simulate, sources),
      section,
      ({ doctorCheck = "settings" }, error) => addProblem(doctorCheck, error),
    );
  const simulate = await attempt("settings", () => valueOf(sources, SETTINGS.mode.simulate)) ??
    false;
  const host = await attempt("settings", () => doctorHost(sources));
  const withHttp = host === undefined &&
    (await attempt("settings", () => valueOf(sources, SETTINGS.mode.http)) ?? false);
  const credential = simulate ? undefined : await attempt("key", () => credentialOf(sources));
  const server = usable(SETTINGS.server);
  if (withHttp) usable(SETTINGS.oauth);
  const hasOAuth = !withHttp || await attempt("oauth", () => oauthOf(sources).then(() => true));
  const http = withHttp && hasOAuth ? await attempt("http", () => httpOf(sources)) : undefined;
  const sealing = await attempt("sealing", () => sealingOf(sources, { credential, http }));
  usable(SETTINGS.log);
  // Any other problem that would keep the server from starting.
  const served = await attempt("settings", () => serveConfig(sources, withHttp));
  const json = valueOf(sources, SETTINGS.output.json);
  return {
    command: "doctor",
    json,
    ...(host && { host }),
    simulate,
    credential,
    server,
    http,
    ...(sealing && { sealing }),
    problems,
    warnings: served?.warnings ?? [],
  };
}

/**
 * Returns the MCP host that the doctor is asked about. The server's address has the same flag, which
 * is meant where `--http` is typed, or where a variable says so and the word is no host's name.
 */
function doctorHost(sources: Sources): DoctorConfig["host"] {
  const { host } = SETTINGS.doctor;
  const word = sources.flags.get(host.flag)?.trim();
  const isTyped = sources.flags.get(SETTINGS.mode.http.flag) === "true";
  const isNamed = host.choices.some((name) => name === word?.toLowerCase());
  if (isTyped || (!isNamed && valueOf(sources, SETTINGS.mode.http))) return undefined;
  return valueOf(sources, host);
}

function hostConfig(sources: Sources, operand: string | undefined): HostConfig {
  const host = operand === "all" ? operand : HOST_NAMES.find((name) => name === operand);
  if (host === undefined) {
    throw new UsageError(`Which host? Type cma-mcp config with one of ${HOST_NAMES.join(", ")}`);
  }
  const { merge, remove, name = SERVER_NAME } = valuesOf(sources, SETTINGS.config);
  if (merge && remove) throw new UsageError("--merge and --remove do not go together: give one");
  if (host === "all" && !remove) {
    throw new UsageError("'config all' goes with --remove: it prints what is left in hosts' files");
  }
  return {
    command: "config",
    host,
    name,
    json: valueOf(sources, SETTINGS.output.json),
    simulate: valueOf(sources, SETTINGS.mode.simulate),
    ...((merge || remove) && { edit: merge ? "merge" as const : "remove" as const }),
  };
}

function newTokenConfig(
  sources: Sources,
  operand: string | undefined,
): NewTokenConfig | NewSealingKeyConfig {
  if (operand === "sealing-key") {
    if (sources.flags.size === 0) return { command: operand };
    throw new UsageError("'cma-mcp token sealing-key' takes no flags: leave them out");
  }
  const name = valueOf(sources, SETTINGS.config.name);
  if (operand !== "new" || name === undefined) {
    throw new UsageError("A token needs a name: type cma-mcp token new --name <name>");
  }
  const json = valueOf(sources, SETTINGS.output.json);
  const token = valuesOf(sources, SETTINGS.token);
  if (token.agent !== undefined && token.agents) {
    throw new UsageError("--agent and --agents do not go together: give one");
  }
  const problem = token.readOnly ? scopesBesideReadOnly(token.scopes) : undefined;
  if (problem !== undefined) throw new UsageError(`--read-only with --scopes: ${problem}`);
  return { command: "token", name, json, ...token };
}

async function accessCheckConfig(
  sources: Sources,
  operand: string | undefined,
): Promise<AccessCheckConfig> {
  if (operand !== "check") {
    throw new UsageError("What about the access file? Type cma-mcp access check");
  }
  const issuers = valueOf(sources, SETTINGS.oauth.issuers);
  const { accessFile } = SETTINGS.tokens;
  const path = valueOf(sources, accessFile);
  const { tokenClaims } = valuesOf(sources, SETTINGS.access);
  if (path === undefined && tokenClaims === undefined) {
    throw new UsageError(
      `Which file? Name it with --${accessFile.flag}, or what somebody signs in with by --token-claims`,
    );
  }
  return {
    command: "access",
    issuers,
    json: valueOf(sources, SETTINGS.output.json),
    ...(tokenClaims !== undefined && { tokenClaims }),
    ...(path === undefined ? { tokens: [] } : await readAccessFile(sources, path, issuers)),
  };
}

async function readAccessFile(
  sources: Sources,
  path: string,
  issuers: readonly string[],
): Promise<AccessFile> {
  const named = nameOf(sources, SETTINGS.tokens.accessFile);
  const source = `'${path}' (${named})`;
  const content = await readSecret(sources, path, named, (text) => text);
  // Without issuers it is not known whether people sign in.
  if (isTokenList(content)) {
    return await accessFileIn(content, source, issuers.length > 0 ? issuers : undefined);
  }
  return { tokens: tokensOf([checkToken(content, source)]) };
}

async function apiAccess(
  sources: Sources,
  settings: Partial<typeof SETTINGS.server>,
): Promise<ApiAccessConfig> {
  const simulate = valueOf(sources, SETTINGS.mode.simulate);
  const { baseUrl } = SETTINGS.server;
  return {
    simulate,
    credential: simulate ? undefined : await credentialOf(sources),
    server: valuesOf(sourcesFor(simulate, sources), { ...settings, baseUrl }),
  };
}

async function listConfig(
  sources: Sources,
  command: ListConfig["command"],
): Promise<ListConfig> {
  return {
    command,
    ...await apiAccess(sources, {}),
    ...valuesOf(sources, SETTINGS.lists),
    ...valuesOf(sources, SETTINGS.sessions),
    ...valuesOf(sources, SETTINGS.output),
    log: valuesOf(sources, SETTINGS.log),
  };
}

/** The settings of the server that count for its owner's own sessions as well. */
const { exposeToolInputs, askCustomTools, maxCostUsd } = SETTINGS.server;
const OWN_SESSIONS = { environmentId, exposeToolInputs, maxCostUsd };

async function askConfig(sources: Sources, operands: readonly string[]): Promise<AskConfig> {
  const { session, timeoutSeconds } = valuesOf(sources, SETTINGS.ask);
  // A session has its agent: one word is then the text.
  const [agent, text] = session === undefined || operands.length > 1
    ? operands
    : [undefined, ...operands];
  if (!agent?.trim() && session === undefined) {
    throw new UsageError(
      "Whom to ask, and what? Type cma-mcp ask <agent> '<text>'; 'cma-mcp agents' lists them",
    );
  }
  if (session === undefined && text === undefined) {
    throw new UsageError(
      "What to ask? Type the text after the agent, in quotes, or - to read it from stdin",
    );
  }
  if (text?.trim() === "") throw new UsageError("The text is empty: type one, in quotes");
  return {
    command: "ask",
    ...await apiAccess(sources, { ...OWN_SESSIONS, askCustomTools, consoleUrl }),
    agent,
    text,
    session,
    ...(timeoutSeconds !== undefined && { timeoutMs: timeoutSeconds * 1_000 }),
    ...valuesOf(sources, SETTINGS.output),
    log: valuesOf(sources, SETTINGS.log),
  };
}

async function filesConfig(
  sources: Sources,
  [session, file]: readonly string[],
): Promise<FilesConfig> {
  if (session === undefined) {
    throw new UsageError("Files of which session? 'cma-mcp sessions' lists them");
  }
  return {
    command: "files",
    ...await apiAccess(sources, {}),
    session: checkSessionId(session, "'files <session>'"),
    ...(file !== undefined && { file }),
    ...valuesOf(sources, SETTINGS.lists),
    ...valuesOf(sources, SETTINGS.output),
    log: valuesOf(sources, SETTINGS.log),
  };
}

async function demoConfig(sources: Sources): Promise<DemoConfig> {
  const agent = valueOf(sources, SETTINGS.sessions.agent);
  if (agent !== undefined) {
    return { command: "demo", agent, ...await apiAccess(sources, OWN_SESSIONS) };
  }
  return { command: "demo", simulate: true, server: { baseUrl: HOSTED } };
}

function completionsConfig(operand: string | undefined): CompletionsConfig {
  const shell = SHELLS.find((name) => name === operand);
  if (shell) return { command: "completions", shell };
  throw new UsageError(
    `Which shell? Type cma-mcp completions with one of ${SHELLS.join(", ")}`,
  );
}

function healthConfig(sources: Sources): HealthConfig {
  return {
    command: "health",
    listenAddress: valueOf(sources, SETTINGS.http.listenAddress),
    port: valueOf(sources, SETTINGS.http.port),
    certFile: valueOf(sources, SETTINGS.tls.certFile),
  };
}

function simulatorConfig(sources: Sources): SimulatorConfig {
  const { faults, habits } = SETTINGS.simulator;
  return {
    command: "simulator",
    ...valuesOf(sources, SETTINGS.simulator),
    named: { faults: nameOf(sources, faults), habits: nameOf(sources, habits) },
    log: valuesOf(sources, SETTINGS.log),
  };
}

function deepFreeze<T>(value: T): T {
  // The runtime freezes no bytes.
  if (ArrayBuffer.isView(value)) return value;
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

/** Reads a command line; loads the parser only for one on which something stands, as few hosts have. */
async function readCommandLine(args: readonly string[], env: ReadEnv): Promise<CommandLine> {
  if (args.length === 0) return { command: "serve", operands: [], flags: new Map() };
  const { parseCommandLine } = await import("./command_line.ts");
  return parseCommandLine(args, () => isHttpByVariable(env));
}

/**
 * Resolves the configuration of a command line.
 *
 * @param args the arguments after the program's name
 * @param env reads a variable; an empty one counts as unset
 * @param readFile reads a file that a flag names, once: it may be a pipe
 * @throws UsageError one line that says what is wrong and what to type
 */
export async function resolveConfig(
  args: readonly string[],
  env: ReadEnv,
  readFile: ReadFile,
): Promise<Config> {
  const { command, operands, flags } = await readCommandLine(args, env);
  const read = new Map<string, Promise<string>>();
  const readOnce = (path: string) => {
    const content = read.get(path) ?? readFile(path);
    read.set(path, content);
    return content;
  };
  return deepFreeze(await configFor(command, operands, { flags, env, readFile: readOnce }));
}

function configFor(
  command: CommandLine["command"],
  operands: readonly string[],
  sources: Sources,
): Config | Promise<Config> {
  const [operand] = operands;
  switch (command) {
    case "serve":
      return serveConfig(sources);
    case "simulator":
      return simulatorConfig(sources);
    case "token":
      return newTokenConfig(sources, operand);
    case "access":
      return accessCheckConfig(sources, operand);
    case "health":
      return healthConfig(sources);
    case "doctor":
      return doctorConfig(sources);
    case "config":
      return hostConfig(sources, operand);
    case "agents":
    case "sessions":
    case "environments":
      return listConfig(sources, command);
    case "ask":
      return askConfig(sources, operands);
    case "files":
      return filesConfig(sources, operands);
    case "demo":
      return demoConfig(sources);
    case "completions":
      return completionsConfig(operand);
    case "help":
      return { command, ...(operand !== undefined && { topic: operand }) };
    case "version":
      return { command };
  }
}

/**
 * Resolves the configuration that the program starts with, as {@linkcode resolveConfig}. A host
 * that starts a server on stdio shows none of its stderr, so there an unusable setting becomes a
 * configuration that says what is wrong.
 *
 * @throws UsageError for HTTP and all other commands; no secret is in it
 */
export async function resolveStart(
  args: readonly string[],
  env: ReadEnv,
  readFile: ReadFile,
): Promise<Config> {
  try {
    return await resolveConfig(args, env, readFile);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // Somebody may have put a key in the place of a value that errors repeat.
    const message = createRedact(secretsIn(env))(error.message).replace(/\s+/g, " ")
      .slice(0, MAX_COMPLAINT_CHARS);
    if (!servesStdio(args, env)) throw new UsageError(message, { cause: error.cause });
    const sources = { flags: new Map(), env, readFile };
    const log = valuesOf(sources, SETTINGS.log, ({ fallback }) => fallback);
    return deepFreeze({ command: "unready", message, log });
  }
}

/** Longest sentence about a setting, in characters. */
const MAX_COMPLAINT_CHARS = 600;

/** Words for off, as `parseSwitch` has them. */
const OFF = /^(0|false|no|off)$/i;

/** Returns true if a variable, right or wrong, makes the server one over HTTP. */
function isHttpByVariable(env: ReadEnv): boolean {
  const [text = ""] = SETTINGS.mode.http.env.map((name) => env(name)?.trim());
  return text !== "" && !OFF.test(text);
}

/** Returns true if a command line, right or wrong, starts a server on stdio. */
function servesStdio(args: readonly string[], env: ReadEnv): boolean {
  const typed = args.findLast((arg) => /^--http(=|$)/i.test(arg))?.split("=");
  const http = typed ? !OFF.test(typed.slice(1).join("=")) : isHttpByVariable(env);
  const named = args.some((arg) => arg === "help" || arg === "version" || commandNamed(arg));
  return !http && !named && (args[0]?.startsWith("-") ?? true);
}

/** Reads the secrets in variables, unusable ones too: they may also stand in other places. */
export function secretsIn(env: ReadEnv): string[] {
  const values = SECRET_VARIABLES.map((name) => env(name)?.trim() ?? "");
  return values.filter((value) => value !== "" && !isNoCredential(value));
}

/**
 * Returns true if the command reads files later: files that it always reads, or files of settings
 * that are read again when they change. Otherwise the process can give up its permission to read.
 */
export function readsFiles(config: Config): boolean {
  if (config.command === "health") return config.certFile !== undefined;
  if (commandNamed(config.command)?.readsFiles) return true;
  const credential = "credential" in config ? config.credential : undefined;
  const http = "http" in config ? config.http : undefined;
  const introspects = http?.oauth?.issuers.some(({ introspection }) => introspection) ?? false;
  return introspects || credential?.file !== undefined || http?.accessFile !== undefined ||
    http?.tls !== undefined;
}
