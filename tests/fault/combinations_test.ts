import { assert, assertEquals } from "@std/assert";
import type { Habits } from "../../src/simulator/mod.ts";
import { hung, Rig } from "./rig.ts";

/** What combines: drops with long gaps, replays, queued input, approvals and workflow runs. */
interface Combination {
  readonly name: string;
  readonly habits?: Partial<Habits>;
  readonly timeoutMs?: number;
  plan(rig: Rig): void;
  readonly status: string;
  /** Messages of the reply, or a check of them. */
  readonly texts: readonly string[] | ((texts: readonly string[]) => boolean);
  readonly omits?: boolean;
}

function begun(rig: Rig): void {
  rig.pastTurn();
  rig.user("question");
  rig.running();
}

function dropAll(rig: Rig): void {
  for (const tap of [...rig.network.taps]) tap.break();
}

function say(rig: Rig, from: number, to: number): void {
  for (let i = from; i < to; i++) rig.text(`w${i}`);
}

function words(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `w${from + index}`);
}

function asks(rig: Rig): string {
  return rig.emit("agent.tool_use", { name: "bash", input: {}, evaluated_permission: "ask" });
}

function allow(rig: Rig, toolUseId: string, queued = false): string {
  return rig.emit("user.tool_confirmation", { tool_use_id: toolUseId, result: "allow" }, {
    queued,
  });
}

function run(rig: Rig, change: string): void {
  rig.emit(`workflow_run.${change}`, { workflow_run_id: "wrun_1", name: "nightly" });
}

function status(rig: Rig, value: "idle" | "running"): void {
  rig.simulator.setStatus(rig.sessionId, value);
}

const COMBINATIONS: readonly Combination[] = [
  {
    name: "a gap of 300 messages during a drop while another message is queued",
    plan: (rig) => {
      begun(rig);
      const second = rig.user("second", { queued: true });
      rig.at(1_000, () => {
        dropAll(rig);
        say(rig, 0, 300);
      });
      rig.at(20_000, () => rig.text("last"));
      rig.at(20_100, () => rig.idle());
      rig.at(20_200, () => rig.stamp(second));
      rig.at(20_300, () => rig.running());
      rig.at(21_000, () => rig.text("second answer"));
      rig.at(21_100, () => rig.idle());
    },
    status: "idle",
    texts: ["second answer"],
  },
  {
    name: "a gap of 300 messages during a drop in which a queued message joins the turn",
    plan: (rig) => {
      begun(rig);
      const second = rig.user("second", { queued: true });
      rig.at(1_000, () => {
        dropAll(rig);
        say(rig, 0, 300);
        rig.stamp(second);
      });
      rig.at(20_000, () => rig.text("last"));
      rig.at(20_100, () => rig.idle());
    },
    status: "idle",
    texts: [...words(0, 300), "last"],
  },
  {
    name: "a gap of 9,500 events during a drop",
    plan: (rig) => {
      begun(rig);
      rig.at(1_000, () => {
        dropAll(rig);
        rig.text("IMPORTANT");
        for (let i = 0; i < 9_500; i++) rig.emit("span.model_request_start");
      });
      rig.at(20_000, () => rig.text("last"));
      rig.at(20_100, () => rig.idle());
    },
    status: "idle",
    texts: ["IMPORTANT", "last"],
  },
  {
    name: "a stream that replays more than what was read",
    habits: { streamReplaysHistory: true },
    plan: (rig) => {
      for (let i = 0; i < 60; i++) rig.pastTurn(`OLD${i}`);
      rig.user("question");
      rig.running();
      rig.at(1_000, () => rig.text("one"));
      rig.at(5_000, () => rig.text("two"));
      rig.at(5_100, () => rig.idle());
    },
    status: "idle",
    texts: ["one", "two"],
  },
  {
    name: "a workflow run that was opened before what was read",
    plan: (rig) => {
      begun(rig);
      run(rig, "created");
      rig.idle();
      for (let i = 0; i < 200; i++) {
        rig.emit("session.thread_created", { session_thread_id: `sthr_${i}`, agent_name: "A" });
      }
      rig.pastTurn("progress");
      status(rig, "running");
      rig.at(30_000, () => run(rig, "status_ended"));
      rig.at(31_000, () => rig.running());
      rig.at(32_000, () => rig.text("the report"));
      rig.at(32_100, () => rig.idle());
    },
    status: "idle",
    texts: (texts) => texts.at(-1) === "the report",
  },
  {
    name: "a frame that breaks with the event in it",
    plan: (rig) => {
      begun(rig);
      rig.at(1_000, () => rig.text("one"));
      rig.at(1_900, () => {
        for (const tap of rig.network.taps) {
          tap.filter = (chunk) => {
            tap.filter = (whole) => whole;
            return new TextEncoder().encode(
              new TextDecoder().decode(chunk).replace('"type"', '"ty'),
            );
          };
        }
      });
      rig.at(2_000, () => rig.text("two"));
      rig.at(3_000, () => rig.text("three"));
      rig.at(3_100, () => rig.idle());
    },
    status: "idle",
    texts: ["one", "two", "three"],
  },
  {
    name: "a confirmation that is taken up late",
    plan: (rig) => {
      begun(rig);
      const ask = asks(rig);
      rig.idle("requires_action", { event_ids: [ask] });
      const answer = allow(rig, ask, true);
      rig.at(30_000, () => rig.stamp(answer));
      rig.at(30_100, () => rig.running());
      rig.at(31_000, () => rig.text("done"));
      rig.at(31_100, () => rig.idle());
    },
    status: "idle",
    texts: ["done"],
  },
  {
    name: "an interrupt that leaves a blocked session blocked",
    plan: (rig) => {
      begun(rig);
      rig.idle("requires_action", { event_ids: [asks(rig)] });
      rig.emit("user.interrupt", { session_thread_id: "sthr_child" });
    },
    status: "requires_action",
    texts: [],
  },
  {
    name: "two answers of which the first one's idle event still names the second call",
    plan: (rig) => {
      begun(rig);
      const [one, two] = [asks(rig), asks(rig)];
      rig.idle("requires_action", { event_ids: [one, two] });
      allow(rig, one);
      allow(rig, two);
      rig.at(500, () => rig.idle("requires_action", { event_ids: [two] }));
      rig.at(1_000, () => rig.running());
      rig.at(2_000, () => rig.text("done"));
      rig.at(2_100, () => rig.idle());
    },
    status: "idle",
    texts: ["done"],
  },
  {
    name: "a proxy's 404 on a reconnect",
    plan: (rig) => {
      begun(rig);
      rig.at(1_000, () => {
        let left = 1;
        rig.network.onRequest = () =>
          left-- > 0 ? Promise.resolve(new Response("<html>", { status: 404 })) : undefined;
        dropAll(rig);
      });
      rig.at(9_000, () => rig.text("done"));
      rig.at(9_100, () => rig.idle());
    },
    status: "idle",
    texts: ["done"],
  },
  {
    name: "a message queued at the far end of the list during a drop",
    habits: { nullProcessedAt: "first" },
    plan: (rig) => {
      for (let i = 0; i < 120; i++) rig.pastTurn();
      rig.user("question");
      rig.running();
      let second = "";
      rig.at(1_000, () => {
        dropAll(rig);
        second = rig.user("second", { queued: true });
        rig.text("one");
        rig.idle();
      });
      rig.at(9_000, () => rig.stamp(second));
      rig.at(9_100, () => rig.running());
      rig.at(10_000, () => rig.text("two"));
      rig.at(10_100, () => rig.idle());
    },
    status: "idle",
    texts: ["two"],
  },
  {
    name: "a message that waits while the agent takes a turn by itself",
    plan: (rig) => {
      rig.pastTurn();
      const sent = rig.user("question", { queued: true });
      rig.at(5_000, () => rig.running());
      rig.at(5_500, () => rig.text("a report"));
      rig.at(6_000, () => rig.idle());
      rig.at(20_000, () => rig.stamp(sent));
      rig.at(20_100, () => rig.running());
      rig.at(21_000, () => rig.text("the answer"));
      rig.at(21_100, () => rig.idle());
    },
    status: "idle",
    texts: ["the answer"],
  },
  {
    name: "a retry-after of an hour with the API back in seconds",
    timeoutMs: 300_000,
    plan: (rig) => {
      begun(rig);
      rig.at(1_000, () => {
        rig.network.onRequest = () =>
          Promise.resolve(new Response("{}", { status: 429, headers: { "retry-after": "3600" } }));
        dropAll(rig);
      });
      rig.at(3_000, () => {
        rig.network.onRequest = () => undefined;
      });
      rig.at(9_000, () => rig.text("done"));
      rig.at(9_100, () => rig.idle());
    },
    status: "idle",
    texts: ["done"],
  },
  {
    name: "an idle event after the session was terminated",
    plan: (rig) => {
      begun(rig);
      rig.text("part");
      rig.emit("session.status_terminated");
      rig.idle();
    },
    status: "terminated",
    texts: ["part"],
  },
  {
    name: "a stream that ends exactly with the idle event",
    plan: (rig) => {
      begun(rig);
      rig.at(1_000, () => rig.text("done"));
      rig.at(1_100, () => {
        rig.idle();
        for (const tap of [...rig.network.taps]) rig.at(0, () => tap.end());
      });
    },
    status: "idle",
    texts: ["done"],
  },
  {
    name: "a server whose status says failed",
    plan: (rig) => {
      begun(rig);
      rig.at(1_000, () => rig.text("part"));
      rig.at(1_100, () => rig.emit("span.model_request_end"));
      rig.network.onRequest = (request) =>
        /\/sessions\/[^/]+$/.test(new URL(request.url).pathname)
          ? Promise.resolve(Response.json({ id: rig.sessionId, status: "failed" }))
          : undefined;
    },
    status: "terminated",
    texts: ["part"],
  },
];

for (const combination of COMBINATIONS) {
  Deno.test(`wait() answers ${combination.name}`, async () => {
    const rig = new Rig(combination.habits);
    combination.plan(rig);
    const { result, leaked } = await rig.wait(combination.timeoutMs);
    const texts = result.reply.split("\n\n").filter((text) => text !== "");
    assertEquals(result.status, combination.status);
    const { texts: expected } = combination;
    if (typeof expected === "function") assert(expected(texts), JSON.stringify(texts));
    else assertEquals(texts, [...expected]);
    assertEquals(leaked, []);
    rig.close();
    await rig.clock.advance(400_000);
    assertEquals(rig.clock.pendingTimers, 0);
  });
}

Deno.test("wait() names at its deadline the tool calls that need an answer although the session runs", async () => {
  const rig = new Rig();
  begun(rig);
  const custom = rig.emit("agent.custom_tool_use", { name: "crm", input: { q: 1 } });
  const { result } = await rig.wait(20_000);
  assertEquals(result.status, "timeout");
  assertEquals(result.pending_actions.map(({ event_id, kind }) => [event_id, kind]), [
    [custom, "custom_tool_result"],
  ]);
  assert(result.next?.includes("the program that provides the tool"), result.next);
  rig.close();
});

Deno.test("wait() says that text was left out when a gap could not be read to its end", async () => {
  const rig = new Rig();
  begun(rig);
  rig.at(1_000, () => {
    dropAll(rig);
    rig.text("IMPORTANT");
    for (let i = 0; i < 31_000; i++) rig.emit("span.model_request_start");
  });
  rig.at(20_000, () => rig.text("last"));
  rig.at(20_100, () => rig.idle());
  const { result } = await rig.wait();
  assertEquals(result.reply, "last");
  assert(result.omitted !== undefined);
  rig.close();
});

Deno.test("wait() after a first message waits until the list shows the message", async () => {
  const rig = new Rig();
  let hidden = true;
  rig.user("question");
  rig.running();
  rig.network.onRequest = (request) =>
    hidden && new URL(request.url).pathname.endsWith("/events")
      ? Promise.resolve(Response.json({ data: [] }))
      : undefined;
  rig.expect();
  rig.at(600, () => hidden = false);
  rig.at(2_000, () => rig.text("done"));
  rig.at(2_100, () => rig.idle());
  const { result } = await rig.wait();
  assertEquals([result.status, result.reply], ["idle", "done"]);
  rig.close();
});

Deno.test("cancelling frees the stream at once, at every point of a wait", async () => {
  for (const at of [0, 1, 2, 3, 5, 8]) {
    const rig = new Rig();
    begun(rig);
    if (at === 5) rig.network.onRequest = (request) => hung(request);
    const cancelled = await rig.cancelAfterTurns(at);
    assertEquals(cancelled, "cancelled");
    assertEquals(rig.network.taps.size, 0);
    assertEquals(rig.simulator.openStreams(), 0);
    rig.close();
    assertEquals(rig.clock.pendingTimers, 0);
  }
});
