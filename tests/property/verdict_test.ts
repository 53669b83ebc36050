import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../src/api/events.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { WaitResult } from "../../src/session/result.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { FakeSession } from "../helpers/fake_api.ts";
import { assertAsync, fc } from "../helpers/fuzz.ts";
import { ManualClock, settle } from "../helpers/manual_clock.ts";

/** How a server stamps a message that is sent while a turn runs; each gets a turn of its own. */
type Stamping =
  /** When it is taken up; lists show it where it was sent. */
  | "in_place"
  /** When it is taken up; lists show it there. */
  | "when_taken"
  /** When it is received. */
  | "on_receipt"
  /** Never: there are no times. */
  | "no_times";

interface Plan {
  readonly stamping: Stamping;
  /** From an idle event to the next running one, while a message waits. */
  readonly gapMs: number;
  /** From the stamp of a message to the running event, in an idle session. */
  readonly startMs: number;
  /** Whether the status reads idle in that gap. */
  readonly idleInGap: boolean;
  /** Whether a stream begins with an idle or running event that tells how the session stands. */
  readonly snapshots: boolean;
  /** When messages are sent, in milliseconds after the one before. */
  readonly sends: readonly number[];
  /** From the last send to the first wait. */
  readonly waitAfterMs: number;
  readonly timeoutMs: number;
  /** Whether the status is a word that nobody knows while the session works. */
  readonly oddStatus: boolean;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  stamping: fc.constantFrom<Stamping>("in_place", "when_taken", "on_receipt", "no_times"),
  gapMs: fc.nat(15_000),
  startMs: fc.nat(20_000),
  idleInGap: fc.boolean(),
  snapshots: fc.boolean(),
  sends: fc.array(fc.nat(4_000), { minLength: 1, maxLength: 4 }),
  waitAfterMs: fc.nat(9_000),
  timeoutMs: fc.constantFrom(5_000, 20_000, 50_000),
  oddStatus: fc.boolean(),
});

/** A server that plays a plan: message n is answered with the words `na` and `nb`. */
class Server {
  readonly clock = new ManualClock();
  readonly session = new FakeSession();
  readonly #plan: Plan;
  readonly #waiting: { readonly message: SessionEvent; readonly number: number }[] = [];
  #running = false;
  #ids = 0;
  #sent = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.session.nullsInPlace = true;
    this.session.before = (request) => {
      if (request === "stream" && plan.snapshots) this.clock.after(1, () => this.#snapshot());
    };
  }

  get isDone(): boolean {
    return !this.#running && this.#waiting.length === 0;
  }

  send(): string {
    const number = this.#sent++;
    const message = this.#make("user.message", {
      content: [{ type: "text", text: `q${number}` }],
      ...(this.#plan.stamping !== "no_times" && this.#plan.stamping !== "on_receipt" &&
        { processed_at: null }),
    });
    this.session.emit(message);
    this.#waiting.push({ message, number });
    if (!this.#running) this.#takeNext(this.#plan.startMs);
    return message.id ?? "";
  }

  #make(type: string, fields: Record<string, unknown> = {}): SessionEvent {
    const at = new Date(this.clock.wallTime()).toISOString();
    return {
      type,
      id: `sevt_${String(++this.#ids).padStart(4, "0")}`,
      ...(this.#plan.stamping !== "no_times" && { processed_at: at }),
      ...fields,
    };
  }

  #takeNext(delayMs: number): void {
    const next = this.#waiting.shift();
    if (!next) return;
    this.#running = true;
    this.#stamp(next.message);
    this.clock.after(delayMs, () => {
      this.session.status = this.#plan.oddStatus ? "active" : "running";
      this.session.emit(this.#make("session.status_running"));
      this.clock.after(700, () => this.#say(`${next.number}a`));
      this.clock.after(3_000, () => this.#say(`${next.number}b`));
      this.clock.after(3_300, () => this.#end());
    });
  }

  #stamp(message: SessionEvent): void {
    if (message.processed_at !== null) return;
    const stamped = { ...message, processed_at: new Date(this.clock.wallTime()).toISOString() };
    if (this.#plan.stamping === "when_taken") return this.session.emit(stamped);
    this.session.log[this.session.log.indexOf(message)] = stamped;
    for (const stream of this.session.openStreams) stream.push({ kind: "event", event: stamped });
  }

  #say(text: string): void {
    this.session.emit(this.#make("agent.message", { content: [{ type: "text", text }] }));
  }

  #end(): void {
    const goesOn = this.#waiting.length > 0;
    if (!goesOn || this.#plan.idleInGap) this.session.status = "idle";
    this.session.emit(this.#make("session.status_idle", { stop_reason: { type: "end_turn" } }));
    this.#running = false;
    // A moment later, as other programs do.
    if (goesOn) this.clock.after(1, () => this.#takeNext(this.#gapMs));
  }

  /** Where nothing but time tells that a message has a turn to come, it begins soon. */
  get #gapMs(): number {
    const { gapMs, idleInGap, stamping } = this.#plan;
    const tells = !idleInGap || stamping === "in_place" || stamping === "when_taken";
    return tells ? gapMs : Math.min(gapMs, 1_500);
  }

  #snapshot(): void {
    const type = `session.status_${this.session.status === "idle" ? "idle" : "running"}`;
    for (const stream of this.session.openStreams) stream.push({ kind: "event", event: { type } });
  }
}

Deno.test("however a server stamps, the wait after a message ends with its reply, all text once", async () => {
  await assertAsync(
    fc.asyncProperty(plans, async (plan) => {
      const server = new Server(plan);
      const { clock, session } = server;
      const log = silentLogger;
      const waiter = createWaiter({ api: session.api, clock, log, random: () => 0.5 });
      let cursor = "";
      for (const pauseMs of plan.sends) {
        await clock.advance(pauseMs);
        cursor = server.send();
      }
      await clock.advance(plan.waitAfterMs);
      const words: string[] = [];
      let last: WaitResult | undefined;
      for (let calls = 0; last?.status !== "idle"; calls++) {
        assert(calls < 60, `still ${last?.next}`);
        last = await clock.runUntil(waiter.wait({
          sessionId: "sesn_1",
          timeoutMs: plan.timeoutMs,
          signal: new AbortController().signal,
          afterId: cursor,
        }));
        words.push(...last.reply.split("\n\n").filter((word) => word !== ""));
        cursor = last.last_event_id ?? cursor;
      }
      assert(server.isDone, `over too early: ${words}`);
      const own = plan.sends.length - 1;
      assertEquals(words.slice(-2), [`${own}a`, `${own}b`]);
      assertEquals(new Set(words).size, words.length, `a word twice: ${words}`);
      await settle();
      assertEquals(session.openStreams.length, 0);
    }),
    { numRuns: 300, interruptAfterTimeLimit: 20_000 },
  );
});
