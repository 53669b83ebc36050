import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { isFields } from "../../src/api/read.ts";
import type { TokenEntry } from "../../src/access/tokens.ts";
import type { ServicesOptions } from "../../src/tools/services.ts";
import { allowedBy, META, type Params, post, resultOf } from "./raw_calls.ts";
import { openApp, serveStdioInProcess } from "./support.ts";
import { entry, openTeam, type Team } from "./tokens_support.ts";

const CI = entry("ci", { sessions: "all" });

/** A session that waits for approval, and the first call's question. */
async function askedTeam(options: Partial<ServicesOptions> = {}) {
  const team = openTeam([CI, entry("laptop", { sessions: "all" })], options);
  const session_id = await blockedSession(team);
  const call = { name: "wait_for_idle", arguments: { session_id } };
  const { result } = await post(team, "ci", "2026", call);
  const { key, requestState, inputResponses } = allowedBy(result);
  return { team, session_id, answered: { ...call, requestState, inputResponses }, key };
}

async function blockedSession({ app }: Team): Promise<string> {
  const session_id = app.simulator.createSession({ agent: "approval" });
  const { events } = app.services.api;
  await app.until(
    events.send(session_id, [{
      type: "user.message",
      content: [{ type: "text", text: "Please do" }],
    }]),
  );
  return session_id;
}

async function answersIn({ app }: Team, session_id: string): Promise<unknown[]> {
  const types = ["user.tool_confirmation"];
  const list = app.services.api.events.list(session_id, { types });
  return (await app.until(list)).data.map(({ result }) => result);
}

Deno.test("an answer that the next call carries is sent, and the wait goes on", async () => {
  const { team, session_id, answered } = await askedTeam();
  const result = resultOf(await post(team, "ci", "2026", answered));
  assertEquals(result.status, "idle", JSON.stringify(result));
  assertEquals(await answersIn(team, session_id), ["allow"]);
  const calls = team.app.log.filter((line) => line.includes("Tool call"));
  assert(calls.some((line) => line.includes("outcome=input_required")), calls.join("\n"));
  await team.close();
});

Deno.test("an answer counts once, however often its call is repeated", async () => {
  const { team, session_id, answered } = await askedTeam();
  for (let times = 0; times < 3; times++) {
    const result = resultOf(await post(team, "ci", "2026", answered));
    assertEquals(result.status, "idle", JSON.stringify(result));
  }
  const both = await Promise.all([
    post(team, "ci", "2026", answered),
    post(team, "ci", "2026", answered),
  ]);
  for (const each of both) assertEquals(resultOf(each).status, "idle");
  assertEquals(await answersIn(team, session_id), ["allow"]);
  const confirmations = team.app.log.filter((line) => /Decision .*outcome=sent/.test(line));
  assertEquals(confirmations.length, 1, confirmations.join("\n"));
  await team.close();
});

Deno.test("two calls at once with the same answer send it once", async () => {
  const { team, session_id, answered } = await askedTeam();
  await Promise.all([
    post(team, "ci", "2026", answered),
    post(team, "ci", "2026", answered),
  ]);
  assertEquals(await answersIn(team, session_id), ["allow"]);
  await team.close();
});

/** Rights with which a caller may wait, and not decide. */
const NO_RIGHT: readonly [string, Partial<TokenEntry>][] = [
  ["may only read", { readOnly: true }],
  ["lacks the scope of decisions", { scopes: ["sessions:read", "sessions:write"] }],
];
for (const [what, fields] of NO_RIGHT) {
  Deno.test(`a caller who ${what} is not asked`, async () => {
    const team = openTeam([{ ...CI, ...fields }]);
    const session_id = await blockedSession(team);
    const call = { name: "wait_for_idle", arguments: { session_id } };
    const result = resultOf(await post(team, "ci", "2026", call));
    assertEquals(result.status, "requires_action");
    await team.close();
  });

  Deno.test(`an answer of a caller who ${what} by now is dropped`, async () => {
    const { team, session_id, answered } = await askedTeam();
    team.tokens.replace([{ ...CI, ...fields }]);
    const result = resultOf(await post(team, "ci", "2026", answered));
    assertEquals(result.status, "requires_action", JSON.stringify(result));
    assertEquals(await answersIn(team, session_id), []);
    const log = team.app.log.filter((line) => line.includes("audit=true")).join("\n");
    assert(/Decision .*decision=allow.*outcome=dropped/.test(log), log);
    await team.close();
  });
}

type Asked = Awaited<ReturnType<typeof askedTeam>>;

/** Calls whose answer must not count, and what their result says. */
const REFUSED: readonly [string, (asked: Asked) => Promise<Record<string, unknown>>, RegExp][] = [
  [
    "a state that was changed",
    ({ team, answered }) =>
      post(team, "ci", "2026", { ...answered, requestState: `A${answered.requestState}` }),
    /nothing was sent/,
  ],
  [
    "no state",
    ({ team, answered }) => post(team, "ci", "2026", { ...answered, requestState: undefined }),
    /nothing was sent/,
  ],
  [
    "a state whose time is over",
    ({ team, answered }) => {
      team.app.clock.correct(600_000);
      return post(team, "ci", "2026", answered);
    },
    /too late/,
  ],
  [
    "the state of another caller",
    ({ team, answered }) => post(team, "laptop", "2026", answered),
    /nothing was sent/,
  ],
  [
    "the state of another session",
    async ({ team, answered }) => {
      const session_id = await blockedSession(team);
      return await post(team, "ci", "2026", { ...answered, arguments: { session_id } });
    },
    /nothing was sent/,
  ],
  [
    "the state of a call with other arguments",
    ({ team, answered }) =>
      post(team, "ci", "2026", {
        ...answered,
        arguments: { ...answered.arguments, timeout_sec: 7 },
      }),
    /nothing was sent/,
  ],
  [
    "the state of another replica's key",
    ({ team, answered }) => post(team.replica(), "ci", "2026", answered),
    /nothing was sent/,
  ],
  [
    "a state, in the older protocol",
    ({ team, answered }) => post(team, "ci", "2025", answered),
    /nothing was sent/,
  ],
];
for (const [what, call, says] of REFUSED) {
  Deno.test(`an answer with ${what} is not sent, and asks nobody again`, async () => {
    const asked = await askedTeam();
    const result = resultOf(await call(asked));
    assertEquals(result.status, "requires_action", JSON.stringify(result));
    assert(says.test(String(result.next)), String(result.next));
    assertEquals(await answersIn(asked.team, asked.session_id), []);
    await asked.team.close();
  });
}

Deno.test("a state without an answer, and one to another question, decide nothing", async () => {
  const { team, session_id, answered, key } = await askedTeam();
  const { inputResponses, ...call } = answered;
  const wrapped = { [key]: { method: "elicitation/create", result: inputResponses[key] } };
  const other = { question_7: inputResponses[key] };
  for (const responses of [undefined, {}, other, wrapped, []]) {
    const params = { ...call, inputResponses: responses };
    const result = resultOf(await post(team, "ci", "2026", params));
    assertEquals(result.status, "requires_action", JSON.stringify(result));
  }
  assertEquals(await answersIn(team, session_id), []);
  await team.close();
});

Deno.test("a replica with the same key takes the answer up", async () => {
  const sealingKeys = [crypto.getRandomValues(new Uint8Array(32))];
  const { team, session_id, answered } = await askedTeam({ sealingKeys });
  const replica = team.replica();
  const result = resultOf(await post(replica, "ci", "2026", answered));
  assertEquals(result.status, "idle", JSON.stringify(result));
  assertEquals(await answersIn(team, session_id), ["allow"]);
  await replica.handler.close();
  await team.close();
});

/** Calls that change something; a client that makes one again with an answer must not repeat it. */
const CHANGES: readonly [string, (session_id: string, agent_id: string) => Params][] = [
  ["create_session", (_session_id, agent_id) => ({ agent_id, message: "Once" })],
  ["send_message", (session_id) => ({ session_id, text: "Once" })],
  ["interrupt", (session_id) => ({ session_id })],
  ["archive_session", (session_id) => ({ session_id })],
];
const CARRIED: readonly Params[] = [
  { requestState: "x" },
  { inputResponses: {} },
  { requestState: "x", inputResponses: { question_1: { action: "accept", content: {} } } },
];

for (const [name, args] of CHANGES) {
  for (const era of ["2025", "2026"] as const) {
    Deno.test(`HTTP, ${era}: ${name} does nothing for a call that carries an answer`, async () => {
      const team = openTeam([CI]);
      const session_id = team.app.simulator.createSession({ agent: "quick" });
      const call = { name, arguments: args(session_id, team.app.simulator.agentId("quick")) };
      for (const carried of CARRIED) {
        const { result } = await post(team, "ci", era, { ...call, ...carried });
        assert(isFields(result) && result.isError === true, JSON.stringify(result));
        assertStringIncludes(JSON.stringify(result.content), "carries the answer to a question");
      }
      const writes = team.app.simulator.requests.filter(({ method }) => method === "POST");
      assertEquals(writes, []);
      await team.close();
    });

    Deno.test(`stdio, ${era}: ${name} does nothing for a call that carries an answer`, async () => {
      const app = openApp();
      const pipes = serveStdioInProcess(app);
      const send = (message: Params) =>
        pipes.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
      if (era === "2025") {
        const params = {
          protocolVersion: "2025-11-25",
          capabilities: { elicitation: {} },
          clientInfo: { name: "raw", version: "0" },
        };
        send({ id: "first", method: "initialize", params });
        send({ method: "notifications/initialized" });
      }
      const session_id = app.simulator.createSession({ agent: "quick" });
      const call = { name, arguments: args(session_id, app.simulator.agentId("quick")) };
      for (const [id, carried] of CARRIED.entries()) {
        const meta = era === "2026" && { _meta: META };
        send({ id, method: "tools/call", params: { ...call, ...carried, ...meta } });
      }
      const results = () => pipes.lines.filter((line) => line.includes("carries the answer"));
      await app.until((async () => {
        while (results().length < CARRIED.length) {
          await new Promise<void>((resolve) => setTimeout(resolve, 0));
        }
      })());
      assertEquals(app.simulator.requests.filter(({ method }) => method === "POST"), []);
      pipes.stdin.end();
      await app.until(pipes.closed);
      app.close();
    });
  }
}

Deno.test("a call that only reads is answered as usual, whatever it carries", async () => {
  const team = openTeam([CI]);
  for (const carried of CARRIED) {
    const call = { name: "list_agents", arguments: { limit: 1 }, ...carried };
    const result = resultOf(await post(team, "ci", "2026", call));
    assert(Array.isArray(result.agents));
  }
  await team.close();
});
