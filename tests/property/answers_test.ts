// People's answers arrive at most once, and none arrives that nobody gave: whatever is lost on the
// way, however often a client repeats a call, and although two hosts ask at once.
import { assert, assertEquals } from "@std/assert";
import type {
  CarriedAnswer,
  Decision,
  PersonAnswer,
  Question,
  Round,
} from "../../src/session/person.ts";
import type { FaultRule } from "../../src/simulator/mod.ts";
import { AttendedWorld } from "../helpers/attended_world.ts";
import { assertAsync, fc } from "../helpers/fuzz.ts";

type Choice = "allow" | "deny" | "later";

/** One host that waits, and its person. */
interface Host {
  readonly replica: 0 | 1;
  readonly startsMs: number;
  readonly thinksMs: number;
  /** Decision on each call of a question, in turn; a person who gives none declines. */
  readonly choices: readonly Choice[];
  /** Other calls of the same client that carry the answer, each to a replica; none asks in the call. */
  readonly carriedTo: readonly (0 | 1)[];
  /** Milliseconds between them. */
  readonly repeatsMs: number;
  /** The call, and the first that carries its answer, are cancelled after so many milliseconds. */
  readonly cancelsMs: number | undefined;
}

interface Plan {
  readonly turn: readonly string[];
  readonly hosts: readonly Host[];
  /** Answers from the Console. */
  readonly console: readonly {
    readonly atMs: number;
    readonly call: number;
    readonly result: "allow" | "deny";
  }[];
  readonly faults: readonly FaultRule[];
  readonly listLagMs: number;
}

const TURNS = [
  ["ask bash 1"],
  ["ask bash 1", "and ask bash 2"],
  ["ask bash 1", "and as Helper ask bash 2", "ask bash 3"],
  ["ask bash 1", "sleep 2s", "ask bash 2"],
] as const;

const replica = fc.constantFrom(0 as const, 1 as const);
const ms = fc.constantFrom(0, 300, 1_000, 3_000, 8_000, 25_000);

const hosts: fc.Arbitrary<Host> = fc.record({
  replica,
  startsMs: ms,
  thinksMs: ms,
  choices: fc.array(fc.constantFrom<Choice>("allow", "deny", "later"), { maxLength: 3 }),
  carriedTo: fc.oneof(
    fc.constant([]),
    fc.array(replica, { minLength: 1, maxLength: 3 }),
  ),
  repeatsMs: fc.constantFrom(0, 2_000, 6_000),
  cancelsMs: fc.option(fc.constantFrom(500, 3_000, 4_000, 9_000), { nil: undefined, freq: 4 }),
});

const faults: fc.Arbitrary<FaultRule> = fc.record({
  match: fc.constantFrom(
    { method: "POST", path: /\/events$/ },
    { method: "POST", path: /\/events$/ },
    { method: "GET", path: /\/events$/ },
    { method: "GET", path: /\/stream$/ },
  ),
  from: fc.constantFrom(1, 2, 3),
  times: fc.constantFrom(1, 2),
  fault: fc.constantFrom(
    { kind: "lost_ack" as const },
    { kind: "reset" as const },
    { kind: "hang" as const },
    { kind: "latency" as const, ms: 5_000 },
    { kind: "status" as const, status: 500 },
    { kind: "status" as const, status: 503 },
    { kind: "status" as const, status: 429 },
  ),
});

const plans: fc.Arbitrary<Plan> = fc.record({
  turn: fc.constantFrom(...TURNS),
  hosts: fc.array(hosts, { minLength: 1, maxLength: 4 }),
  console: fc.array(
    fc.record({
      atMs: ms,
      call: fc.constantFrom(0, 1),
      result: fc.constantFrom("allow" as const, "deny" as const),
    }),
    { maxLength: 1 },
  ),
  faults: fc.array(faults, { maxLength: 3 }),
  listLagMs: fc.constantFrom(0, 0, 1_500),
});

/** The question is the result of the call: the client calls again with the answer. */
class Asked extends Error {
  readonly question: Question;
  readonly round: Round;

  constructor(question: Question, round: Round) {
    super("The call ends with a question");
    this.question = question;
    this.round = round;
  }
}

/** Answers by a host's choices, and keeps what was decided. */
function answerOf(
  host: Host,
  { calls }: Pick<Question, "calls">,
  given: Set<string>,
): PersonAnswer {
  if (host.choices.length === 0) return { kind: "undecided", why: "declined" };
  const decisions = calls.flatMap(({ eventId }, index): [string, Decision][] => {
    const choice = host.choices[index % host.choices.length];
    if (choice === undefined || choice === "later") return [];
    given.add(`${eventId} ${choice}`);
    return [[eventId, { result: choice }]];
  });
  return { kind: "decided", decisions: new Map(decisions) };
}

/** Plays one host: a call, or calls in a row where each carries the answer to the one before. */
async function play(world: AttendedWorld, host: Host, given: Set<string>): Promise<void> {
  const { clock } = world;
  const controller = new AbortController();
  const { signal } = controller;
  await clock.sleep(host.startsMs);
  if (host.cancelsMs !== undefined) {
    clock.after(host.cancelsMs, () => controller.abort(new Error("cancelled")));
  }
  const isStateless = host.carriedTo.length > 0;
  const person = (carried?: CarriedAnswer) =>
    world.person(async (question, round, asking) => {
      if (isStateless) throw new Asked(question, round);
      await clock.sleep(host.thinksMs, asking);
      return answerOf(host, question, given);
    }, carried);
  const call = (to: number, request: { signal?: AbortSignal }, carried?: CarriedAnswer) =>
    world.attend(person(carried), { timeoutMs: 20_000, ...request }, to).catch((error) => error);
  const first = await call(host.replica, { signal });
  if (!(first instanceof Asked)) return;
  await clock.sleep(host.thinksMs);
  const { question, round } = first;
  const carried: CarriedAnswer = {
    kind: "valid",
    sessionId: question.sessionId,
    calls: question.calls.map(({ kind, eventId, digest }) => ({ kind, eventId, digest })),
    round,
    answer: answerOf(host, question, given),
  };
  // A client that gives up on a call repeats it, and proxies do so on their own.
  await Promise.all(host.carriedTo.map(async (to, index) => {
    await clock.sleep(index * host.repeatsMs);
    await call(to, index === 0 ? { signal } : {}, carried);
  }));
}

const RUNS = 200;
const seen = { runs: 0, posts: 0, twice: 0, lost: 0, audit: new Set<unknown>() };

async function holds(plan: Plan): Promise<void> {
  const { listLagMs } = plan;
  const world = new AttendedWorld({ replicas: 2, habits: { listLagMs } });
  await world.begin(...plan.turn);
  const given = new Set<string>();
  const calls = await world.calls();
  for (const fault of plan.faults) world.simulator.faults.add(fault);
  const hosts = plan.hosts.map((host) => play(world, host, given));
  const elsewhere = plan.console.map(async ({ atMs, call, result }) => {
    await world.clock.sleep(atMs);
    const tool_use_id = calls[call];
    if (tool_use_id === undefined) return;
    given.add(`${tool_use_id} ${result}`);
    const sending = world.sendDirect({ type: "user.tool_confirmation", tool_use_id, result });
    // The Console has its faults too.
    await Promise.race([sending.catch(() => {}), world.clock.sleep(20_000)]);
  });
  await world.run(Promise.all([...hosts, ...elsewhere]));
  // A request may have outlived its call.
  world.simulator.faults.clear();
  await world.clock.advance(30_000);

  const answers = await world.answers();
  const ids = answers.map(([id]) => id);
  assertEquals(ids.length, new Set(ids).size, "a call has two answers");
  for (const [id, decision] of answers) {
    assert(given.has(`${id} ${decision}`), `nobody decided ${decision} on ${id}`);
  }
  for (const { id, decision } of world.posted) {
    assert(given.has(`${id} ${decision}`), `nobody decided ${decision} on ${id}`);
  }
  for (const replica of [0, 1]) {
    const arrived = world.posted
      .filter((one) => one.replica === replica && !isRefused(one.status))
      .map(({ id }) => id);
    assertEquals(arrived.length, new Set(arrived).size, "a replica has sent an answer twice");
  }
  for (const { event, decision, outcome } of world.audit) {
    seen.audit.add(outcome);
    if (outcome !== "sent" && outcome !== "repeated") continue;
    const has = answers.some(([id, given]) => id === event && given === decision);
    assert(has, `the log tells of a decision that the session does not have: ${event}`);
  }
  assertEquals(await world.close(), []);

  const posted = world.posted.map(({ id }) => id);
  seen.runs++;
  seen.posts += posted.length;
  seen.twice += posted.length - new Set(posted).size;
  seen.lost += world.posted.filter(({ status }) => status === undefined).length;
}

/** True where the response says that the API took nothing. */
function isRefused(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status !== 500;
}

Deno.test("answers arrive at most once, and none that nobody gave", async () => {
  await assertAsync(fc.asyncProperty(plans, holds), {
    numRuns: RUNS,
    interruptAfterTimeLimit: 30_000,
  });
  const { runs, posts, twice, lost, audit } = seen;
  // What the plans are to bring about does happen, where there was time for all of them.
  if (runs < RUNS) return;
  assert(posts > runs / 4 && twice > 0 && lost > 0, JSON.stringify(seen));
  for (const outcome of ["sent", "repeated", "answered_elsewhere", "unknown", "dropped"]) {
    assert(audit.has(outcome), `no decision was ${outcome}`);
  }
});
