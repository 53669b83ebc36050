/**
 * Measures what it costs that a caller has signed in: calls of `get_agent` over HTTP with an access
 * token beside the same calls with a static token.
 *
 * @module
 */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { startListening } from "../helpers/child.ts";
import { apiAt, startHttp, TOKEN } from "../helpers/http_program.ts";
import { processCost } from "../helpers/process_cost.ts";
import { type Bench, type Figure, figure, inTurns, ratios } from "./figure.ts";
import { callMessage, checkResponse, REVISIONS } from "./overhead/calls.ts";
import { postBytes, RawConnection } from "./overhead/raw_client.ts";
import { helperStart } from "./overhead/starts.ts";
import { runAsProgram } from "./program.ts";

const CONNECTIONS = 16;
const RESOURCE = "http://127.0.0.1:9/mcp";
const ALGORITHMS = ["RS256", "ES256"] as const;

type Algorithm = typeof ALGORITHMS[number];

/** Calls that are made in a round, and rounds. */
const FULL = { calls: 1_000, rounds: 7 } as const;
const QUICK = { calls: 40, rounds: 1 } as const;

interface Load {
  readonly callsPerSecond: number;
  /** Microseconds that the program computed for a call; NaN where the system does not tell. */
  readonly cpuMicros: number;
}

/** An authorization server that publishes keys, and signs whatever it is asked to. */
async function startIssuer(stack: AsyncDisposableStack) {
  const keys = new Map(
    await Promise.all(
      ALGORITHMS.map(async (alg) =>
        [alg, await generateKeyPair(alg, { extractable: true })] as const
      ),
    ),
  );
  const published = await Promise.all(
    [...keys].map(async ([alg, { publicKey }]) => ({
      ...await exportJWK(publicKey),
      alg,
      kid: alg,
    })),
  );
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const { origin, pathname } = new URL(url);
    if (pathname === "/keys") return Response.json({ keys: published });
    return Response.json({ issuer: origin, jwks_uri: `${origin}/keys` });
  });
  stack.defer(() => server.shutdown());
  const issuer = `http://127.0.0.1:${server.addr.port}`;
  let serial = 0;
  const sign = (alg: Algorithm) => {
    const key = keys.get(alg)?.privateKey;
    if (!key) throw new TypeError(`There is no key for ${alg}`);
    const now = Math.floor(Date.now() / 1_000);
    const jti = `${++serial}`;
    return new SignJWT({ iss: issuer, aud: RESOURCE, sub: "alice", scope: "agents:read", jti })
      .setIssuedAt(now).setExpirationTime(now + 3_600)
      .setProtectedHeader({ alg, typ: "at+jwt", kid: alg }).sign(key);
  };
  return { issuer, sign };
}

/** Makes so many calls, each with the token at its place. @throws Error when one call fails */
async function load(
  { url, pid }: { readonly url: string; readonly pid: number },
  tokens: readonly string[],
): Promise<Load> {
  using stack = new DisposableStack();
  const message = callMessage(1);
  const requests = tokens.map((token) =>
    postBytes(url, {
      "authorization": `Bearer ${token}`,
      "content-type": "application/json",
      "accept": "application/json, text/event-stream",
      "mcp-protocol-version": REVISIONS.legacy,
    }, message)
  );
  const connections: RawConnection[] = [];
  for (let i = 0; i < CONNECTIONS; i++) connections.push(stack.use(await RawConnection.open(url)));
  const before = await processCost(pid);
  const startedAt = performance.now();
  await Promise.all(connections.map(async (connection) => {
    for (let next = requests.pop(); next; next = requests.pop()) {
      checkResponse(await connection.request(next));
    }
  }));
  const elapsedMs = performance.now() - startedAt;
  const after = await processCost(pid);
  return {
    callsPerSecond: tokens.length / elapsedMs * 1_000,
    cpuMicros: before && after ? (after.cpuMs - before.cpuMs) / tokens.length * 1_000 : NaN,
  };
}

async function measure({ calls, rounds }: typeof FULL | typeof QUICK) {
  await using stack = new AsyncDisposableStack();
  const { issuer, sign } = await startIssuer(stack);
  const { url: apiUrl } = stack.use(await startListening(helperStart("canned_upstream.ts")));
  const program = stack.use(
    await startHttp(
      [`--oauth-issuer=${issuer}`, `--public-url=${RESOURCE.replace("/mcp", "")}`],
      apiAt(apiUrl),
    ),
  );
  const same = (token: string) => Array<string>(calls).fill(token);
  const remembered = await sign("RS256");
  const fresh = (alg: Algorithm) => Promise.all(Array.from({ length: calls }, () => sign(alg)));
  return await inTurns(
    rounds,
    new Map([
      ["token", () => load(program, same(TOKEN))],
      ["remembered", () => load(program, same(remembered))],
      ["new_rs256", async () => load(program, await fresh("RS256"))],
      ["new_es256", async () => load(program, await fresh("ES256"))],
    ]),
  );
}

const WHAT: Readonly<Record<string, string>> = {
  remembered: "calls with one access token",
  new_rs256: "calls with a new access token each, RS256",
  new_es256: "calls with a new access token each, ES256",
};

function figuresOf(found: ReadonlyMap<string, readonly Load[]>): Figure[] {
  const of = (name: string, field: keyof Load) => (found.get(name) ?? []).map((one) => one[field]);
  return Object.entries(WHAT).flatMap(([name, what]) => {
    const cpu = of(name, "cpuMicros").map((micros, at) =>
      micros - (of("token", "cpuMicros")[at] ?? NaN)
    );
    return [
      figure(
        {
          id: `sign_in.${name}.vs_token`,
          what: `${what}: calls a second, relative to a static token`,
          unit: "x",
          better: "more",
        },
        ratios(of(name, "callsPerSecond"), of("token", "callsPerSecond")),
      ),
      ...cpu.every(Number.isFinite)
        ? [figure({
          id: `sign_in.${name}.cpu`,
          what: `${what}: processor time of a call, beyond that with a static token`,
          unit: "µs",
          better: "less",
        }, cpu)]
        : [],
    ];
  });
}

/** Times calls of people who have signed in. */
export const bench: Bench = {
  name: "sign_in",
  what: "calls with access tokens, beside calls with a static token",
  run: async ({ quick }) => ({ figures: figuresOf(await measure(quick ? QUICK : FULL)) }),
};

if (import.meta.main) await runAsProgram(bench);
