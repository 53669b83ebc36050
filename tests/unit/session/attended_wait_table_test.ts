// The life of an approval as a table: in each state, what each event leads to. A row that a reader
// misses is a cell without a defined result.
import { assertEquals } from "@std/assert";
import type { AttendedWaitRequest } from "../../../src/session/attended_wait.ts";
import type { CarriedAnswer, Decision, Person, PersonAnswer } from "../../../src/session/person.ts";
import { AttendedWorld, decides, type WorldOptions } from "../../helpers/attended_world.ts";

const ALLOW: Decision = { result: "allow" };
const DENY: Decision = { result: "deny", reason: "Not this." };

type World = AttendedWorld;

/** The state of an approval when the event comes. */
type State = "blocked" | "asked" | "sending" | "sent" | "carried";

interface Cell {
  /** Lines of the agent's turn; one call that asks when absent. */
  readonly turn?: readonly string[];
  readonly world?: WorldOptions;
  /** The person at the other end, and what happens meanwhile. */
  readonly person: (world: World) => Person | undefined | Promise<Person | undefined>;
  readonly request?: Partial<AttendedWaitRequest>;
  /** Status of the wait, or the message of what it throws. */
  readonly ends: string;
  /** Questions that were asked. */
  readonly asked: number;
  /** Decisions that this program posted, by the number of their call. */
  readonly posted?: readonly string[];
  /** Decisions that the session has in the end; `posted` when absent. */
  readonly has?: readonly string[];
  /** Outcomes that the audit log tells. */
  readonly audit?: readonly string[];
  /** Beginning of what the caller is told to do next. */
  readonly next?: string;
}

const TWO = ["ask bash one", "and ask bash two"];

const DONE = { ends: "idle", asked: 1 };
const STAYS = { ends: "requires_action", asked: 1, posted: [] };

/** A person who gives no decision. */
const undecided = (why: Extract<PersonAnswer, { kind: "undecided" }>["why"]) => (world: World) =>
  world.person(() => ({ kind: "undecided", why }));

/** A person who thinks while something happens, and would then allow all. */
const meanwhile = (happen: (world: World) => unknown) => (world: World) =>
  world.person(async (question, _round, signal) => {
    if (world.asked.length === 1) await happen(world);
    // The form is still on the screen for a moment.
    await world.clock.sleep(20_000, signal);
    return decides(ALLOW)(question);
  });

const confirm = async (world: World, index: number, result: "allow" | "deny") =>
  await world.sendDirect({
    type: "user.tool_confirmation",
    tool_use_id: (await world.calls())[index],
    result,
  });

/** Does something once, right before the first decision arrives at the API. */
const beforePost = (happen: (world: World) => unknown) => (world: World) => {
  let isDone = false;
  world.before = async (request) => {
    if (isDone || request.method !== "POST") return;
    isDone = true;
    await happen(world);
  };
  return world.person(decides(ALLOW));
};

const fault = (kind: "lost_ack" | "reset" | "hang", times = 1) => (world: World) => {
  const match = { method: "POST", path: /\/events$/ };
  world.simulator.faults.add({ match, times, fault: { kind } });
  return world.person(decides(ALLOW));
};

const LATER = { number: 1, remainingMs: 30_000, settled: [] };

/** Asks as a server of the stateless protocol does, and returns what the next call carries. */
async function carry(
  world: World,
  answer: (question: Parameters<Person["ask"]>[0]) => PersonAnswer = decides(ALLOW),
): Promise<Extract<CarriedAnswer, { kind: "valid" }>> {
  const ended = new Error("the call ends with a question");
  let carried: Extract<CarriedAnswer, { kind: "valid" }> | undefined;
  const first = world.person((question, round) => {
    const calls = question.calls.map(({ kind, eventId, digest }) => ({ kind, eventId, digest }));
    const { sessionId } = question;
    carried = { kind: "valid", sessionId, calls, round, answer: answer(question) };
    throw ended;
  });
  const error = await world.wait(first).catch((error) => error);
  if (error !== ended || !carried) throw error;
  return carried;
}

const carriedBy = (
  answer?: (question: Parameters<Person["ask"]>[0]) => PersonAnswer,
  happen: (world: World) => unknown = () => {},
) =>
async (world: World) => {
  const carried = await carry(world, answer);
  await happen(world);
  return world.person(decides(ALLOW), carried);
};

const invalid = (why: "expired" | "unreadable" | "foreign") => (world: World) =>
  world.person(decides(ALLOW), { kind: "invalid", why });

/** Advice to a caller whose person is not asked again. */
const NOBODY_ASKS =
  "A decision could not be sent: decisions says which. The agent waits for an answer";

const TABLE: readonly (readonly [State, string, Cell])[] = [
  // Nobody is asked.
  ["blocked", "nobody can be asked", {
    person: () => undefined,
    ...{ ends: "requires_action", asked: 0, next: "The agent waits for" },
  }],
  ["blocked", "the caller may only read, or lacks the scope", {
    person: (world) => {
      world.mayAct = false;
      return world.person(decides(ALLOW));
    },
    ...{ ends: "requires_action", asked: 0, next: "The agent waits for" },
  }],
  ["blocked", "the operator lets nobody be asked", {
    world: { services: { approvalTimeoutMs: 0 } },
    person: (world) => world.person(decides(ALLOW)),
    ...{ ends: "requires_action", asked: 0, next: "The agent waits for" },
  }],
  ["blocked", "the call's policy is not ask", {
    turn: ["await bash one"],
    person: (world) => world.person(decides(ALLOW)),
    ...{ ends: "requires_action", asked: 0, next: "The agent waits for" },
  }],
  ["blocked", "a custom tool without --ask-custom-tools", {
    turn: ["custom weather {}"],
    person: (world) => world.person(decides({ result: "answer", text: "Sunny", isError: false })),
    ...{ ends: "requires_action", asked: 0, next: "The agent waits for" },
  }],

  ["blocked", "the session was archived before", {
    person: async (world) => {
      await world.direct("/archive", {});
      return world.person(decides(ALLOW));
    },
    ...{ ends: "terminated", asked: 0 },
  }],
  ["blocked", "the session was archived before, and the wait is short", {
    person: async (world) => {
      await world.direct("/archive", {});
      return world.person(decides(ALLOW));
    },
    request: { timeoutMs: 3_000 },
    ...{ ends: "requires_action", asked: 0, next: "The agent waits for" },
  }],

  // The person answers.
  ["asked", "accepted", {
    person: (world) => world.person(decides(ALLOW)),
    ...{ ...DONE, posted: ["0 allow"], audit: ["sent"] },
  }],
  ["asked", "denied", {
    person: (world) => world.person(decides(DENY)),
    ...{ ...DONE, posted: ["0 deny"], audit: ["sent"] },
  }],
  ["asked", "put off, or accepted empty", {
    person: (world) => world.person(decides()),
    ...{ ...STAYS, next: "The person who was asked put it off" },
  }],
  ["asked", "one allowed, one denied", {
    turn: TWO,
    person: (world) => world.person(decides(ALLOW, DENY)),
    ...{ ...DONE, posted: ["1 deny", "0 allow"], audit: ["sent", "sent"] },
  }],
  ["asked", "one allowed, one put off", {
    turn: TWO,
    person: (world) => world.person(decides(ALLOW, undefined)),
    ...{ ...STAYS, posted: ["0 allow"], audit: ["sent"] },
    next: "The person who was asked put some of it off",
  }],
  ["asked", "declined", {
    person: undecided("declined"),
    ...{ ...STAYS, next: "The question was declined, by a person" },
  }],
  ["asked", "cancelled by the person", {
    person: undecided("cancelled"),
    ...{ ...STAYS, next: "The question was closed, by a person" },
  }],
  ["asked", "timed out at the host", {
    person: undecided("timed_out"),
    ...{ ...STAYS, next: "Nobody answered in time" },
  }],
  ["asked", "unsupported by the host, or its error", {
    person: undecided("failed"),
    ...{ ...STAYS, next: "The host could not ask a person, so nothing was sent. The agent waits" },
  }],
  ["asked", "answered after the deadline", {
    world: { services: { approvalTimeoutMs: 60_000 } },
    person: (world) =>
      world.person(async (question) => {
        await world.clock.sleep(61_000);
        return decides(ALLOW)(question);
      }),
    ...{ ...STAYS, next: "Nobody answered in time" },
  }],
  ["asked", "answered after the call was cancelled", {
    person: (world) =>
      world.person((question) => {
        world.controller.abort(new Error("The call was cancelled"));
        return decides(ALLOW)(question);
      }),
    ...{ ...STAYS, ends: "The call was cancelled" },
  }],
  ["asked", "a decision on a call that was not asked about", {
    person: (world) =>
      world.person(() => ({ kind: "decided", decisions: new Map([["sevt_other", ALLOW]]) })),
    ...{ ...STAYS, next: "The person who was asked put it off" },
  }],
  ["asked", "accepted by a caller who lost the right meanwhile", {
    person: (world) =>
      world.person((question) => {
        world.mayAct = false;
        return decides(ALLOW)(question);
      }),
    ...{ ...STAYS, audit: ["dropped"], next: NOBODY_ASKS },
  }],

  // Something else happens first.
  ["asked", "answered elsewhere meanwhile", {
    person: meanwhile((world) => confirm(world, 0, "deny")),
    ...{ ...DONE, posted: [], has: ["0 deny"] },
  }],
  ["asked", "answered elsewhere in part meanwhile", {
    turn: TWO,
    person: meanwhile((world) => confirm(world, 0, "deny")),
    ...{ ...DONE, posted: ["1 allow"], has: ["0 deny", "1 allow"] },
    audit: ["answered_elsewhere", "sent"],
  }],
  ["asked", "interrupted meanwhile", {
    person: meanwhile((world) => world.sendDirect({ type: "user.interrupt" })),
    ...{ ...DONE, posted: [] },
  }],
  ["asked", "archived meanwhile", {
    person: meanwhile((world) => world.direct("/archive", {})),
    ...{ ends: "terminated", asked: 1, posted: [] },
  }],
  ["asked", "terminated meanwhile", {
    person: meanwhile(({ simulator, sessionId }) =>
      simulator.emit(sessionId, { type: "session.status_terminated" })
    ),
    ...{ ends: "terminated", asked: 1, posted: [] },
  }],
  ["asked", "deleted meanwhile", {
    person: meanwhile((world) => world.deleteDirect()),
    ...{ ends: "deleted", asked: 1, posted: [] },
  }],
  ["asked", "changed under the same id meanwhile", {
    turn: ["ask bash one"],
    person: (world) =>
      world.person((question) => {
        world.rewrite = (json) => json.replaceAll('"one"', '"other"');
        return decides(ALLOW)(question);
      }),
    ...{ ends: "idle", asked: 2, posted: ["0 allow"], audit: ["changed", "sent"] },
  }],
  ["asked", "a read of the API failed meanwhile", {
    person: meanwhile((world) => {
      const match = { method: "GET", path: /\/events$/ };
      world.simulator.faults.add({ match, times: 1, fault: { kind: "reset" } });
    }),
    ...{ ...DONE, posted: ["0 allow"], audit: ["sent"] },
  }],
  ["asked", "the API could not be read any more", {
    person: (world) =>
      world.person((question) => {
        const match = { method: "GET", path: /\/events$/ };
        world.simulator.faults.add({ match, times: 3, fault: { kind: "status", status: 500 } });
        return decides(ALLOW)(question);
      }),
    ...{ ...STAYS, audit: ["failed"], next: "A decision could not be sent" },
  }],
  ["asked", "the server closes", {
    person: meanwhile((world) => world.replica().waiter.close()),
    ...{ ends: "timeout", asked: 1, posted: [] },
  }],

  // The decision is on its way.
  ["sending", "another answer is first", {
    person: beforePost((world) => confirm(world, 0, "deny")),
    ...{ ...DONE, posted: ["0 allow"], has: ["0 deny"], audit: ["answered_elsewhere"] },
  }],
  ["sending", "interrupted right before", {
    world: { habits: { lateConfirmations: "refused" } },
    person: beforePost(async (world) => {
      await world.sendDirect({ type: "user.interrupt" });
      await world.clock.sleep(2_000);
    }),
    ...{ ...DONE, posted: ["0 allow"], has: [], audit: ["gone"] },
  }],
  ["sending", "archived right before", {
    person: beforePost((world) => world.direct("/archive", {})),
    ...{ ...STAYS, posted: ["0 allow"], has: [], audit: ["failed"] },
    next: "A decision could not be sent",
  }],
  ["sending", "deleted right before", {
    person: beforePost((world) => world.deleteDirect()),
    ...{ ends: "deleted", asked: 1, posted: ["0 allow"], has: [], audit: ["gone"] },
  }],
  ["sending", "the response is lost", {
    person: fault("lost_ack"),
    ...{ ...DONE, posted: ["0 allow"], audit: ["sent"] },
  }],
  ["sending", "the request is lost", {
    person: fault("reset"),
    ...{ ...STAYS, posted: ["0 allow"], has: [], audit: ["unknown"] },
    next: "It is not known if a decision arrived",
  }],
  ["sending", "the call is cancelled", {
    person: (world) => {
      world.before = ({ method }) => {
        if (method === "POST") world.controller.abort(new Error("The call was cancelled"));
      };
      return world.person(decides(ALLOW));
    },
    ...{ ...STAYS, ends: "The call was cancelled", posted: ["0 allow"], has: ["0 allow"] },
    audit: ["sent"],
  }],

  // The agent goes on.
  ["sent", "a second approval in the same turn", {
    turn: ["ask bash one", "ask bash two"],
    person: (world) => world.person(decides(ALLOW)),
    ...{ ends: "idle", asked: 2, posted: ["0 allow", "1 allow"], audit: ["sent", "sent"] },
  }],
  ["sent", "a subagent's call", {
    turn: ["as Researcher ask bash one"],
    person: (world) => world.person(decides(ALLOW)),
    ...{ ...DONE, posted: ["0 allow"], audit: ["sent"] },
  }],
  ["sent", "the API echoes nothing", {
    world: { habits: { sendAnswersWithoutData: true } },
    person: (world) => world.person(decides(ALLOW)),
    ...{ ...DONE, posted: ["0 allow"], audit: ["sent"] },
  }],
  ["sent", "the list trails", {
    world: { habits: { listLagMs: 3_000, takeUpMs: 2_000 } },
    person: (world) => world.person(decides(ALLOW)),
    ...{ ...DONE, posted: ["0 allow"], audit: ["sent"] },
  }],

  // The answer comes with the client's next call.
  ["carried", "accepted", {
    person: carriedBy(),
    ...{ ...DONE, posted: ["0 allow"], audit: ["sent"] },
  }],
  ["carried", "empty", {
    person: carriedBy(decides()),
    ...{ ...STAYS, next: "The person who was asked put it off" },
  }],
  ["carried", "declined", {
    person: carriedBy(() => ({ kind: "undecided", why: "declined" })),
    ...{ ...STAYS, next: "The question was declined, by a person" },
  }],
  ["carried", "expired", {
    person: invalid("expired"),
    ...{ ends: "requires_action", asked: 0, posted: [], audit: ["dropped"] },
    next: "The answer came too late",
  }],
  ["carried", "tampered with, or another server's", {
    person: invalid("unreadable"),
    ...{ ends: "requires_action", asked: 0, posted: [], audit: ["dropped"] },
    next: "The answer could not be used",
  }],
  ["carried", "another caller's, or another call's", {
    person: invalid("foreign"),
    ...{ ends: "requires_action", asked: 0, posted: [], audit: ["dropped"] },
    next: "The answer could not be used",
  }],
  ["carried", "another session's", {
    person: async (world) =>
      world.person(decides(ALLOW), { ...await carry(world), sessionId: "sesn_other" }),
    ...{ ...STAYS, audit: ["dropped"], next: "The answer could not be used" },
  }],
  ["carried", "the operator lets nobody be asked any more", {
    world: { services: { approvalTimeoutMs: 0 } },
    person: async (world) =>
      world.person(decides(ALLOW), {
        kind: "valid",
        sessionId: world.sessionId,
        calls: [{
          kind: "tool_confirmation",
          eventId: (await world.calls())[0] ?? "",
          digest: "d",
        }],
        round: LATER,
        answer: { kind: "undecided", why: "declined" },
      }),
    ...{ ends: "requires_action", asked: 0, posted: [], audit: ["dropped"] },
    next: "The answer came too late",
  }],
  ["carried", "by a caller who may no longer act", {
    person: carriedBy(undefined, (world) => world.mayAct = false),
    ...{ ...STAYS, audit: ["dropped"], next: NOBODY_ASKS },
  }],
  ["carried", "replayed", {
    person: async (world) => {
      const carried = await carry(world);
      await world.wait(world.person(decides(ALLOW), carried));
      return world.person(decides(ALLOW), carried);
    },
    ...{ ...DONE, posted: ["0 allow"], audit: ["sent", "repeated"] },
  }],
  ["carried", "replayed with another decision", {
    person: async (world) => {
      const carried = await carry(world, decides(DENY));
      await world.wait(world.person(decides(ALLOW), carried));
      const answer = decides(ALLOW)({ calls: world.asked[0]?.calls ?? [] });
      return world.person(decides(ALLOW), { ...carried, answer });
    },
    ...{ ...DONE, posted: ["0 deny"], audit: ["sent", "answered_elsewhere"] },
  }],
  ["carried", "replayed at another replica", {
    world: { replicas: 2 },
    person: async (world) => {
      const carried = await carry(world);
      await world.run(
        world.attend(world.person(decides(ALLOW), carried), {}, 1),
      );
      return world.person(decides(ALLOW), carried);
    },
    ...{ ...DONE, posted: ["0 allow"], audit: ["sent", "answered_elsewhere"] },
  }],
  ["carried", "changed under the same id meanwhile", {
    turn: ["ask bash one"],
    person: carriedBy(undefined, (world) => {
      world.rewrite = (json) => json.replaceAll('"one"', '"other"');
    }),
    ...{ ends: "idle", asked: 2, posted: ["0 allow"], audit: ["changed", "sent"] },
  }],
  ["carried", "answered elsewhere meanwhile", {
    person: carriedBy(undefined, (world) => confirm(world, 0, "deny")),
    ...{ ...DONE, posted: [], has: ["0 deny"], audit: ["answered_elsewhere"] },
  }],
  ["carried", "interrupted meanwhile", {
    person: carriedBy(undefined, async (world) => {
      await world.sendDirect({ type: "user.interrupt" });
      await world.clock.advance(5_000);
    }),
    ...{ ...DONE, posted: [], audit: ["gone"] },
  }],
  ["carried", "cancelled by the person", {
    person: carriedBy(() => ({ kind: "undecided", why: "cancelled" })),
    ...{ ...STAYS, next: "The question was closed, by a person" },
  }],
  ["carried", "the host could not ask", {
    person: carriedBy(() => ({ kind: "undecided", why: "failed" })),
    ...{ ...STAYS, next: "The host could not ask a person, so nothing was sent. The agent waits" },
  }],
  ["carried", "answered elsewhere in part meanwhile", {
    turn: TWO,
    person: carriedBy(undefined, (world) => confirm(world, 0, "deny")),
    ...{ ...DONE, posted: ["1 allow"], has: ["0 deny", "1 allow"] },
    audit: ["answered_elsewhere", "sent"],
  }],
  ["carried", "archived meanwhile", {
    person: carriedBy(undefined, (world) => world.direct("/archive", {})),
    ...{ ...STAYS, posted: ["0 allow"], has: [], audit: ["failed"] },
    next: "A decision could not be sent",
  }],
  ["carried", "terminated meanwhile", {
    person: carriedBy(
      undefined,
      ({ simulator, sessionId }) =>
        simulator.emit(sessionId, { type: "session.status_terminated" }),
    ),
    ...{ ends: "terminated", asked: 1, posted: [], audit: ["gone"] },
  }],
  ["carried", "deleted meanwhile", {
    person: carriedBy(undefined, (world) => world.deleteDirect()),
    // As for every session that is no more.
    ...{ ends: "Session sesn_1 not found.", asked: 1, posted: [], audit: ["gone"] },
  }],
  ["carried", "expired, and the turn is over by then", {
    person: async (world) => {
      await confirm(world, 0, "allow");
      return world.person(decides(ALLOW), { kind: "invalid", why: "expired" });
    },
    ...{ ends: "idle", asked: 0, posted: [], has: ["0 allow"], audit: ["dropped"] },
  }],
  ["carried", "the answer to the sixth question, and a seventh call", {
    turn: ["ask bash one", "ask bash two"],
    person: async (world) => {
      const carried = await carry(world);
      return world.person(decides(ALLOW), {
        ...carried,
        round: { ...carried.round, number: 6 },
      });
    },
    ...{ ...STAYS, posted: ["0 allow"], audit: ["sent"] },
    next: "One call asks a person no more often",
  }],
];

for (const [state, event, cell] of TABLE) {
  Deno.test(`an approval that is ${state}: ${event}`, async () => {
    const { turn = ["ask bash one"], posted = [], has = posted, audit = [], next } = cell;
    const world = new AttendedWorld(cell.world);
    await world.begin(...turn);
    const person = await cell.person(world);
    const result = await world.wait(person, cell.request).catch((error: Error) => ({
      status: error.message.replace(world.sessionId, "sesn_1"),
      next: undefined,
      decisions: undefined,
    }));
    // Some lists trail.
    await world.clock.advance(5_000);
    const calls = await world.calls();
    const byNumber = (id: string, decision: string) => `${calls.indexOf(id)} ${decision}`;
    assertEquals({
      ends: result.status,
      asked: world.asked.length,
      posted: world.posted.map(({ id, decision }) => byNumber(id, decision)),
      has: (await world.answers()).map(([id, decision]) => byNumber(id, decision)),
      audit: world.audit.map(({ outcome }) => String(outcome)),
      next: next === undefined ? undefined : result.next?.slice(0, next.length),
    }, { ends: cell.ends, asked: cell.asked, posted, has, audit, next });
    assertEquals(await world.close(), []);
  });
}
