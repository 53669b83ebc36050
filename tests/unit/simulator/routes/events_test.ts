import { assertEquals, assertMatch } from "@std/assert";
import { bench, dataOf, dig, message, type Wire } from "../helpers.ts";

const text = (value: string) => [{ type: "text", text: value }];
const PNG = { type: "base64", media_type: "image/png", data: "iVBORw==" };
const PLAIN = { type: "text", media_type: "text/plain", data: "Hello" };
const withBlock = (type: string, source: Wire) => ({
  type: "user.message",
  content: [{ type, source }],
});

for (
  const [what, events, named] of [
    ["no events", [], /events/],
    ["an unknown type", [{ type: "user.wave" }], /events\[0\]/],
    ["a server's type", [{ type: "agent.message", content: text("x") }], /events\[0\]/],
    ["an extra field", [{ ...message("x"), colour: "red" }], /events\[0\].*colour/],
    ["an empty text", [message("")], /events\[0\]\.content\[0\]\.text/],
    ["no content", [{ type: "user.message", content: [] }], /events\[0\]\.content/],
    ["a bare string as content", [{ type: "user.message", content: "x" }], /content/],
    ["a redacted block", [{ type: "user.message", content: [{ type: "redacted" }] }], /content/],
    [
      "an image without a source that the API has",
      [withBlock("image", { type: "text" })],
      /source/,
    ],
    ["an image that is not base64", [withBlock("image", { ...PNG, data: "?" })], /source\.data/],
    ["an image by what is no URL", [withBlock("image", { type: "url", url: "x" })], /source\.url/],
    ["a document with an extra field", [withBlock("document", { ...PLAIN, more: 1 })], /source/],
    ["a bad second event", [message("x"), { type: "user.wave" }], /events\[1\]/],
    [
      "a confirmation with a strange result",
      [{ type: "user.tool_confirmation", tool_use_id: "sevt_1", result: "maybe" }],
      /result/,
    ],
    [
      "a system message that stands alone",
      [{ type: "system.message", content: text("x") }],
      /events\[0\].*last/,
    ],
    [
      "a system message that is not last",
      [message("x"), { type: "system.message", content: text("x") }, message("y")],
      /events\[1\].*last/,
    ],
    [
      "an interrupt of an unknown thread",
      [{ type: "user.interrupt", session_thread_id: "sthr_x" }],
      /sthr_x/,
    ],
  ] as const
) {
  Deno.test(`a send with ${what} is refused whole, and the message says where`, async () => {
    const { simulator, send, events: list } = bench();
    const id = simulator.createSession({ scripted: false });
    const { status, body } = await send(id, ...events);
    assertEquals([status, dig(body, "error", "type")], [400, "invalid_request_error"]);
    assertMatch(String(dig(body, "error", "message")), named);
    assertEquals(await list(id), []);
  });
}

Deno.test("a custom tool's result has texts, images, documents and search results", async () => {
  const { simulator, send } = bench();
  const id = simulator.createSession({ scripted: false });
  const call = { type: "agent.custom_tool_use", name: "find", input: {} };
  const custom_tool_use_id = simulator.emit(id, call);
  const sources = [PNG, { type: "url", url: "https://example.com/a" }, {
    type: "file",
    file_id: "file_1",
  }];
  const citations = { enabled: false };
  const content = [
    ...text("Found."),
    ...sources.map((source) => ({ type: "image", source })),
    ...[...sources, PLAIN].map((source) => ({ type: "document", source, title: "A" })),
    { type: "search_result", source: "s", title: "t", content: text("x"), citations },
  ];
  const result = { type: "user.custom_tool_result", custom_tool_use_id };
  assertEquals((await send(id, { ...result, content, is_error: false })).status, 200);
  const redacted = [{ type: "redacted" }];
  assertEquals((await send(id, { ...result, content: redacted })).status, 400);
});

Deno.test("a body that is not JSON, or no object, is refused", async () => {
  const { simulator, call } = bench();
  const id = simulator.createSession();
  const url = `/v1/sessions/${id}/events`;
  assertEquals((await call("POST", url)).status, 400);
  assertEquals((await call("POST", url, ["x"])).status, 400);
  assertEquals((await call("POST", url, { events: [message("x")], more: 1 })).status, 400);
});

Deno.test("a body beyond 32 MB is refused with 413", async () => {
  const { simulator, send } = bench();
  const id = simulator.createSession({ scripted: false });
  const { status, body } = await send(id, message("x".repeat(32 * 1024 * 1024)));
  assertEquals([status, dig(body, "error", "type")], [413, "request_too_large"]);
});

Deno.test("a send to a session that does not exist is not found", async () => {
  const { send } = bench();
  assertEquals((await send("sesn_x", message("hello"))).status, 404);
});

Deno.test("images, documents and search results are taken as documented", async () => {
  const { simulator, send } = bench();
  const id = simulator.createSession({ scripted: false });
  const source = { type: "url", url: "https://example.com/a.png" };
  const content = [
    ...text("Look at this"),
    { type: "image", source },
    { type: "document", source, title: "A" },
  ];
  assertEquals((await send(id, { type: "user.message", content })).status, 200);
  const search = {
    type: "search_result",
    source: "https://example.com",
    title: "T",
    content: text("found"),
    citations: { enabled: true },
  };
  const custom_tool_use_id = simulator.emit(id, { type: "agent.custom_tool_use" });
  const result = { type: "user.custom_tool_result", custom_tool_use_id };
  assertEquals((await send(id, { ...result, content: [search] })).status, 200);
});

Deno.test("the echo of a send has the events in order, with ids and what was sent", async () => {
  const { simulator, send, events } = bench();
  const id = simulator.createSession({ scripted: false });
  const echo = dataOf(await send(id, message("one"), { type: "user.interrupt" }));
  assertEquals(echo.map((event) => event.type), ["user.message", "user.interrupt"]);
  assertEquals(echo[0]?.content, text("one"));
  assertEquals(echo.map((event) => event.processed_at), [null, null]);
  assertEquals(await events(id), echo);
});

for (
  const [what, evaluated_permission, expected] of [
    ["asks", "ask", 200],
    ["was allowed", "allow", 400],
    ["has no permission to ask for", undefined, 400],
  ] as const
) {
  Deno.test(`a confirmation of a tool call that ${what} gets ${expected}`, async () => {
    const { simulator, send } = bench();
    const id = simulator.createSession({ scripted: false });
    const call = { type: "agent.tool_use", name: "bash", input: {}, evaluated_permission };
    const tool_use_id = simulator.emit(id, call);
    const confirmation = { type: "user.tool_confirmation", tool_use_id, result: "allow" };
    assertEquals((await send(id, confirmation)).status, expected);
  });
}

Deno.test("a deny message goes with a denial only, and a call is confirmed only once", async () => {
  const { simulator, send } = bench();
  const id = simulator.createSession({ scripted: false });
  const call = { type: "agent.tool_use", name: "bash", input: {}, evaluated_permission: "ask" };
  const tool_use_id = simulator.emit(id, call);
  const confirm = (fields: Wire) => send(id, { type: "user.tool_confirmation", ...fields });
  const deny_message = "No.";
  assertEquals((await confirm({ tool_use_id, result: "allow", deny_message })).status, 400);
  assertEquals((await confirm({ tool_use_id, result: "deny", deny_message })).status, 200);
  const again = await confirm({ tool_use_id, result: "allow" });
  assertMatch(String(dig(again.body, "error", "message")), /already confirmed/);
  assertEquals((await confirm({ tool_use_id: "sevt_x", result: "allow" })).status, 400);
});

/** A session with `count` events, every tenth of them an idle. */
function filled(count: number) {
  const tools = bench();
  const id = tools.simulator.createSession({ scripted: false });
  for (let i = 0; i < count; i++) {
    const type = i % 10 === 9 ? "session.status_idle" : "agent.thinking";
    tools.simulator.emit(id, { type }, { id: `sevt_${i}` });
  }
  return { ...tools, id };
}

Deno.test("events are listed a thousand at a time by default and at most", async () => {
  const { call, events, id } = filled(1_005);
  assertEquals((await events(id)).length, 1_000);
  assertEquals((await events(id, "?limit=1000")).length, 1_000);
  for (const limit of ["0", "1001", "many"]) {
    assertEquals((await call("GET", `/v1/sessions/${id}/events?limit=${limit}`)).status, 400);
  }
});

for (const order of ["asc", "desc"] as const) {
  Deno.test(`events are walked by cursor in ${order}ending order, each once`, async () => {
    const { call, id } = filled(95);
    const seen: unknown[] = [];
    let pages = 0;
    for (let page: unknown = ""; page !== null; pages++) {
      const query = `?order=${order}&limit=20&page=${page}`;
      const reply = await call("GET", `/v1/sessions/${id}/events${query}`);
      seen.push(...dataOf(reply).map((event) => event.id));
      page = dig(reply.body, "next_page");
    }
    const all = Array.from({ length: 95 }, (_, i) => `sevt_${i}`);
    assertEquals(seen, order === "asc" ? all : all.reverse());
    assertEquals(pages, 5);
  });
}

Deno.test("events are filtered by type, several at once, unknown ones matching nothing", async () => {
  const { events, id } = filled(30);
  const count = async (query: string) => (await events(id, `?${query}`)).length;
  assertEquals(await count("types%5B%5D=session.status_idle"), 3);
  assertEquals(await count("types[]=session.status_idle&types[]=agent.thinking"), 30);
  assertEquals(await count("types[]=agent.unheard_of"), 0);
  const newest = await events(id, "?types[]=session.status_idle&order=desc&limit=1");
  assertEquals(newest[0]?.id, "sevt_29");
});

Deno.test("a page of filtered events leads on to the next of them", async () => {
  const { call, id } = filled(100);
  const path = `/v1/sessions/${id}/events?types[]=session.status_idle&limit=6`;
  const first = await call("GET", path);
  const second = await call("GET", `${path}&page=${dig(first.body, "next_page")}`);
  const ids = [...dataOf(first), ...dataOf(second)].map((event) => event.id);
  assertEquals(ids, Array.from({ length: 10 }, (_, i) => `sevt_${i * 10 + 9}`));
  assertEquals(dig(second.body, "next_page"), null);
});

Deno.test("created_at bounds compare processed_at, and leave queued events out", async () => {
  const { clock, simulator, send, events } = bench();
  const id = simulator.createSession({ scripted: false });
  const before = simulator.emit(id, { type: "agent.thinking" });
  await clock.advance(60_000);
  const after = simulator.emit(id, { type: "agent.thinking" });
  await send(id, message("queued"));
  const ids = async (query: string) => (await events(id, query)).map((event) => event.id);
  const at = String((await events(id))[1]?.processed_at);
  assertEquals(await ids(`?created_at[gte]=${at}`), [after]);
  assertEquals(await ids(`?created_at[gt]=${at}`), []);
  assertEquals(await ids(`?created_at[lt]=${at}`), [before]);
  assertEquals(await ids(`?created_at[lte]=${at}&order=desc`), [after, before]);
});

for (
  const change of [
    "order=asc",
    "order=desc&types[]=agent.thinking",
    "created_at[gte]=2026-01-01T00:00:00Z",
  ]
) {
  Deno.test(`a cursor of a descending list is refused with ${change}`, async () => {
    const { call, id } = filled(10);
    const path = `/v1/sessions/${id}/events`;
    const page = dig((await call("GET", `${path}?order=desc&limit=3`)).body, "next_page");
    const same = await call("GET", `${path}?order=desc&limit=5&page=${page}`);
    assertEquals(dataOf(same).length, 5);
    assertEquals((await call("GET", `${path}?${change}&page=${page}`)).status, 400);
  });
}

Deno.test("a cursor of another session is refused", async () => {
  const { call, simulator, id } = filled(10);
  const page = dig((await call("GET", `/v1/sessions/${id}/events?limit=3`)).body, "next_page");
  const other = simulator.createSession();
  const { status } = await call("GET", `/v1/sessions/${other}/events?page=${page}`);
  assertEquals(status, 400);
});

Deno.test("the event list names the parameters it knows when it meets another", async () => {
  const { call, id } = filled(1);
  const { status, body } = await call("GET", `/v1/sessions/${id}/events?after=sevt_0`);
  assertEquals(status, 400);
  assertMatch(String(dig(body, "error", "message")), /"after".*types\[\].*order.*limit.*page/);
});

Deno.test("the list of a thread's events takes neither types nor an order", async () => {
  const { call, id } = filled(1);
  const thread = dig((await call("GET", `/v1/sessions/${id}/threads`)).body, "data", "0", "id");
  const path = `/v1/sessions/${id}/threads/${thread}/events`;
  const ask = async (query: string) => (await call("GET", path + query)).status;
  const asked = await Promise.all(["?limit=1", "?order=desc", "?types[]=user.message"].map(ask));
  assertEquals(asked, [200, 400, 400]);
  assertEquals((await call("GET", `/v1/sessions/${id}/threads/sthr_0/events`)).status, 404);
});

Deno.test("event_deltas of an unknown kind are refused", async () => {
  const { call, simulator } = bench();
  const path = `/v1/sessions/${simulator.createSession()}/events/stream`;
  const { status } = await call("GET", `${path}?event_deltas[]=agent.tool_use`);
  assertEquals(status, 400);
  assertEquals(simulator.openStreams(), 0);
});
