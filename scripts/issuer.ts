/**
 * `deno task issuer`: an authorization server on this machine, at which alice and bob can sign in with
 * any password. It is for trying how people sign in, and keeps nothing. With a name it prints an access
 * token instead, as a client gets one after the browser.
 *
 * @module
 */

import {
  AuthorizationServer,
  INTROSPECTOR,
  issuerOf,
  PEOPLE,
} from "../tests/helpers/authorization_server.ts";
import { signIn, type SignInRequest } from "../tests/helpers/sign_in.ts";
import { type Instrument, type Options, runInstrument } from "./instrument.ts";
import { printLines } from "./table.ts";

const FLAGS = { port: 9000, minutes: 10, opaque: false } as const;

const USAGE = `deno task issuer [flags]
  runs an authorization server until Ctrl+C
deno task issuer <name> <resource> [scope …]
  signs ${Object.keys(PEOPLE).join(" or ")} in at the one that runs, and prints the access token

  --port <number>     port at 127.0.0.1 (${FLAGS.port})
  --minutes <number>  time for which access tokens count (${FLAGS.minutes})
  --opaque            issue tokens that only introspection can read`;

const ALL_SCOPES = "agents:read sessions:read sessions:write actions";

/** The instrument, for its tests. */
export const ISSUER: Instrument<typeof FLAGS> = {
  usage: USAGE,
  flags: FLAGS,
  complaints(_options, [name, resource]) {
    if (name === undefined) return [];
    if (!Object.hasOwn(PEOPLE, name)) {
      return [`Nobody is called "${name}": there are ${Object.keys(PEOPLE).join(" and ")}`];
    }
    if (resource !== undefined && URL.canParse(resource)) return [];
    return ["Say for which server the token is to be, such as http://127.0.0.1:3000/mcp"];
  },
  async run(options, [name, resource, ...scopes]) {
    try {
      if (name === undefined) await serve(options);
      else await printToken(options, name, { resource, scope: scopes.join(" ") || ALL_SCOPES });
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      printLines([`It failed at port ${options.port}: ${why}`], Deno.stderr);
      return false;
    }
  },
};

async function printToken(
  { port }: Options<typeof FLAGS>,
  name: string,
  request: SignInRequest,
): Promise<void> {
  const { access_token } = await signIn({ issuer: issuerOf(port) }, name, request);
  printLines([access_token]);
}

async function serve({ port, minutes, opaque }: Options<typeof FLAGS>): Promise<void> {
  await using server = await AuthorizationServer.start({
    port,
    // Documents of clients stand elsewhere, and this program reaches only this machine.
    clients: ["registration"],
    accessTokenSeconds: minutes * 60,
    tokens: opaque ? "opaque" : "jwt",
  });
  printLines([
    `The issuer is ${server.issuer}. People, with any password:`,
    ...Object.entries(PEOPLE).map(([name, claims]) => `  ${name}  ${JSON.stringify(claims)}`),
    ...opaque
      ? [
        `Introspection: ${server.issuer}/token/introspection, client ${INTROSPECTOR.clientId}, ` +
        `secret ${INTROSPECTOR.secret}`,
      ]
      : [],
  ]);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, resolve);
  });
}

if (import.meta.main) await runInstrument(ISSUER);
