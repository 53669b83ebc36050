/**
 * Starts the servers.
 *
 * @module
 */

import { type ChildOptions, startListening } from "../../helpers/child.ts";
import { apiAt } from "../../helpers/http_program.ts";
import { startOurHttp } from "../overhead/starts.ts";
import type { Program } from "./programs.ts";
import { isOurs, type SideName } from "./rows.ts";

/** The API that a server is to stand in front of. */
export interface ApiPlace {
  readonly url: string;
  /** The environment of new sessions; the quickstart server is told one as well. */
  readonly environmentId?: string;
  /** Most waits that will be open at once. */
  readonly waits?: number;
}

/** A server over HTTP. */
export interface HttpServer extends AsyncDisposable {
  /** Address of its MCP endpoint. */
  readonly url: string;
  readonly pid: number;
}

/** A server that can be started. */
export interface Side {
  readonly name: SideName;
  http(api: ApiPlace): Promise<HttpServer>;
  stdio(api: ApiPlace): ChildOptions & { readonly command: string };
}

/** Returns a server that is started by a program. */
export function sideOf(name: SideName, program: Program): Side {
  return isOurs(name) ? ourSide(name, program) : peerSide(name, program);
}

function ourSide(name: SideName, { command, args }: Program): Side {
  const start = ({ url, environmentId }: ApiPlace, more: readonly string[] = [], env = {}) => ({
    command,
    args: [...args, ...more],
    env: {
      ...apiAt(url),
      ...(environmentId && { CLAUDE_ENVIRONMENT_ID: environmentId }),
      ...env,
    },
    stderr: "null" as const,
  });
  return {
    name,
    async http(api) {
      const limits = api.waits === undefined ? [] : [`--max-waits=${api.waits}`];
      const { child, url } = await startOurHttp(
        api.url,
        (_, more, env) => start(api, [...more ?? [], ...limits], env),
      );
      return {
        url,
        pid: child.pid,
        async [Symbol.asyncDispose]() {
          // It does not end with its standard input, as the peers do.
          Deno.kill(child.pid, "SIGTERM");
          await child.close();
        },
      };
    },
    stdio: (api) => start(api),
  };
}

function peerSide(name: SideName, { command, args }: Program): Side {
  const start = ({ url, environmentId = "" }: ApiPlace, transport: "stdio" | "http") => ({
    command,
    args: [...args, url, transport, environmentId],
    stderr: "null" as const,
  });
  return {
    name,
    async http(api) {
      const { child, url } = await startListening(start(api, "http"));
      return {
        url: `${url}/mcp`,
        pid: child.pid,
        [Symbol.asyncDispose]: () => child.close(),
      };
    },
    stdio: (api) => start(api, "stdio"),
  };
}
