import { assert, assertEquals } from "@std/assert";
import { FUZZ_SEED } from "../helpers/fuzz.ts";
import { createRandom } from "../helpers/random.ts";
import {
  type Answers,
  callOver,
  nameOf,
  ODD_VALUES,
  type Oddity,
  type Outcome,
  type Path,
  pathsIn,
  type Way,
  withOddity,
} from "./shapes.ts";

// One field at a time is something else, and nothing but that field's own meaning may change.
//
//   CMA_SHAPES=all deno test -P=test tests/property/shapes_test.ts    every field, every value
//   CMA_SHAPES=500 CMA_TEST_SEED=7 deno test …                        so many of each, by this seed
//   CMA_SHAPES='log[9]["stop_details"] = []' deno test …              this one

const ASKED = Deno.env.get("CMA_SHAPES") ?? "60";
const MAX_RESULT_CHARS = 40_000;
const MAX_REQUESTS = 60;

let count = 0;
function event(type: string, fields: Record<string, unknown> = {}) {
  const at = new Date(Date.UTC(2026, 10, 23, 8, 0, ++count)).toISOString();
  return { type, id: `sevt_${String(count).padStart(4, "0")}`, processed_at: at, ...fields };
}

const text = (...texts: string[]) => texts.map((part) => ({ type: "text", text: part }));

const USER = event("user.message", { content: text("please") });
const BASH = event("agent.tool_use", {
  name: "bash",
  input: { command: "ls" },
  evaluated_permission: "allow",
  session_thread_id: null,
});
const LOOKUP = event("agent.mcp_tool_use", {
  name: "lookup",
  mcp_server_name: "crm",
  input: { key: "k" },
  evaluated_permission: "ask",
});
const QUOTE = event("agent.custom_tool_use", { name: "quote", input: { item: "i" } });

const BLOCKED = [
  USER,
  event("session.status_running"),
  event("agent.message", { content: text("alpha") }),
  BASH,
  event("agent.tool_result", { tool_use_id: BASH.id, content: text("listing"), is_error: false }),
  LOOKUP,
  QUOTE,
  event("session.error", {
    error: {
      type: "model_overloaded_error",
      message: "overloaded",
      retry_status: { type: "retrying" },
    },
  }),
  event("agent.message", { content: text("beta ", "gamma") }),
  event("session.status_idle", {
    stop_reason: { type: "requires_action", event_ids: [LOOKUP.id, QUOTE.id] },
    stop_details: { category: "c", explanation: "e" },
  }),
];

const ENDED = [
  event("user.message", { content: text("before") }),
  event("session.status_running"),
  event("agent.message", { content: text("stale") }),
  event("session.status_idle", { stop_reason: { type: "end_turn" }, stop_details: null }),
  event("user.message", { content: text("please") }),
  event("session.status_running"),
  event("span.model_request_start", { model: "m" }),
  event("agent.thinking", { content: [] }),
  event("agent.message", { content: text("alpha") }),
  event("agent.message", { content: text("beta ", "gamma") }),
  event("span.model_request_end", { model_usage: { input_tokens: 5 }, is_error: false }),
  event("session.usage", { usage: { input_tokens: 5 }, budget: { remaining: 3 } }),
  event("session.thread_status_idle", { session_thread_id: "sthr_1", agent_name: "helper" }),
  event("session.brand_new", { detail: { depth: 1 } }),
  event("session.status_idle", {
    stop_reason: { type: "end_turn" },
    stop_details: { category: "c", explanation: "e" },
  }),
];

const RUNNING = [
  USER,
  event("session.status_running"),
  event("agent.message", { content: text("alpha") }),
  event("user.message", { content: text("and this"), processed_at: null }),
  event("agent.message", { content: text("beta ", "gamma") }),
  event("agent.tool_use", { name: "bash", input: {}, evaluated_permission: "allow" }),
];

const agent = (at: number) => ({
  id: `agent_${at}`,
  type: "agent",
  name: `Agent ${at}`,
  description: `Does ${at}`,
  system: "prompt",
  model: { id: "some-model", speed: "standard" },
  version: at,
  tools: [
    {
      type: "agent_toolset",
      configs: [{ name: "bash", enabled: true }, { name: "off", enabled: false }],
    },
    { type: "mcp_toolset", mcp_server_name: "crm" },
    { type: "custom", name: "quote", input_schema: { type: "object" } },
  ],
  mcp_servers: [{ name: "crm", url: "https://crm.example/mcp" }],
  skills: [],
  metadata: { team: "x" },
  created_at: "2026-11-01T00:00:00Z",
  updated_at: "2026-11-02T00:00:00Z",
  archived_at: null,
});

const session = (status: string) => ({
  id: "sesn_1",
  type: "session",
  status,
  title: "Work",
  agent: agent(1),
  environment_id: "env_1",
  metadata: { team: "x" },
  usage: { input_tokens: 5 },
  budget: { limit: { amount: 5 } },
  stats: { active_seconds: 3 },
  created_at: "2026-11-01T00:00:00Z",
  updated_at: "2026-11-02T00:00:00Z",
  archived_at: null,
});

function world(log: readonly unknown[], status: string): Answers {
  return {
    agents: { data: [agent(1), agent(2), agent(3)], next_page: null, has_more: false },
    environments: {
      data: [
        { id: "env_1", name: "One", archived_at: null, config: { type: "cloud" } },
        { id: "env_0", name: "Old", archived_at: "2026-11-01T00:00:00Z" },
      ],
      next_page: null,
    },
    agent: agent(1),
    session: session(status),
    created: session("idle"),
    archived: { ...session("idle"), archived_at: "2026-11-03T00:00:00Z" },
    log,
    page: { data: "log", next_page: null, has_more: false },
    echo: { data: [{ ...USER, processed_at: null }] },
  };
}

/** The parts of a result that a field may or may not change. */
type Facets = Readonly<Record<string, unknown>>;

interface Probe {
  readonly name: string;
  readonly answers: Answers;
  readonly tool: string;
  readonly args: Record<string, unknown>;
  readonly way?: Way;
  /** The answers whose fields are replaced. */
  readonly fields: readonly (keyof Answers)[];
  /** @param odd what was changed, for facets that leave it out */
  facets(outcome: Outcome, odd: Oddity): Facets;
  /** The facets, by their beginning, that are the field's own meaning. */
  own(path: Path, odd: Oddity): readonly string[];
}

const WORDS = ["stale", "alpha", "beta", "gamma"];

function entries(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value : [];
}

function pendingFacets(fields: Outcome["fields"]): Facets {
  return Object.fromEntries(
    entries(fields.pending_actions).flatMap(({ input, ...action }) => [
      [`pending ${action.event_id}`, action],
      [`input ${action.event_id}`, input],
    ]),
  );
}

function waitFacets({ fields, isError }: Outcome): Facets {
  const reply = String(fields.reply);
  const tools = entries(fields.tool_activity);
  return {
    isError,
    status: fields.status,
    stop: fields.stop_reason,
    ...Object.fromEntries(WORDS.map((word) => [`word ${word}`, reply.includes(word)])),
    ...Object.fromEntries(tools.map((tool, at) => [`tool ${at}`, tool])),
    tools: tools.length,
    ...pendingFacets(fields),
    errors: entries(fields.errors).length,
    "error itself": fields.errors,
    cursor: fields.last_event_id,
  };
}

/** Which tool of {@linkcode waitFacets} an event is. */
const TOOL_AT: Readonly<Record<string, number>> = {
  "agent.tool_use": 0,
  "agent.tool_result": 0,
  "agent.mcp_tool_use": 1,
  "agent.custom_tool_use": 2,
};

function typeAt(answers: Answers, path: Path): string {
  const event = answers.log[Number(path[0])];
  return typeof event === "object" && event !== null && "type" in event ? String(event.type) : "";
}

function wordsAt(answers: Answers, path: Path): string[] {
  const event = JSON.stringify(answers.log[Number(path[0])]);
  return WORDS.filter((word) => event.includes(word)).map((word) => `word ${word}`);
}

/** What a field of an event means to a wait, and to where a session stands. */
function ownOfEvent(answers: Answers) {
  return (path: Path, { answer, value }: Oddity): readonly string[] => {
    if (answer === "page") return path[0] === "data" ? ["*"] : [];
    if (answer === "session") {
      return path[0] === "status" || path[0] === "archived_at" ? ["status", "tool"] : [];
    }
    const [, field, ...rest] = path;
    const type = typeAt(answers, path);
    const tool = `tool ${TOOL_AT[type]}`;
    const pending = type.includes("tool_use") ? ["pending", "input"] : [];
    // Without any of its fields, or without its type, an event is not there.
    if (field === undefined || field === "type") {
      const bounds = ["session.status_idle", "session.status_running", "user.message"];
      const standing = bounds.includes(type)
        ? ["status", "stop", "pending", "input", "tool", "word stale"]
        : [];
      // Where no event tells that a turn begins, every input begins one.
      if (type === "session.status_running") standing.push("word");
      const tools = type.includes("tool_") ? ["tool", "pending", "input"] : [];
      const errors = type === "session.error" ? ["error"] : [];
      return [...standing, ...wordsAt(answers, path), ...tools, ...errors, "cursor"];
    }
    switch (field) {
      case "id":
        return ["cursor", tool, ...pending];
      case "processed_at":
        // Null says that a client's message is queued, as it does for the one that is.
        if (type.startsWith("user.")) return ["status", "cursor", "word", "stop"];
        return [];
      case "content":
        // A reply that is too long loses its beginning.
        return value === "a huge text" ? ["word"] : wordsAt(answers, path);
      case "name":
      case "mcp_server_name":
        return [tool, ...pending, ...(value === "a huge text" ? ["tools"] : [])];
      case "input":
        return ["input"];
      case "evaluated_permission":
        // Inputs are kept of calls that ask.
        return type === "agent.mcp_tool_use" ? ["input"] : [];
      case "tool_use_id":
      case "is_error":
        return [tool];
      case "error":
        return ["error itself"];
      case "stop_reason": {
        const isText = value === "a text" || value === "a huge text";
        if (rest[0] === "event_ids") {
          // Which calls block is known from the calls, unless others are named.
          const names = rest.length > 1 || isText || value === "a huge list";
          return names ? ["pending", "tool", "input"] : [];
        }
        return isText ? ["status", "stop", "pending", "tool", "input"] : ["stop"];
      }
      case "stop_details":
        return ["stop"];
      default:
        return [];
    }
  };
}

const WAIT = { session_id: "sesn_1", timeout_sec: 20 };

function waitProbe(name: string, log: readonly unknown[], status: string, way: Way): Probe {
  const answers = world(log, status);
  return {
    name: `wait_for_idle, ${name}, by ${way}`,
    answers,
    tool: "wait_for_idle",
    args: WAIT,
    way,
    fields: ["log", "session", "page"],
    facets: waitFacets,
    own: ownOfEvent(answers),
  };
}

function sessionProbe(name: string, log: readonly unknown[], status: string): Probe {
  const answers = world(log, status);
  const ownOfLog = ownOfEvent(answers);
  return {
    name: `get_session, ${name}`,
    answers,
    tool: "get_session",
    args: { session_id: "sesn_1" },
    fields: ["log", "session", "page"],
    facets: ({ fields, isError }) => ({
      isError,
      ...fields,
      stop: fields.last_stop_reason,
      last_stop_reason: undefined,
      pending_actions: undefined,
      ...pendingFacets(fields),
    }),
    own: (path, odd) => {
      if (odd.answer !== "session") return ownOfLog(path, odd);
      const field = String(path[0]);
      if (field === "agent" && path.length > 1) {
        return ["id", "name", "version"].includes(String(path[1])) ? ["agent"] : [];
      }
      return field === "id" ? ["session_id"] : [field];
    },
  };
}

function listProbe(name: string, log: readonly { readonly id: string }[]): Probe {
  const answers = world(log, "idle");
  const known = log.map(({ id }) => id);
  return {
    name: `list_events, ${name}`,
    answers,
    tool: "list_events",
    args: { session_id: "sesn_1" },
    fields: ["log", "page"],
    facets: ({ fields, isError }, { path }) => {
      const shown = entries(fields.events);
      const others = known.filter((_, at) => at !== path[0]);
      return {
        isError,
        ...Object.fromEntries(shown.map((event) => [`event ${event.id}`, event])),
        order: shown.map(({ id }) => String(id)).filter((id) => others.includes(id)),
        count: shown.length,
        cursor: fields.last_event_id,
        more: fields.has_more,
      };
    },
    own: (path, { answer }) => {
      if (answer === "page") return path[0] === "data" ? ["*"] : ["more"];
      const [at, field] = path;
      const mine = `event ${known[Number(at)]}`;
      if (field === undefined || field === "type") return [mine, "count", "cursor"];
      // Under another id, or none, it is another event.
      if (field === "id") {
        return [
          mine,
          "event 7",
          "event 17955",
          "event odd",
          "event ~",
          "event undefined",
          "cursor",
        ];
      }
      return field === "processed_at" ? [mine, "cursor"] : [mine];
    },
  };
}

const PROBES: readonly Probe[] = [
  waitProbe("a session that waits for answers", BLOCKED, "idle", "list"),
  waitProbe("a session that waits for answers", BLOCKED, "idle", "stream"),
  waitProbe("a turn that is over", ENDED, "idle", "list"),
  waitProbe("a turn that is over", ENDED, "idle", "stream"),
  waitProbe("a turn that goes on", RUNNING, "running", "list"),
  waitProbe("a turn that goes on", RUNNING, "running", "stream"),
  sessionProbe("waiting for answers", BLOCKED, "idle"),
  sessionProbe("at rest", ENDED, "idle"),
  listProbe("waiting for answers", BLOCKED),
  listProbe("at rest", ENDED),
  {
    name: "list_agents",
    answers: world([], "idle"),
    tool: "list_agents",
    args: {},
    fields: ["agents"],
    facets: ({ fields, isError }) => ({
      isError,
      ...Object.fromEntries(
        entries(fields.agents).flatMap((agent, at) =>
          Object.entries(agent).map(([name, value]) => [`agent ${at} ${name}`, value])
        ),
      ),
      count: entries(fields.agents).length,
      more: fields.next_cursor,
      scanned: fields.scanned,
    }),
    own: ([head, at, field, ...rest]) => {
      if (head !== "data") return ["more"];
      if (at === undefined) return ["*"];
      if (field === undefined || field === "id") return ["agent", "count", "scanned"];
      if (field === "model" && rest.length > 0 && rest[0] !== "id") return [];
      return [`agent ${at} ${field}`];
    },
  },
  {
    name: "get_agent",
    answers: world([], "idle"),
    tool: "get_agent",
    args: { agent_id: "agent_1" },
    fields: ["agent"],
    facets: ({ fields, isError }) => ({
      isError,
      ...fields,
      ...Object.fromEntries(
        ["bash", "mcp:crm", "quote", "off"].map((tool) => [
          `has ${tool}`,
          JSON.stringify(fields.tools)?.includes(tool),
        ]),
      ),
    }),
    own: ([field, at, part]) => {
      if (field !== "tools") return [String(field)];
      if (at === undefined) return ["tools", "has"];
      const mine = [["has bash", "has off"], ["has mcp:crm"], ["has quote"]][Number(at)] ?? [];
      return part === "type" || part === "input_schema" ? ["tools"] : ["tools", ...mine];
    },
  },
  {
    name: "create_session",
    answers: world([], "idle"),
    tool: "create_session",
    args: { agent_id: "agent_1" },
    fields: ["created", "environments"],
    facets: ({ fields, isError }) => ({ isError, ...fields }),
    own: ([head, at, field], { answer }) => {
      // Without an id nobody knows which session it is; it is looked for in the list.
      if (answer === "created") return head === "id" ? ["*"] : [String(head)];
      if (head !== "data") return [];
      // The only environment is gone, or a second one is there.
      return at === undefined || field === undefined || field === "id" || field === "archived_at"
        ? ["*"]
        : [];
    },
  },
  {
    name: "send_message",
    answers: world(ENDED, "idle"),
    tool: "send_message",
    args: { session_id: "sesn_1", text: "please" },
    fields: ["echo"],
    facets: ({ fields, isError }) => ({ isError, ...fields }),
    own: ([head, at, field]) =>
      head === "data" &&
        (at === undefined || field === undefined || field === "id" || field === "type")
        ? ["event_id"]
        : [],
  },
  {
    name: "archive_session",
    answers: world([], "idle"),
    tool: "archive_session",
    args: { session_id: "sesn_1" },
    fields: ["archived"],
    facets: ({ fields, isError }) => ({ isError, ...fields }),
    own: ([field]) => [String(field)],
  },
  ...["get_session", "list_events", "list_agents", "send_message"].map((tool): Probe => ({
    name: `${tool}, an error`,
    answers: {
      ...world([], "idle"),
      status: 403,
      error: {
        type: "error",
        error: { type: "permission_error", message: "No.", details: { error_code: "closed" } },
        request_id: "req_1",
      },
    },
    tool,
    args: {
      ...(tool !== "list_agents" && { session_id: "sesn_1" }),
      ...(tool === "send_message" && { text: "t" }),
    },
    fields: ["error"],
    facets: ({ isError, text }) => ({ isError, status: text.includes("403") }),
    own: () => [],
  })),
];

function oddities(probe: Probe): Oddity[] {
  return probe.fields.flatMap((answer) =>
    pathsIn(probe.answers[answer]).flatMap((path) =>
      Object.keys(ODD_VALUES).map((value) => ({ answer, path, value }))
    )
  );
}

/** So many of them, by the seed; all; or the one that is named. */
function chosen(probe: Probe): Oddity[] {
  const all = oddities(probe);
  if (ASKED === "all") return all;
  const wanted = Number(ASKED);
  if (Number.isNaN(wanted)) return all.filter((odd) => nameOf(odd) === ASKED);
  const random = createRandom(FUZZ_SEED);
  return all.map((odd) => ({ odd, order: random.next() }))
    .sort((a, b) => a.order - b.order).slice(0, wanted).map(({ odd }) => odd);
}

function check(probe: Probe, odd: Oddity, before: Outcome, outcome: Outcome): string[] {
  const wrong: string[] = [];
  if (outcome.text.includes("inside this server")) wrong.push("it crashed");
  if (outcome.text.length > MAX_RESULT_CHARS) wrong.push(`${outcome.text.length} characters`);
  if (outcome.requests > MAX_REQUESTS) wrong.push(`${outcome.requests} requests`);
  const own = [
    ...probe.own(odd.path, odd),
    ...(odd.value.startsWith("a huge") ? ["truncated"] : []),
  ];
  const base = probe.facets(before, odd);
  const facets = probe.facets(outcome, odd);
  for (const name of new Set([...Object.keys(base), ...Object.keys(facets)])) {
    if (own.some((mine) => mine === "*" || name.startsWith(mine))) continue;
    const [was, is] = [base[name], facets[name]].map((value) =>
      JSON.stringify(value)?.slice(0, 300)
    );
    if (was !== is) wrong.push(`${name}: was ${was}, is ${is}`);
  }
  return wrong;
}

for (const probe of PROBES) {
  Deno.test(`an odd field does not change how other fields are read: ${probe.name} (seed ${FUZZ_SEED})`, async () => {
    const { answers, tool, args, way } = probe;
    const base = await callOver(answers, tool, args, way);
    const wrong: string[] = [];
    for (const odd of chosen(probe)) {
      const result = await callOver(withOddity(answers, odd), tool, args, way);
      for (const what of check(probe, odd, base, result)) wrong.push(`${nameOf(odd)}: ${what}`);
    }
    assertEquals(wrong.slice(0, 40), [], `${wrong.length} wrong, with CMA_TEST_SEED=${FUZZ_SEED}`);
  });
}

Deno.test("the shape fuzzer's worlds are what they are meant to be", async () => {
  const statuses = [];
  for (const probe of PROBES.filter(({ tool }) => tool === "wait_for_idle")) {
    const { fields } = await callOver(probe.answers, probe.tool, probe.args, probe.way);
    statuses.push(fields.status);
    assert(String(fields.reply).includes("beta gamma") && !String(fields.reply).includes("stale"));
  }
  assertEquals(statuses, [
    ...["requires_action", "requires_action", "idle", "idle", "timeout", "timeout"],
  ]);
});
