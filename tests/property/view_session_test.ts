// Whatever the host and the server say, and whenever the person clicks: no decision goes out twice,
// the session is read by one read at a time, and the page says what became of what was sent.
import { assert, assertEquals } from "@std/assert";
import { WRONG_PROOF } from "../../src/session/watched_session.ts";
import { assertAsync, fc } from "../helpers/fuzz.ts";
import {
  type OpenRequest,
  pendingCall,
  type Reply,
  SESSION,
  toolFailure,
  toolResult,
  ViewWorld,
  waitResult,
  watched,
} from "../helpers/view_world.ts";

const IDS = ["sevt_1", "sevt_2", "sevt_3"] as const;
const OUTCOMES = ["sent", "repeated", "answered_elsewhere", "changed", "gone", "unknown"] as const;

const id = fc.constantFrom(...IDS);

/** Something that happens: at the host, at the server, or by the person's hand. */
type Step =
  | { readonly does: "time"; readonly ms: number }
  | { readonly does: "host"; readonly what: "partial" | "input" | "cancel" }
  | { readonly does: "result"; readonly status: string; readonly lists: boolean }
  | { readonly does: "ask" | "settle" | "change"; readonly id: string }
  | { readonly does: "turn"; readonly over: boolean }
  | { readonly does: "reads"; readonly go: "well" | "nowhere" | "wrong" | "form" }
  | {
    readonly does: "answers";
    readonly go: (typeof OUTCOMES)[number] | "nowhere" | "wrong" | "proof" | "unsupported";
  }
  | { readonly does: "messages"; readonly go: "well" | "nowhere" | "wrong" }
  | { readonly does: "click"; readonly what: "allow" | "deny" | "answer"; readonly id: string }
  | { readonly does: "press"; readonly what: "interrupt" | "tell" | "retry" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant("time" as const),
      ms: fc.constantFrom(0, 10, 300, 1_000, 2_500, 16_000, 61_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant("host" as const),
      what: fc.constantFrom("partial", "input", "cancel"),
    }),
  },
  fc.record({
    does: fc.constant("result" as const),
    status: fc.constantFrom("idle", "timeout", "requires_action"),
    lists: fc.boolean(),
  }),
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constantFrom("ask", "settle", "change"), id }),
  },
  fc.record({ does: fc.constant("turn" as const), over: fc.boolean() }),
  fc.record({
    does: fc.constant("reads" as const),
    go: fc.constantFrom("well", "well", "nowhere", "wrong", "form"),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant("answers" as const),
      go: fc.constantFrom("sent", ...OUTCOMES, "nowhere", "wrong", "proof", "unsupported"),
    }),
  },
  fc.record({
    does: fc.constant("messages" as const),
    go: fc.constantFrom("well", "nowhere", "wrong"),
  }),
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("click" as const),
      what: fc.constantFrom("allow", "allow", "deny", "answer"),
      id,
    }),
  },
  fc.record({
    does: fc.constant("press" as const),
    what: fc.constantFrom("interrupt", "tell", "retry"),
  }),
);

/** What has become of the answers to one call, by what left the page and what came back. */
interface Fate {
  /** Sends that the person's clicks, and refused proofs, allow. */
  allowed: number;
  mayRetry: boolean;
  /** The newest reply: an outcome, or what else came of it. */
  last: string;
}

class Play {
  readonly world = new ViewWorld({ capabilities: { message: {} } });
  readonly fates = new Map<string, Fate>();
  readonly asking = new Map<string, number>();
  #turn = 1;
  #isOver = false;
  #reads: "well" | "nowhere" | "wrong" | "form" = "well";
  #answers = "sent";
  #messages = "well";
  #interrupts = 0;
  #proofs = 0;
  #lastRead = -Infinity;
  /** Sends that were checked, by call. */
  readonly #counted = new Map<string, number>();
  /** Deeds that may be told, and those that were. */
  deeds = 0;
  told = 0;
  isTellingTwice = false;

  constructor() {
    const { world } = this;
    world.replies = {
      watch_session: () => this.#read(),
      answer_tool_use: (request) => this.#answer(request),
      interrupt: () => {
        this.#interrupts--;
        this.deeds++;
        return { result: toolResult({ queued: true }) };
      },
      "ui/message": ({ params }) => {
        if (this.#messages === "wrong") {
          this.isTellingTwice = true;
          return { result: { isError: true } };
        }
        this.told += countsIn(JSON.stringify(params.content));
        return this.#messages === "nowhere" ? undefined : { result: {} };
      },
    };
    for (const eventId of IDS) {
      this.fates.set(eventId, { allowed: 0, mayRetry: false, last: "none" });
    }
  }

  fate(eventId: unknown): Fate {
    const fate = this.fates.get(String(eventId));
    assert(fate, `${eventId} was never shown`);
    return fate;
  }

  async run(steps: readonly Step[]): Promise<void> {
    const { world } = this;
    await world.start();
    let seen = 0;
    for (const one of steps) {
      await this.#do(one);
      for (const request of world.requests.slice(seen)) this.#sent(request);
      seen = world.requests.length;
      this.check();
    }
    world.teardown();
    const { length } = world.requests;
    await world.advance(120_000);
    assertEquals(world.requests.length, length, "nothing is sent after the end");
  }

  #sent({ name, args, at }: OpenRequest): void {
    if (name === "watch_session") {
      assert(at - this.#lastRead >= 1_000, `two reads within ${at - this.#lastRead} ms`);
      this.#lastRead = at;
    }
    if (name === "interrupt") {
      assertEquals(++this.#interrupts > 1, false, "one interrupt at a time");
    }
    if (name !== "answer_tool_use") return;
    assertEquals(args.session_id, SESSION);
  }

  #read(): Reply {
    if (this.#reads === "nowhere") return undefined;
    if (this.#reads === "wrong") return { result: toolFailure("Too many calls.") };
    const calls = [...this.asking].map(([eventId, version]) =>
      pendingCall(eventId, {
        input: `{"v":${version}}`,
        ...(eventId === "sevt_3" && { kind: "custom_tool_result" }),
      })
    );
    const proofs = calls.map(({ event_id: eventId }) => [eventId, `p${++this.#proofs}`]);
    const can = { ...watched().can, asks_by_form: this.#reads === "form" };
    const status = this.#isOver ? "idle" : calls.length > 0 ? "requires_action" : "running";
    const { proofs: _, ...session } = watched({
      status,
      turn: { key: `turn-${this.#turn}` },
      pending: calls,
      can,
    });
    return { result: toolResult({ ...session, proofs: Object.fromEntries(proofs) }) };
  }

  #answer({ args: { event_id: eventId, result } }: OpenRequest): Reply {
    const fate = this.fate(eventId);
    const end = (last: string, reply: Reply) => {
      fate.last = last;
      return reply;
    };
    switch (this.#answers) {
      case "nowhere":
        return end("nowhere", undefined);
      case "wrong":
        return end("failed", { result: toolFailure("Too many calls.") });
      case "unsupported":
        return end("failed", { fail: { code: -32601, message: "Method not found" } });
      case "proof":
        if (fate.mayRetry) fate.allowed++;
        fate.mayRetry = false;
        return end("proof", { result: toolFailure(`${WRONG_PROOF}.`) });
    }
    if (["sent", "repeated", "answered_elsewhere"].includes(this.#answers)) {
      this.deeds++;
      this.asking.delete(String(eventId));
    }
    const fields = { event_id: eventId, result, outcome: this.#answers };
    return end(this.#answers, { result: toolResult(fields) });
  }

  async #do(one: Step): Promise<void> {
    const { world } = this;
    switch (one.does) {
      case "time":
        return await this.#pass(one.ms);
      case "host":
        if (one.what === "partial") {
          world.notify("tool-input-partial", { arguments: { session_id: SESSION.slice(0, 9) } });
        }
        if (one.what === "input") world.input();
        if (one.what === "cancel") world.notify("tool-cancelled", {});
        return;
      case "result": {
        const waiting = [...this.asking.keys()].map((eventId) => ({
          event_id: eventId,
          kind: eventId === "sevt_3" ? "custom_tool_result" : "tool_confirmation",
          name: "bash",
        }));
        const actions = one.lists ? waiting : [];
        return world.result(
          waitResult({ status: one.status, pending_actions: actions, reply: "" }),
        );
      }
      case "ask":
        this.asking.set(one.id, this.asking.get(one.id) ?? 1);
        return;
      case "change":
        if (this.asking.has(one.id)) this.asking.set(one.id, (this.asking.get(one.id) ?? 0) + 1);
        return;
      case "settle":
        this.asking.delete(one.id);
        return;
      case "turn":
        this.#isOver = one.over;
        if (!one.over) this.#turn++;
        if (one.over) this.asking.clear();
        return;
      case "reads":
        this.#reads = one.go;
        return;
      case "answers":
        this.#answers = one.go;
        return;
      case "messages":
        this.#messages = one.go;
        return;
      case "click":
        return this.#click(one.what, one.id);
      case "press":
        if (one.what === "tell") this.isTellingTwice = true;
        world.actions[one.what]();
    }
  }

  /** Moves time in small parts, and looks at the page after each. */
  async #pass(ms: number): Promise<void> {
    const parts = ms > 5_000 ? 4 : 1;
    for (let part = 0; part < parts; part++) {
      await this.world.advance(ms / parts);
      this.check();
    }
  }

  #click(what: "allow" | "deny" | "answer", eventId: string): void {
    const { world } = this;
    const before = world.pending(eventId)?.state;
    const sends = world.of("answer_tool_use").length;
    if (before === "waits" || before === "failed") {
      const fate = this.fate(eventId);
      fate.allowed = 1;
      fate.mayRetry = true;
    }
    if (what === "allow") world.actions.allow(eventId);
    if (what === "deny") world.actions.deny(eventId, "No.");
    if (what === "answer") world.actions.answer(eventId, "42", false);
    const now = world.of("answer_tool_use").slice(sends);
    for (const { args } of now) {
      assertEquals([args.event_id, args.result], [eventId, what], "what was clicked is sent");
    }
  }

  /** Counts the sends since the last check, and compares the page with them. */
  check(): void {
    const { world } = this;
    const reads = [...world.open.values()].filter(({ name, at }) =>
      name === "watch_session" && world.clock.now() - at < 15_000
    );
    assert(reads.length <= 1, "two reads at a time");
    const sends = world.of("answer_tool_use");
    for (const eventId of IDS) {
      const fate = this.fate(eventId);
      const known = this.#counted.get(eventId) ?? 0;
      const count = sends.filter(({ args }) => args.event_id === eventId).length;
      for (let at = known; at < count; at++) {
        assert(fate.allowed > 0, `${eventId} was sent without anybody asking for it`);
        fate.allowed--;
      }
      this.#counted.set(eventId, count);
      const open = [...world.open.values()].filter(({ name, args, at }) =>
        name === "answer_tool_use" && args.event_id === eventId && world.clock.now() - at < 60_000
      );
      assert(open.length <= 1, `${eventId} is being sent twice`);
      this.#checkState(eventId, open.length > 0, fate);
    }
    if (!this.isTellingTwice) {
      assert(this.told <= this.deeds, "the model is told more than was done");
    }
  }

  #checkState(eventId: string, isSending: boolean, { last }: Fate): void {
    const shown = this.world.pending(eventId);
    if (!shown) return assert(!isSending, `${eventId} vanished while it was being sent`);
    const { state, outcome } = shown;
    if (isSending) return assertEquals(state, "sending");
    if (state === "over" && (outcome === "sent" || outcome === "repeated")) {
      assertEquals(last, outcome, `${eventId} says what nobody answered`);
    }
    if (state === "over" && outcome === "unknown") {
      assert(last === "unknown" || last === "nowhere", `${eventId} is ${last}`);
    }
    if (last === "sent" && state !== "over") {
      // Another turn may ask under the same id; the page then shows it anew.
      assert(shown.result === undefined, `${eventId} was sent, and is ${state}`);
    }
  }
}

/** Sums the numbers of a sentence for the model: of calls, and one for an interrupt. */
function countsIn(text: string): number {
  const calls = [...text.matchAll(/(\d+) tool calls?/g)].map(([, count]) => Number(count));
  return calls.reduce((sum, count) => sum + count, text.includes("interrupted") ? 1 : 0);
}

Deno.test("no order of messages, reads and clicks makes the page send twice or say what is not so", async () => {
  await assertAsync(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (steps) => {
      await new Play().run([
        { does: "host", what: "input" },
        { does: "ask", id: "sevt_1" },
        { does: "time", ms: 300 },
        ...steps,
      ]);
    }),
    { numRuns: 250, interruptAfterTimeLimit: 20_000 },
  );
});
