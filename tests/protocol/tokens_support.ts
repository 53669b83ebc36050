import { callMethod } from "../../src/commands/mcp_call.ts";
import type { TokenEntry } from "../../src/access/tokens.ts";
import { createServerFactory, type ServerOptions } from "../../src/mcp/server.ts";
import type { Session } from "../../src/api/resources.ts";
import type { ServicesOptions } from "../../src/tools/services.ts";
import { createHttpHandler, type HttpHandler } from "../../src/http/handler.ts";
import { createTokenRegistry, type TokenRegistry } from "../../src/access/tokens.ts";
import { sha256 } from "../../src/core/sha256.ts";
import { type App, openApp } from "./support.ts";

/** What came back from a tool. */
export interface Outcome {
  readonly isError: boolean;
  readonly text: string;
  readonly result: Readonly<Record<string, unknown>>;
}

/** The whole app behind HTTP, with several tokens. The secret of a token is made of its name. */
export interface Team {
  readonly app: App;
  readonly tokens: TokenRegistry;
  readonly handler: HttpHandler;
  call(token: string, tool: string, args: Record<string, unknown>): Promise<Outcome>;
  /** Another replica, or the same after a restart: nothing is shared but the API. */
  replica(options?: TeamOptions): Team;
  /** The session as the API has it. */
  session(id: unknown): Promise<Session>;
  close(): Promise<void>;
}

export const SECRET = "a-binding-secret-for-tests-0123456789";

export function secretOf(name: string): string {
  return `${name}-`.repeat(32);
}

/** An entry of a token file; what a test does not give is not limited. */
export function entry(name: string, fields: Partial<TokenEntry> = {}): TokenEntry {
  const hash = sha256(secretOf(name));
  return { name, hashes: [hash], readOnly: false, sessions: "own", ...fields };
}

export function openTeam(
  entries: readonly TokenEntry[],
  options: TeamOptions = {},
): Team {
  return teamOver(openApp(), entries, options);
}

/** Options of the services, and of the server. */
export type TeamOptions = Partial<ServicesOptions> & Pick<ServerOptions, "toolSets">;

function teamOver(
  app: App,
  entries: readonly TokenEntry[],
  options: TeamOptions,
): Team {
  const { toolSets } = options;
  const services = app.servicesWith({ bindingKey: SECRET, ...options });
  const tokens = createTokenRegistry(entries);
  const { clock, log } = services;
  const handler = createHttpHandler(createServerFactory(services, { version: "1.2.3", toolSets }), {
    tokens,
    ready: () => Promise.resolve(true),
    log,
    clock,
  });
  const fetch = (request: Request) => handler.fetch(request);
  return {
    app,
    tokens,
    handler,
    async call(token, name, args) {
      const endpoint = { token: secretOf(token), fetch };
      const answer = await app.until(
        callMethod(endpoint, "tools/call", { name, arguments: args }),
      );
      const { isError, content, structuredContent } = answer;
      const [block] = Array.isArray(content) ? content : [];
      return {
        isError: isError === true,
        text: String(block?.text),
        result: typeof structuredContent === "object" ? { ...structuredContent } : {},
      };
    },
    replica: (more = {}) => teamOver(app, entries, { ...options, ...more }),
    session: (id) => app.until(app.services.api.sessions.retrieve(String(id))),
    async close() {
      await handler.close();
      app.close();
    },
  };
}
