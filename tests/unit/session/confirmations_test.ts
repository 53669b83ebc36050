import { assertEquals } from "@std/assert";
import { Confirmations } from "../../../src/session/confirmations.ts";
import type { AskedCall, Decision } from "../../../src/session/person.ts";
import { httpError } from "../tools/support.ts";
import { askingCall, blockedOn } from "./asked_support.ts";

/** A session that waits for a call, and a person who decides by `decision`. */
function asking(decision?: Decision) {
  const session = blockedOn((e) => [
    e.make("agent.custom_tool_use", { name: "custom", input: {} }),
    askingCall(e, "a"),
  ]);
  const asked: (readonly AskedCall[])[] = [];
  const { services, clock, ids } = session;
  const confirmations = new Confirmations("sesn_1", {
    ...services,
    clock,
    by: { channel: "terminal", mayAct: () => true },
    askPerson: (shown) => {
      asked.push(shown);
      return Promise.resolve(
        new Map(shown.flatMap(({ eventId }) => decision ? [[eventId, decision]] : [])),
      );
    },
  });
  const ask = (blocking = ids) =>
    clock.runUntil(confirmations.ask(blocking, new AbortController().signal));
  return { ...session, asked, ask };
}

Deno.test("calls of custom tools are not asked about", async () => {
  const { ask, asked, sent } = asking({ result: "allow" });
  assertEquals((await ask()).map(({ kind }) => kind), ["sent"]);
  assertEquals(asked.map((calls) => calls.map(({ tool }) => tool)), [["bash"]]);
  assertEquals(sent.length, 1);
});

Deno.test("calls that were put off are not asked about again", async () => {
  const { ask, asked, sent } = asking();
  assertEquals([await ask(), await ask()], [[], []]);
  assertEquals([asked.length, sent], [1, []]);
});

Deno.test("a decision that failed can be made again", async () => {
  const { services, ask, asked } = asking({ result: "allow" });
  const { send } = services.api.events;
  Object.assign(services.api.events, { send: () => Promise.reject(httpError(403)) });
  assertEquals((await ask()).map(({ kind }) => kind), ["failed"]);
  Object.assign(services.api.events, { send });
  assertEquals((await ask()).map(({ kind }) => kind), ["sent"]);
  assertEquals(asked.length, 2);
});

Deno.test("a call that the list does not show yet is waited for", async () => {
  const { ask, asked, list } = asking();
  const late = list.events.splice(2);
  const { requests } = list;
  requests.push = (...params) => {
    // The first read has found nothing when the second is made.
    if (requests.length === 1) list.events.push(...late);
    return Array.prototype.push.apply(requests, params);
  };
  await ask();
  assertEquals([requests.length, asked[0]?.length], [2, 1]);
});

Deno.test("nothing is read where nothing waits", async () => {
  const { ask, list } = asking();
  assertEquals([await ask([]), list.requests], [[], []]);
});
