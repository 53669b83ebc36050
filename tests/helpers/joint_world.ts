import { silentLogger } from "../../src/core/logger.ts";
import { type CountingWaiter, createWaiter, type WaiterOptions } from "../../src/session/waiter.ts";
import { type EventMaker, eventMaker } from "./events.ts";
import { FakeSession } from "./fake_api.ts";
import { ManualClock, settle } from "./manual_clock.ts";

/** A session that a test plays, and the maker of its events. */
export interface PlayedSession extends EventMaker {
  readonly id: string;
  readonly session: FakeSession;
  /** A turn that goes on. */
  begin(): void;
  /** Says something, and ends the turn. */
  finish(text: string): void;
}

/** Several sessions behind one API and one waiter, with a clock in the test's hands. */
export interface JointWorld {
  readonly clock: ManualClock;
  readonly api: FakeSession["api"];
  readonly waiter: CountingWaiter;
  readonly sessions: readonly PlayedSession[];
  readonly ids: readonly string[];
  /** What is left behind, in words; nothing after a clean end. */
  leftovers(): Promise<string[]>;
}

/** Makes a world of so many sessions, `sesn_a` first. */
export function openJointWorld(count: number, options: Partial<WaiterOptions> = {}): JointWorld {
  const clock = new ManualClock();
  const sessions = Array.from({ length: count }, (_, index): PlayedSession => {
    const id = `sesn_${String.fromCharCode(97 + index)}`;
    const session = new FakeSession();
    const e = eventMaker(clock.now() - 3_600_000);
    return {
      ...e,
      id,
      session,
      begin: () => {
        session.status = "running";
        session.emit(e.user("Do it."), e.running());
      },
      finish: (text) => {
        session.status = "idle";
        session.emit(e.text(text), e.endTurn());
      },
    };
  });
  const apiOf = (id: string) => {
    const found = sessions.find((one) => one.id === id);
    if (!found) throw new Error(`No session ${id}`);
    return found.session.api;
  };
  const [first] = sessions;
  if (!first) throw new RangeError("A world has a session");
  const { api: some } = first.session;
  const api: FakeSession["api"] = {
    events: {
      ...some.events,
      list: (id, ...rest) => apiOf(id).events.list(id, ...rest),
      stream: (id, ...rest) => apiOf(id).events.stream(id, ...rest),
    },
    sessions: {
      ...some.sessions,
      retrieve: (id, ...rest) => apiOf(id).sessions.retrieve(id, ...rest),
    },
  };
  const waiter = createWaiter({ api, clock, log: silentLogger, random: () => 0.5, ...options });
  return {
    clock,
    api,
    waiter,
    sessions,
    ids: sessions.map(({ id }) => id),
    async leftovers() {
      await settle();
      const open = sessions.filter(({ session }) => session.openStreams.length > 0);
      return [
        ...open.map(({ id }) => `a stream of ${id}`),
        ...(clock.pendingTimers > 0 ? [`${clock.pendingTimers} timers`] : []),
        ...(waiter.stats().openWaits > 0 ? [`${waiter.stats().openWaits} waits`] : []),
      ];
    },
  };
}
