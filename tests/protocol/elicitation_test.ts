import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ElicitRequestFormParams, ElicitResult } from "@modelcontextprotocol/client";
import { type App, openApp, type TestClient, type TestPerson, WAYS } from "./support.ts";
import type { ServicesOptions } from "../../src/tools/services.ts";

/** The ways on which a client can ask a person. */
const ASKING = Object.entries(WAYS).filter(([way]) =>
  !["HTTP, SDK 2, 2025-11-25", "HTTP, SDK 1"].includes(way)
);

type Form = ElicitRequestFormParams;

/** Fills in a form: `choose` gets the keys of the calls, in order. */
function accept(form: Form, choose: (keys: readonly string[]) => Record<string, string>) {
  return { action: "accept" as const, content: choose(form.requestedSchema.required ?? []) };
}

/** The same word for all calls. */
function sayAll(word: string, more: Record<string, string> = {}): TestPerson["answer"] {
  return (form) =>
    accept(form, (keys) => ({ ...Object.fromEntries(keys.map((key) => [key, word])), ...more }));
}

interface Turn {
  readonly app: App;
  readonly client: TestClient;
  readonly session_id: string;
  /** The forms that the person has seen. */
  readonly forms: readonly Form[];
  /** Waits for the end of the turn; returns the result. */
  wait(signal?: AbortSignal): Promise<Record<string, unknown>>;
  /** The answers to tool calls among the session's events. */
  answers(): Promise<Record<string, unknown>[]>;
}

interface Setting extends Partial<TestPerson> {
  /** The simulated agent, and the message to it. */
  readonly agent?: string;
  readonly text?: string;
  readonly options?: Partial<ServicesOptions>;
}

/** Runs a turn of an agent that asks, with a person at the client. */
async function runTurn(
  connect: typeof WAYS[string],
  { agent = "approval", text = "Please do", options, elicitation, answer }: Setting,
  test: (turn: Turn) => Promise<void>,
): Promise<void> {
  const app = openApp(options);
  const forms: Form[] = [];
  const person: TestPerson | undefined = answer && {
    elicitation,
    answer: (form, signal) => {
      forms.push(form);
      return answer(form, signal);
    },
  };
  const connection = await connect(app, undefined, person);
  const { client } = connection;
  const session_id = app.simulator.createSession({ agent });
  try {
    await app.until(client.call("send_message", { session_id, text }));
    await test({
      ...{ app, client, session_id, forms },
      async wait(signal) {
        const result = await app.until(client.call("wait_for_idle", { session_id }, { signal }));
        assertEquals(result.isError, false, result.text);
        return result.structured ?? {};
      },
      async answers() {
        const types = ["user.tool_confirmation", "user.custom_tool_result"];
        const list = app.services.api.events.list(session_id, { types, order: "asc" });
        return (await app.until(list)).data.map((event) => ({ ...event }));
      },
    });
  } finally {
    await connection.close();
    app.close();
  }
  assertEquals(app.simulator.openStreams(), 0);
  assertEquals(app.clock.pendingTimers, 0);
}

for (const [way, connect] of ASKING) {
  const test = (name: string, setting: Setting, run: (turn: Turn) => Promise<void>) => {
    Deno.test(`${way}: ${name}`, () => runTurn(connect, setting, run));
  };

  test(
    "a person allows a call, and the wait goes on",
    { answer: sayAll("allow") },
    async (turn) => {
      const result = await turn.wait();
      assertEquals(result.status, "idle", JSON.stringify(result));
      assertStringIncludes(String(result.reply), "The simulated build is gone.");
      assertEquals(turn.forms.length, 1);
      const [form] = turn.forms;
      assertStringIncludes(form?.message ?? "", '    input      | {"command":"rm -r build"}');
      const [sent, ...more] = await turn.answers();
      assertEquals([sent?.result, sent?.deny_message, more.length], ["allow", undefined, 0]);
      const log = turn.app.log.filter((line) => line.includes("audit=true")).join("\n");
      assert(/Decision .*decision=allow.*outcome=sent/.test(log), log);
      assert(!turn.app.log.join().includes("rm -r build"));
    },
  );

  test(
    "a person denies a call with a reason, which reaches the agent",
    { answer: sayAll("deny", { reason: "  Keep it. " }) },
    async (turn) => {
      const result = await turn.wait();
      assertEquals(result.status, "idle");
      assertStringIncludes(String(result.reply), "I left it alone, as you decided. Keep it.");
      const [sent] = await turn.answers();
      assertEquals([sent?.result, sent?.deny_message], ["deny", "Keep it."]);
    },
  );

  test(
    "two calls are one form, and each has its own answer",
    {
      agent: "approvals",
      answer: (form) => accept(form, ([a = "", b = ""]) => ({ [a]: "deny", [b]: "allow" })),
    },
    async (turn) => {
      const result = await turn.wait();
      assertStringIncludes(String(result.reply), "1 of 2 simulated commands were allowed.");
      assertEquals(turn.forms.length, 1);
      assertEquals((await turn.answers()).map(({ result }) => result), ["deny", "allow"]);
    },
  );

  test(
    "a second approval in the same turn is a second form, in the same call",
    {
      agent: "script",
      text: "ask bash one\nask bash two\nsay Both done.",
      answer: sayAll("allow"),
    },
    async (turn) => {
      const result = await turn.wait();
      assertEquals(result.status, "idle", JSON.stringify(result));
      assertStringIncludes(String(result.reply), "Both done.");
      const inputs = turn.forms.map(({ message }) => /input +\| (.*)/.exec(message)?.[1]);
      assertEquals(inputs, ['{"input":"one"}', '{"input":"two"}']);
      const keys = turn.forms.map(({ requestedSchema }) => requestedSchema.required?.[0]);
      assert(keys[0] !== keys[1], keys.join());
      assertEquals((await turn.answers()).map(({ result }) => result), ["allow", "allow"]);
      assert(Array.isArray(result.decisions));
      assertEquals(result.decisions.map(({ outcome }) => outcome), ["sent", "sent"]);
    },
  );

  test(
    "a form names agent and subagent, and the server of a tool, and shows what hides",
    {
      agent: "script",
      text: String.raw`ask bash {"command":"echo \u202egnp.exe\nCall 2:"}` +
        '\nand as Researcher ask crm/export {"customers":"all"}',
      answer: sayAll("deny"),
    },
    async (turn) => {
      await turn.wait();
      const [form] = turn.forms;
      const lines = form?.message.split("\n") ?? [];
      assert(
        lines.includes(String.raw`    1 input    | {"command":"echo \u202egnp.exe\nCall 2:"}`),
        form?.message,
      );
      const WHO = ["agent      | Simulated Script", "subagent   | Researcher"];
      for (const line of ["tool       | export", "MCP server | crm", ...WHO]) {
        assert(lines.includes(`    ${line}`), form?.message);
      }
      assert(!lines.some((line) => line.startsWith("Call 2:")), form?.message);
      assertEquals((await turn.answers()).map(({ result }) => result), ["deny", "deny"]);
    },
  );

  test(
    "a call of which too little is shown cannot be allowed",
    {
      agent: "script",
      text: `ask bash ${"x".repeat(6_000)}\nsay Over.`,
      answer: sayAll("allow"),
    },
    async (turn) => {
      const result = await turn.wait();
      assertEquals(result.status, "requires_action", JSON.stringify(result));
      const choices = JSON.stringify(turn.forms[0]?.requestedSchema.properties);
      assert(choices.includes('"enum":["later","deny"]'), choices);
      assertEquals(await turn.answers(), []);
    },
  );

  /** Answers that decide nothing. */
  const UNDECIDED: readonly [string, TestPerson["answer"]][] = [
    ["later", sayAll("later")],
    ["an empty form", () => ({ action: "accept", content: {} })],
    ["a form without content", () => ({ action: "accept" })],
    ["another word", sayAll("Allow")],
    ["the key of another call", () => ({ action: "accept", content: { call_1: "allow" } })],
    ["declining", () => ({ action: "decline" })],
    ["closing the form", () => ({ action: "cancel" })],
  ];
  for (const [what, answer] of UNDECIDED) {
    test(`${what} decides nothing, and the wait ends`, { answer }, async (turn) => {
      const result = await turn.wait();
      assertEquals(result.status, "requires_action", JSON.stringify(result));
      assertEquals(turn.forms.length, 1);
      assertEquals(await turn.answers(), []);
      // The next call asks again.
      assertEquals((await turn.wait()).status, "requires_action");
      assertEquals(turn.forms.length, 2);
    });
  }

  test(
    "a client that fills in defaults decides nothing, since there are none",
    {
      elicitation: { form: { applyDefaults: true } },
      answer: () => ({ action: "accept", content: {} }),
    },
    async (turn) => {
      assertEquals((await turn.wait()).status, "requires_action");
      assertEquals(turn.forms.length, 1);
      assertEquals(await turn.answers(), []);
    },
  );

  test(
    "the answer of a custom tool goes to the agent",
    {
      agent: "custom_tool",
      options: { askCustomTools: true },
      answer: () => ({ action: "accept", content: { answer: "Sunny", could_not_do_it: false } }),
    },
    async (turn) => {
      const result = await turn.wait();
      assertEquals(result.status, "idle", JSON.stringify(result));
      assertStringIncludes(String(result.reply), "as you report it: Sunny");
      assertStringIncludes(turn.forms[0]?.message ?? "", '| {"city":"Lisbon"}');
      const [sent] = await turn.answers();
      assertEquals([sent?.type, sent?.is_error], ["user.custom_tool_result", false]);
    },
  );

  test(
    "nobody is asked for a custom tool's answer unless the operator wants it",
    { agent: "custom_tool", answer: sayAll("allow") },
    async (turn) => {
      assertEquals((await turn.wait()).status, "requires_action");
      assertEquals(turn.forms.length, 0);
    },
  );

  test("a client without forms asks nobody", {}, async (turn) => {
    assertEquals((await turn.wait()).status, "requires_action");
    assertEquals(await turn.answers(), []);
  });

  test(
    "a client that opens pages only asks nobody",
    { elicitation: { url: {} }, answer: sayAll("allow") },
    async (turn) => {
      assertEquals((await turn.wait()).status, "requires_action");
      assertEquals(turn.forms.length, 0);
    },
  );

  test(
    "nobody is asked where the operator wants it so",
    { options: { approvalTimeoutMs: 0 }, answer: sayAll("allow") },
    async (turn) => {
      assertEquals((await turn.wait()).status, "requires_action");
      assertEquals(turn.forms.length, 0);
    },
  );
}

for (const [way, connect] of Object.entries(WAYS)) {
  if (ASKING.some(([name]) => name === way)) continue;
  Deno.test(`${way}: nothing is kept between requests, so nobody is asked`, () =>
    runTurn(connect, { answer: sayAll("allow") }, async (turn) => {
      const result = await turn.wait();
      assertEquals(result.status, "requires_action");
      assert(Array.isArray(result.pending_actions) && result.pending_actions.length === 1);
      assertEquals(turn.forms.length, 0);
    }));
}

/** The ways on which the call ends while a person is asked, and is made again. */
for (const way of ["HTTP, SDK 2, 2026-07-28", "stdio, SDK 2, 2026-07-28"]) {
  const connect = WAYS[way];
  assert(connect);

  Deno.test(`${way}: an answer that comes too late is dropped`, async () => {
    let correct = (_ms: number) => {};
    const answer: TestPerson["answer"] = (form, signal) => {
      correct(600_000);
      return sayAll("allow")(form, signal);
    };
    await runTurn(connect, { answer }, async (turn) => {
      correct = (ms) => turn.app.clock.correct(ms);
      const result = await turn.wait();
      assertEquals(result.status, "requires_action");
      assertStringIncludes(String(result.next), "too late");
      assertEquals(turn.forms.length, 1);
      assertEquals(await turn.answers(), []);
      const log = turn.app.log.filter((line) => line.includes("audit=true")).join("\n");
      assert(/Decision .*outcome=dropped/.test(log), log);
    });
  });

  Deno.test(`${way}: a client that fails to ask makes no second call, and nothing is sent`, async () => {
    const answer = () => {
      throw new Error("words of the client");
    };
    await runTurn(connect, { answer }, async (turn) => {
      await assertRejects(() => turn.wait(), Error, "words of the client");
      assertEquals(turn.forms.length, 1);
      assertEquals(await turn.answers(), []);
    });
  });
}

/** The ways on which the call stays open while a person is asked. */
for (const way of ["stdio, SDK 2, 2025-11-25", "stdio, SDK 1"]) {
  const connect = WAYS[way];
  assert(connect);
  const test = (name: string, setting: Setting, run: (turn: Turn) => Promise<void>) => {
    Deno.test(`${way}: ${name}`, () => runTurn(connect, setting, run));
  };

  test(
    "a client that fails to ask is told of in the result, in the words of this server",
    {
      answer: () => {
        throw new Error("words of the client");
      },
    },
    async (turn) => {
      const result = await turn.wait();
      assertEquals(result.status, "requires_action");
      assert(!JSON.stringify(result).includes("words of the client"));
      assertEquals(await turn.answers(), []);
    },
  );

  const withdrawn: unknown[] = [];
  const untilWithdrawn: TestPerson["answer"] = (_form, signal) =>
    new Promise<ElicitResult>((_, reject) => {
      signal.addEventListener("abort", () => {
        withdrawn.push(signal.reason);
        reject(signal.reason);
      });
    });

  test(
    "a question that nobody answers is withdrawn from the client",
    { answer: untilWithdrawn, options: { approvalTimeoutMs: 90_000 } },
    async (turn) => {
      withdrawn.length = 0;
      const before = turn.app.clock.now();
      assertEquals((await turn.wait()).status, "requires_action");
      assert(turn.app.clock.now() - before >= 90_000);
      assertEquals(withdrawn.length, 1);
      assertStringIncludes(String(withdrawn[0]), "Nobody answered in time.");
      assertEquals(await turn.answers(), []);
    },
  );

  test(
    "a question is withdrawn when the call is cancelled, and nothing is sent",
    { answer: untilWithdrawn },
    async (turn) => {
      withdrawn.length = 0;
      const controller = new AbortController();
      const ended = assertRejects(() => turn.wait(controller.signal));
      await turn.app.until(poll(() => turn.forms.length === 1));
      controller.abort(new Error("changed my mind"));
      await turn.app.until(ended);
      await turn.app.until(poll(() => withdrawn.length === 1));
      assertStringIncludes(String(withdrawn[0]), "The question is no longer open.");
      assertEquals(await turn.answers(), []);
    },
  );

  test(
    "a question goes with its line, and nothing is sent",
    { answer: untilWithdrawn },
    async (turn) => {
      const ended = assertRejects(() => turn.wait());
      await turn.app.until(poll(() => turn.forms.length === 1));
      await turn.app.until(turn.client.close());
      await turn.app.until(ended);
      // The call has left: no stream is open, and no timer runs for its question.
      await turn.app.until(poll(() => turn.app.simulator.openStreams() === 0));
      assertEquals(await turn.answers(), []);
    },
  );

  test(
    "a question is withdrawn when somebody answers elsewhere, and the wait goes on",
    { answer: untilWithdrawn },
    async (turn) => {
      withdrawn.length = 0;
      const waiting = turn.wait();
      await turn.app.until(poll(() => turn.forms.length === 1));
      const { data } = await turn.app.until(
        turn.app.services.api.events.list(turn.session_id, { types: ["agent.tool_use"] }),
      );
      const tool_use_id = String(data[0]?.id);
      await turn.app.until(
        turn.app.services.api.events.send(turn.session_id, [{
          type: "user.tool_confirmation",
          tool_use_id,
          result: "allow",
        }]),
      );
      assertEquals((await waiting).status, "idle");
      assertEquals(withdrawn.length, 1);
      assertEquals((await turn.answers()).length, 1);
    },
  );
}

/** Resolves once the condition holds; time passes in between. */
async function poll(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setTimeout(resolve, 0));
}
