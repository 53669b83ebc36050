import { assert, assertEquals } from "@std/assert";
import { assertAsync, fc, jsonValue } from "../helpers/fuzz.ts";
import { createRedact, hasCredentialField, redactValue } from "../../src/core/redact.ts";
import { MAX_RESULT_CHARS } from "../../src/core/text.ts";
import type { SessionEvent } from "../../src/api/events.ts";
import { readEvent, showEvent } from "../../src/session/event_types.ts";
import { buildResult } from "../../src/session/result.ts";
import { turnOf } from "../../src/session/turn.ts";
import type { WaitStatus } from "../../src/session/verdict.ts";
import { eventMaker } from "../helpers/events.ts";
import { fitBudget, takeWithinBudget } from "../../src/tools/budget.ts";
import { decodeCursor, encodeCursor, listAgents } from "../../src/tools/list_agents.ts";
import { listEvents } from "../../src/tools/list_events.ts";
import {
  agents,
  entriesOf,
  events,
  FakeEvents,
  type Harness,
  harness,
  idsOf,
  pageOf,
} from "../unit/tools/support.ts";

const jsonObject = fc.dictionary(fc.string(), jsonValue({ maxDepth: 4 }), { maxKeys: 12 });

Deno.test("list_events: any walk gives every event once and in order", async () => {
  const step = fc.record({
    limit: fc.integer({ min: 1, max: 60 }),
    arrive: fc.integer({ min: 0, max: 40 }),
    /** Another process, which remembers no positions, serves the next call. */
    elsewhere: fc.boolean(),
  });
  await assertAsync(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2_500 }),
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.option(fc.constantFrom<string[]>(["user.message"], ["agent.message"]), { nil: undefined }),
      async (length, steps, types) => {
        const list = new FakeEvents(events(length));
        let reader: Harness = harness({ events: list.api });
        let afterId: unknown;
        const seen: string[] = [];
        const read = async (limit: number) => {
          const result = await reader.run(listEvents, {
            session_id: "sesn_1",
            limit,
            ...(types && { types }),
            ...(afterId !== undefined && { after_id: afterId }),
          });
          assert(idsOf(result).length <= limit);
          seen.push(...idsOf(result));
          afterId = result.last_event_id ?? afterId;
          return result;
        };
        for (const { limit, arrive, elsewhere } of steps) {
          await read(limit);
          list.events.push(...events(arrive, list.events.length + 1));
          if (elsewhere) reader = harness({ events: list.api });
        }
        for (let rounds = 0; (await read(500)).has_more; rounds++) assert(rounds < 100);
        const wanted = list.events.filter(({ type }) => !types || types.includes(type));
        assertEquals(seen, wanted.map(({ id }) => id));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("list_agents: any walk gives every match once and in order", async () => {
  await assertAsync(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 700 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 }),
      fc.option(fc.constantFrom("1", "9", "AGENT", "none"), { nil: undefined }),
      fc.boolean(),
      async (count, limits, name, allowlist) => {
        const all = agents(count);
        const { run } = harness({
          agents: {
            list: (params) => Promise.resolve(pageOf(all, params)),
            retrieve: (id) => Promise.resolve(all.find((agent) => agent.id === id) ?? { id }),
          },
        }, allowlist ? { allowedAgentIds: all.map(({ id }) => id) } : {});
        const seen: unknown[] = [];
        let cursor: unknown;
        for (let calls = 0; calls < 2_000; calls++) {
          const limit = limits[calls % limits.length];
          const result = await run(listAgents, {
            limit,
            ...(name !== undefined && { name_contains: name }),
            ...(cursor !== undefined && { cursor }),
          });
          seen.push(...entriesOf(result, "agents").map(({ id }) => id));
          cursor = result.next_cursor;
          if (cursor === undefined) break;
        }
        const needle = name?.toLowerCase() ?? "";
        const wanted = all.filter((agent) => agent.name?.toLowerCase().includes(needle));
        assertEquals(seen, wanted.map(({ id }) => id));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("list cursors survive their own encoding, whatever the API's cursor is", () => {
  const cursor = fc.record({
    p: fc.string({ minLength: 1, maxLength: 200, unit: "binary" }),
    n: fc.integer({ min: 1, max: 100 }),
    s: fc.nat(),
    a: fc.string({ maxLength: 50 }),
  }, { requiredKeys: [] });
  fc.assert(fc.property(cursor, (value) => {
    const text = encodeCursor(value);
    assert(/^[A-Za-z0-9_-]+$/.test(text));
    assertEquals(decodeCursor(text), { ...value });
  }));
});

Deno.test("showEvent() is total and bounded for any event of any type", () => {
  const type = fc.constantFrom(
    "user.message",
    "agent.message",
    "agent.tool_use",
    "agent.tool_result",
    "session.status_idle",
    "session.error",
    "session.updated",
    "session.usage",
    "workflow_run.created",
    "span.outcome_evaluation_end",
    "unknown.type",
  );
  const names = fc.constantFrom(
    "content",
    "input",
    "name",
    "error",
    "stop_reason",
    "stop_details",
    "usage",
    "result",
    "phases",
    "title",
    "extra",
  );
  const fields = fc.dictionary(names, jsonValue({ maxDepth: 3 }), { maxKeys: 8 });
  fc.assert(fc.property(type, fields, fc.boolean(), (type, fields, exposeToolInputs) => {
    const view = showEvent({ ...fields, type, id: "sevt_1" }, {
      exposeToolInputs,
      maxFieldChars: 100,
    });
    assertEquals([view.id, view.type], ["sevt_1", type]);
    assertEquals(JSON.parse(JSON.stringify(view)), view);
    assert(JSON.stringify(view).length < 20_000);
  }));
});

Deno.test("showEvent() never shows a tool's input unless it is exposed", () => {
  const secret = "f00d-secret-f00d";
  const value = fc.oneof(
    fc.constant(secret),
    fc.constant([secret, { deep: secret }]),
    fc.constant({ a: { b: secret } }),
  );
  fc.assert(fc.property(fc.dictionary(fc.string(), value, { maxKeys: 5 }), (input) => {
    for (const type of ["agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use"]) {
      const view = showEvent({ type, input }, { exposeToolInputs: false, maxFieldChars: 100 });
      assert(!JSON.stringify(view).includes(secret));
    }
  }));
});

Deno.test("fitBudget() keeps any result within its budget and its first level whole", () => {
  const wide = fc.dictionary(
    fc.string({ minLength: 1, maxLength: 20 }),
    fc.oneof(
      fc.string({ maxLength: 3_000 }),
      fc.array(fc.string({ maxLength: 200 }), { maxLength: 60 }),
      jsonValue({ maxDepth: 3 }),
    ),
    { maxKeys: 8 },
  );
  fc.assert(fc.property(wide, (value) => {
    const fitted = fitBudget({ ...value, id: "agent_1" }, 20_000);
    assert(JSON.stringify(fitted.value).length <= 20_000);
    assertEquals(fitted.value.id, "agent_1");
    if (!fitted.cut) assertEquals(fitted.value, { ...value, id: "agent_1" });
  }));
});

Deno.test("takeWithinBudget() takes a prefix, and never nothing of something", () => {
  fc.assert(fc.property(fc.array(fc.string()), fc.nat(500), (items, budget) => {
    const { taken, cut } = takeWithinBudget(items, budget);
    assertEquals(taken, items.slice(0, taken.length));
    assertEquals(cut, taken.length < items.length);
    assert(items.length === 0 || taken.length > 0);
    assert(taken.length <= 1 || JSON.stringify(taken).length <= budget + 2);
  }));
});

Deno.test("redactValue() leaves no known secret anywhere, and keeps JSON whole", () => {
  const secret = 's3cr"et\\token-value';
  const redact = createRedact([secret]);
  const plant = (value: unknown): unknown => {
    if (typeof value === "string") return `${value}${secret}${value}`;
    if (Array.isArray(value)) return value.map(plant);
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([name, field]) => [`${name}${secret}`, plant(field)]),
      );
    }
    return value;
  };
  fc.assert(fc.property(jsonObject, (value) => {
    const result = redactValue({ planted: plant(value) }, redact);
    const text = JSON.stringify(result);
    assert(!text.includes(JSON.stringify(secret).slice(1, -1)), text);
    assertEquals(JSON.parse(text), JSON.parse(JSON.stringify(result)));
  }));
});

Deno.test("createRedact() finds nothing to redact in a value whose JSON isClean() accepts", () => {
  const secret = 'k"ey\\with\nodd=characters';
  const redact = createRedact([secret, "plain-secret-1"]);
  const text = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom(
      ...[secret, "plain-secret-1", encodeURIComponent(secret), "sk-ant-abcd1234", "sk-an"],
      ...["Bearer\n  abcdefgh1234", "BEARER\tabcdefgh1234", "x-api-key", "authorization"],
      ...[`cma_${"a".repeat(43)}`, "value1234"],
    ),
  );
  const value = fc.dictionary(
    text,
    fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.dictionary(text, text, { maxKeys: 3 })),
    { maxKeys: 4, noNullPrototype: true },
  );
  let clean = 0;
  fc.assert(
    fc.property(value, (fields) => {
      const json = JSON.stringify(fields);
      if (!redact.isClean(json) || hasCredentialField(json)) return;
      clean++;
      assertEquals(JSON.stringify(redactValue(fields, redact)), json);
    }),
    { numRuns: 2_000 },
  );
  assert(clean > 50, `${clean} of 2,000 were told clean`);
});

/** Texts that take much more room as JSON than they have characters, and others. */
const wideText = fc.tuple(
  fc.constantFrom("\u0007", "x", '"', "\u202e", "ü", "Name "),
  fc.nat(3_000),
).map(([unit, times]) => unit.repeat(times));

/** Makes the events of one thing that happens in a turn, with this text, and this running number. */
const HAPPENINGS: Readonly<Record<string, (text: string, at: number) => readonly SessionEvent[]>> =
  (() => {
    const e = eventMaker();
    const child = (at: number) => ({ session_thread_id: `sthr_${at}` });
    const url = (text: string) =>
      `https://charts.example/${encodeURIComponent(text.slice(0, 300))}`;
    return {
      text: (text) => [e.text(text)],
      tool: (text, at) => [e.tool(text, child(at))],
      error: (text) => [e.make("session.error", { error: { type: text, message: text } })],
      subagent: (text, at) => [
        e.make("session.thread_created", { ...child(at), agent_name: text }),
        e.make("session.thread_status_idle", { ...child(at), stop_reason: { type: text } }),
      ],
      evaluation: (text, iteration) => [
        e.make("span.outcome_evaluation_end", {
          ...{ outcome_id: text, iteration, result: text, explanation: text },
        }),
      ],
      attachment: (text) => [
        e.make("agent.message", {
          content: [
            { type: "document", title: text, source: { type: "base64", data: text } },
            { type: "image", source: { type: "url", url: url(text) } },
          ],
        }),
      ],
    };
  })();

const turnEvents = fc.array(
  fc.tuple(fc.constantFrom(...Object.keys(HAPPENINGS)), wideText, fc.nat(3_000)),
  { maxLength: 60 },
).map((steps) => steps.flatMap(([name, text, at]) => HAPPENINGS[name]?.(text, at) ?? []));

Deno.test("buildResult() fits its budget whatever a turn had, and says little of one that goes on", () => {
  const e = eventMaker(0);
  const status = fc.constantFrom<WaitStatus>("idle", "requires_action", "terminated", "timeout");
  let most = 0;
  fc.assert(fc.property(turnEvents, status, (events, status) => {
    const turn = turnOf([e.user("q"), e.running(), ...events].map(readEvent));
    const result = buildResult({
      ...{ sessionId: "sesn_1", status, turn, elapsedMs: 1, complete: true, wasRead: true },
      ...{ doing: "thinking", exposeToolInputs: false, consoleUrl: "https://console.example" },
    });
    const size = JSON.stringify(result).length;
    assert(size <= MAX_RESULT_CHARS, `${size}`);
    const { subagents, outcome_evaluations, attachments } = result;
    if (status !== "timeout") {
      most = Math.max(most, JSON.stringify([subagents, outcome_evaluations, attachments]).length);
      return;
    }
    assertEquals([subagents, outcome_evaluations, attachments], Array(3).fill(undefined));
    const beside = JSON.stringify({ ...result, reply: "" }).length;
    assert(beside <= 900, `${beside}: ${JSON.stringify({ ...result, reply: "" })}`);
  }));
  assert(most > 3_000 && most <= 6_700, `${most}`);
});
