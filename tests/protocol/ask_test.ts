// The set `ask` as hosts use it: a whole turn in one call, also where a person decides in it, and
// where the client makes the call a second time with their answer.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServerFactory } from "../../src/mcp/server.ts";
import type { ServicesOptions } from "../../src/tools/services.ts";
import { allowedBy, post, resultOf } from "./raw_calls.ts";
import { type App, openApp, type TestPerson, WAYS } from "./support.ts";
import { entry, openTeam } from "./tokens_support.ts";

type Args = Record<string, unknown>;

/** The whole app, serving sets of tools. */
function openAsking(toolSets: readonly ("core" | "ask")[] = ["core", "ask"]): App {
  const app = openApp();
  return { ...app, factory: createServerFactory(app.services, { version: "1.2.3", toolSets }) };
}

/** The texts of all messages of users, by session. */
async function messagesIn(app: App): Promise<Record<string, unknown[]>> {
  const { api } = app.services;
  const { data } = await app.until(api.sessions.list({ limit: 100 }));
  const entries = data.map(async ({ id }) => {
    const list = await app.until(api.events.list(id, { types: ["user.message"], order: "asc" }));
    return [id, list.data.map(({ content }) => Object(content)[0]?.text)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function answersIn(app: App, sessionId: unknown): Promise<unknown[]> {
  const types = ["user.tool_confirmation"];
  const list = app.services.api.events.list(String(sessionId), { types });
  return (await app.until(list)).data.map(({ result }) => result);
}

/** Reads the call that a result asks for. */
function callIn(next: unknown): { tool: string; args: Args } {
  const told = /(\w+) with session_id "(\w+)", after_id "(\w+)" and no message/.exec(String(next));
  const [, tool = "", session_id, after_id] = told ?? [];
  return { tool, args: { session_id, after_id } };
}

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`a conversation is a call for each turn: ${way}`, async () => {
    const app = openAsking();
    const { client, close } = await connect(app);
    const ask = async (args: Args) => {
      const { isError, text, structured } = await app.until(client.call("ask_agent", args));
      assertEquals(isError, false, text);
      return { ...structured };
    };
    const agent_id = app.simulator.agentId("quick");
    const first = await ask({ agent_id, message: "Count the errors." });
    assertEquals([first.status, first.next], ["idle", undefined]);
    assertStringIncludes(String(first.reply), "Count the errors.");
    const { session_id, last_event_id: after_id } = first;
    const second = await ask({ session_id, message: "And the week before?", after_id });
    assertEquals(second.session_id, session_id);
    assertStringIncludes(String(second.reply), "And the week before?");
    assert(!String(second.reply).includes("Count the errors."));
    const messages = ["Count the errors.", "And the week before?"];
    assertEquals(await messagesIn(app), { [String(session_id)]: messages });
    await close();
    app.close();
  });

  Deno.test(`a turn that takes long is waited for by the calls that results ask for: ${way}`, async () => {
    const app = openAsking(["ask"]);
    const { client, close } = await connect(app);
    const told: string[] = [];
    const call = async (tool: string, args: Args) => {
      const options = { onProgress: ({ message = "" }) => void told.push(message) };
      const { isError, text, structured } = await app.until(client.call(tool, args, options));
      assertEquals(isError, false, text);
      return { ...structured };
    };
    const agent_id = app.simulator.agentId("slow");
    let result = await call("ask_agent", { agent_id, message: "Count.", timeout_sec: 5 });
    const replies: unknown[] = [];
    for (let calls = 1; result.status === "timeout" && calls < 20; calls++) {
      replies.push(result.reply);
      const size = JSON.stringify(result).length - JSON.stringify(result.reply).length;
      assert(size <= 480, `${size} ${JSON.stringify(result)}`);
      const { tool, args } = callIn(result.next);
      assertEquals([tool, args.after_id], ["ask_agent", result.last_event_id]);
      result = await call(tool, { ...args, timeout_sec: 5 });
    }
    assert(replies.length > 0);
    assertEquals(result.status, "idle");
    assert(told.length > 0);
    assertEquals(await messagesIn(app), { [String(result.session_id)]: ["Count."] });
    await close();
    app.close();
  });
}

/** A person who allows everything, and how often they were asked. */
function allowing(): { person: TestPerson; asked: () => number } {
  let asked = 0;
  const answer: TestPerson["answer"] = ({ requestedSchema: { required = [] } }) => {
    asked++;
    const content = Object.fromEntries(required.map((key) => [key, "allow"]));
    return { action: "accept", content };
  };
  return { person: { answer }, asked: () => asked };
}

for (const [way, connect] of Object.entries(WAYS)) {
  // Over HTTP, the older protocol has no way to a person.
  const canAsk = !["HTTP, SDK 2, 2025-11-25", "HTTP, SDK 1"].includes(way);

  Deno.test(`a person ${canAsk ? "decides in" : "is not asked in"} the one call of a turn: ${way}`, async () => {
    const app = openAsking();
    const { person, asked } = allowing();
    const { client, close } = await connect(app, undefined, person);
    const agent_id = app.simulator.agentId("approval");
    const args = { agent_id, message: "Please do", idempotency_key: "once" };
    const { isError, text, structured = {} } = await app.until(client.call("ask_agent", args));
    assertEquals([isError, asked()], [false, canAsk ? 1 : 0], text);
    const { session_id, status, reply } = structured;
    assertEquals(status, canAsk ? "idle" : "requires_action", text);
    if (canAsk) assertStringIncludes(String(reply), "The simulated build is gone.");
    else assertEquals(callIn(structured.next).tool, "ask_agent");
    // With 2026-07-28 the client made the call twice.
    assertEquals(await messagesIn(app), { [String(session_id)]: ["Please do"] });
    assertEquals(await answersIn(app, session_id), canAsk ? ["allow"] : []);
    await close();
    app.close();
  });
}

const CI = entry("ci", { sessions: "all" });

/** A call of ask_agent that ended with a question, and the same call with the answer. */
async function askedTeam(more: Args = {}, options: Partial<ServicesOptions> = {}) {
  const team = openTeam([CI, entry("laptop", { sessions: "all" })], {
    toolSets: ["core", "ask"],
    ...options,
  });
  const agent_id = team.app.simulator.agentId("approval");
  const call = { name: "ask_agent", arguments: { agent_id, message: "Please do", ...more } };
  const { result } = await post(team, "ci", "2026", call);
  const { requestState, inputResponses } = allowedBy(result);
  const [session_id = ""] = Object.keys(await messagesIn(team.app));
  return { team, session_id, answered: { ...call, requestState, inputResponses } };
}

type Asked = Awaited<ReturnType<typeof askedTeam>>;

/** Nothing was created or sent beside the first message. */
async function assertNoMore({ team, session_id }: Asked, answers: readonly unknown[]) {
  assertEquals(await messagesIn(team.app), { [session_id]: ["Please do"] });
  assertEquals(await answersIn(team.app, session_id), answers);
}

for (
  const [what, more] of [["without a key", {}], ["with a key", { idempotency_key: "k" }]] as const
) {
  Deno.test(`the second round of a call ${what} takes the answer up in the session of the question`, async () => {
    const asked = await askedTeam(more);
    // However often the client makes it.
    for (let times = 0; times < 3; times++) {
      const result = resultOf(await post(asked.team, "ci", "2026", asked.answered));
      assertEquals([result.status, result.session_id], ["idle", asked.session_id]);
      assertStringIncludes(String(result.reply), "The simulated build is gone.");
    }
    const both = await Promise.all(
      [1, 2].map(() => post(asked.team, "ci", "2026", asked.answered)),
    );
    for (const each of both) assertEquals(resultOf(each).session_id, asked.session_id);
    await assertNoMore(asked, ["allow"]);
    await asked.team.close();
  });
}

Deno.test("the second round of a call is taken up by a replica with the same key", async () => {
  const sealingKeys = [crypto.getRandomValues(new Uint8Array(32))];
  const asked = await askedTeam({}, { sealingKeys });
  const replica = asked.team.replica();
  const result = resultOf(await post(replica, "ci", "2026", asked.answered));
  assertEquals([result.status, result.session_id], ["idle", asked.session_id]);
  await assertNoMore(asked, ["allow"]);
  await replica.handler.close();
  await asked.team.close();
});

Deno.test("a second round that comes too late goes on in the session, and decides nothing", async () => {
  const asked = await askedTeam();
  asked.team.app.clock.correct(600_000);
  const result = resultOf(await post(asked.team, "ci", "2026", asked.answered));
  assertEquals([result.status, result.session_id], ["requires_action", asked.session_id]);
  assertStringIncludes(String(result.next), "too late");
  assertStringIncludes(String(result.next), "ask_agent with session_id");
  await assertNoMore(asked, []);
  await asked.team.close();
});

/** Second rounds of which the session is not known. */
const UNUSABLE: readonly [string, (asked: Asked) => Promise<Record<string, unknown>>][] = [
  [
    "a state that was changed",
    ({ team, answered }) =>
      post(team, "ci", "2026", { ...answered, requestState: `A${answered.requestState}` }),
  ],
  [
    "no state",
    ({ team, answered }) => post(team, "ci", "2026", { ...answered, requestState: undefined }),
  ],
  ["the state of another caller", ({ team, answered }) => post(team, "laptop", "2026", answered)],
  [
    "the state of a call with another message",
    ({ team, answered }) =>
      post(team, "ci", "2026", {
        ...answered,
        arguments: { ...answered.arguments, message: "Other" },
      }),
  ],
  [
    "the state of another replica's key",
    ({ team, answered }) => post(team.replica(), "ci", "2026", answered),
  ],
  ["a state, in the older protocol", ({ team, answered }) => post(team, "ci", "2025", answered)],
];
for (const [what, call] of UNUSABLE) {
  Deno.test(`a second round with ${what} creates and sends nothing`, async () => {
    const asked = await askedTeam();
    const { result } = await call(asked);
    assertStringIncludes(JSON.stringify(result), "nothing was created or sent");
    assertEquals(Object(result).isError, true);
    const log = asked.team.app.log.filter((line) => line.includes("audit=true")).join("\n");
    assert(/Decision .*outcome=dropped/.test(log), log);
    await assertNoMore(asked, []);
    await asked.team.close();
  });
}

Deno.test("a second round is refused to a caller who may no longer reach the session", async () => {
  const asked = await askedTeam();
  asked.team.tokens.replace([{ ...CI, environments: ["env_other"] }]);
  const { result } = await post(asked.team, "ci", "2026", asked.answered);
  assertStringIncludes(JSON.stringify(result), "does not exist or is not available");
  await assertNoMore(asked, []);
  await asked.team.close();
});
