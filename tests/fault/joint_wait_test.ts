// Waits for three sessions at once, of which one has a connection that fails in every known way.
import { assert, assertEquals } from "@std/assert";
import { createApi } from "../../src/api/client.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createServices } from "../../src/tools/services.ts";
import { followAll } from "../helpers/joint_calls.ts";
import { settle } from "../helpers/manual_clock.ts";
import {
  arm,
  type Moment,
  NETWORK_FAULTS,
  type NetworkFault,
  playTurn,
  SAID,
} from "./network_faults.ts";
import { answer, hung, Rig } from "./rig.ts";

/** Three sessions of one API, each behind a network of its own. */
function openThree() {
  const first = new Rig();
  const rigs = [first, new Rig({}, first), new Rig({}, first)] as const;
  const { clock, simulator } = first;
  const api = createApi({
    baseUrl: "http://simulator.test",
    credential: () => ({ kind: "api_key", value: "test-key" }),
    fetch: (request) => {
      const rig = rigs.find(({ sessionId }) => request.url.includes(sessionId)) ?? first;
      return rig.network.fetch(request);
    },
    clock,
    random: () => 0.5,
  });
  const log = silentLogger;
  const waiter = createWaiter({ api, clock, log, random: () => 0.5 });
  const services = createServices({ api, waiter, clock, log });
  return {
    rigs,
    ids: rigs.map(({ sessionId }) => sessionId),
    follow: (mode: "any" | "all", timeout_sec: number) =>
      clock.runUntil(followAll(services, rigs.map(({ sessionId }) => sessionId), {
        mode,
        timeout_sec,
      })),
    async close(afterMs = 0) {
      await settle();
      assertEquals([simulator.openStreams(), waiter.stats().openWaits], [0, 0]);
      simulator.close();
      await clock.advance(afterMs);
      assertEquals(clock.pendingTimers, 0);
    },
  };
}

/** A turn of two seconds that says little. */
function playShortTurn(rig: Rig, text: string): void {
  rig.user("question");
  rig.running();
  rig.at(1_900, () => rig.text(text));
  rig.at(2_000, () => rig.idle());
}

const MOMENTS: readonly Moment[] = ["before the stream opens", "mid-turn", "at the end"];

async function playCase(fault: NetworkFault, moment: Moment, mode: "any" | "all") {
  const { rigs, ids, follow, close } = openThree();
  const [faulty, ...others] = rigs;
  playTurn(faulty);
  for (const rig of others) playShortTurn(rig, `short of ${rig.sessionId}`);
  arm(faulty, fault, moment);
  const { replies, statuses, endedAt } = await follow(mode, 60);
  // Whatever happens to the one, every word of each session arrives once.
  assertEquals(
    ids.map((id) => replies[id]?.join("\n\n")),
    [SAID.join("\n\n"), ...others.map(({ sessionId }) => `short of ${sessionId}`)],
  );
  assertEquals(ids.map((id) => statuses[id]), ["idle", "idle", "idle"]);
  const [first = Infinity] = endedAt;
  // Nobody waits for the one that fails longer than it takes to tell how it stands.
  if (mode === "any") assert(first <= 3_500, `${first} ms`);
  assert(endedAt.length <= (mode === "any" ? 4 : 1), `${endedAt.length} calls`);
  await close(fault.lastsMs);
}

for (const fault of NETWORK_FAULTS) {
  for (const moment of MOMENTS) {
    for (const mode of ["any", "all"] as const) {
      Deno.test(`wait_for_any (${mode}) survives ${fault.name} ${moment} of one session`, () =>
        playCase(fault, moment, mode));
    }
  }
}

for (
  const [what, respond] of [
    ["that was deleted", () => Promise.resolve(answer(404))],
    ["whose requests hang", (request: Request) => hung(request)],
    ["whose requests fail", () => Promise.resolve(answer(500))],
    ["that nobody may read", () => Promise.resolve(answer(403))],
  ] as const
) {
  for (const mode of ["any", "all"] as const) {
    Deno.test(`wait_for_any (${mode}) gives the others' answers beside a session ${what}`, async () => {
      const { rigs, ids, follow, close } = openThree();
      const [faulty, ...others] = rigs;
      faulty.network.onRequest = respond;
      for (const rig of others) playShortTurn(rig, "short");
      const { clock } = faulty;
      // It is there again after a while, for those who still ask.
      clock.after(30_000, () => {
        faulty.network.onRequest = () => undefined;
        playShortTurn(faulty, "late");
      });
      const { replies, statuses, endedAt } = await follow(mode, 10);
      const isLost = what === "that was deleted" || what === "that nobody may read";
      assertEquals(ids.map((id) => replies[id]), [isLost ? [] : ["late"], ["short"], ["short"]]);
      assertEquals(ids.map((id) => statuses[id]), [isLost ? "error" : "idle", "idle", "idle"]);
      const [first = Infinity] = endedAt;
      assert(first <= (mode === "all" && !isLost ? 10_000 : 3_500), `${first} ms`);
      await close(40_000);
    });
  }
}
