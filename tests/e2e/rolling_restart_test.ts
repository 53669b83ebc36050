import { assert, assertEquals } from "@std/assert";
import { callServedTool, type McpEndpoint } from "../../src/commands/mcp_call.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";
import { endpointAt, type HttpProgram, startHttp } from "../helpers/http_program.ts";
import { RoundRobin } from "./round_robin.ts";

const CLIENTS = 12;
/** How much faster than time the agents work: their turns take 0.2 to 4 seconds. */
const SPEED = 10;
/** Chained waits of one turn, far more than it takes. */
const MAX_WAITS = 100;

/** What the clients have seen. */
interface Tally {
  turns: number;
  waits: number;
  /** Waits that ended before their turn did. */
  cutShort: number;
  /** Calls that were put off with a `Retry-After`. */
  putOff: number;
  readonly losses: string[];
}

/** Repeats what a server that shuts down has put off, as its answer asks for. */
function patient(endpoint: McpEndpoint, tally: Tally): McpEndpoint {
  return {
    ...endpoint,
    fetch: async (request) => {
      for (;;) {
        const response = await endpoint.fetch(request.clone());
        const again = response.status === 503 || response.status === 502;
        if (!again || response.headers.get("retry-after") === null) return response;
        await response.body?.cancel();
        tally.putOff++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

/** Follows a turn by chained waits; resolves with the cursor at its end. */
async function followTurn(
  endpoint: McpEndpoint,
  tally: Tally,
  turn: { readonly session_id: string; readonly after_id?: string; readonly said: string[] },
): Promise<string> {
  const { session_id, said } = turn;
  let { after_id } = turn;
  const heard: string[] = [];
  for (let waits = 0; waits < MAX_WAITS; waits++) {
    const args = { session_id, timeout_sec: 60, ...(after_id !== undefined && { after_id }) };
    const result = await callServedTool(endpoint, "wait_for_idle", args);
    tally.waits++;
    if (result.reply !== "") heard.push(...String(result.reply).split("\n\n"));
    if (typeof result.last_event_id === "string") after_id = result.last_event_id;
    if (result.status === "idle" && after_id !== undefined) {
      if (heard.join() !== said.join()) tally.losses.push(`heard [${heard}], said [${said}]`);
      tally.turns++;
      return after_id;
    }
    tally.cutShort++;
  }
  throw new Error(`The turn does not end: heard [${heard}], said [${said}]`);
}

/** Plays and follows turns of one session, one after the other, until told to stop. */
async function followSession(
  upstream: UpstreamProcess,
  endpoint: McpEndpoint,
  tally: Tally,
  session: { readonly session_id: string; readonly isOver: () => boolean },
): Promise<void> {
  const { session_id, isOver } = session;
  let after_id: string | undefined;
  for (let turn = 0; !isOver(); turn++) {
    const label = `${session_id.slice(-4)}.${turn}`;
    const said = await upstream.control<string[]>("turn", { sessionIds: [session_id], label });
    after_id = await followTurn(endpoint, tally, { session_id, after_id, said });
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

Deno.test("a rolling restart of two replicas under chained waits neither loses nor repeats text", async () => {
  const upstream = await UpstreamProcess.start({ speed: SPEED });
  const env = { ANTHROPIC_API_KEY: "e2e-key", CMA_BASE_URL: upstream.address.url };
  const start = () => startHttp(["--log-format", "json", "--drain-seconds", "1"], env);
  const balancer = new RoundRobin();
  const replicas: HttpProgram[] = await Promise.all([start(), start()]);
  for (const { url } of replicas) await balancer.add(url);

  const tally: Tally = { turns: 0, waits: 0, cutShort: 0, putOff: 0, losses: [] };
  const endpoint = patient(endpointAt(balancer.url), tally);
  let over = false;
  const session_ids = await upstream.control<string[]>("create", { count: CLIENTS });
  const clients = Promise.all(
    session_ids.map((session_id) =>
      followSession(upstream, endpoint, tally, { session_id, isOver: () => over })
    ),
  );

  const codes: number[] = [];
  for (const [index, old] of [...replicas].entries()) {
    const { turns } = tally;
    await until(() => tally.turns >= turns + CLIENTS);
    old.program.kill("SIGTERM");
    codes.push((await old.program.ending()).code);
    await balancer.remove(old.url);
    const fresh = await start();
    replicas[index] = fresh;
    await balancer.add(fresh.url);
  }
  const { turns } = tally;
  await until(() => tally.turns >= turns + CLIENTS);
  over = true;
  await clients;
  for (const { program } of replicas) {
    program.kill("SIGTERM");
    codes.push((await program.ending()).code);
  }
  await balancer.close();
  await upstream.close();

  assertEquals(tally.losses, []);
  assertEquals(codes, [0, 0, 0, 0]);
  // Otherwise there would have been nothing to lose.
  assert(tally.cutShort > 0, JSON.stringify(tally));
  assertEquals(balancer.taken.size, 4, JSON.stringify([...balancer.taken]));
});
