import { assertEquals } from "@std/assert";
import type { ListEventsParams, ManagedAgentsApi } from "../../../src/api/types.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import { EventHistory } from "../../../src/session/event_history.ts";
import { readEvent } from "../../../src/session/event_types.ts";
import {
  attachmentChars,
  readAttachments,
  returnedAttachmentsIn,
} from "../../../src/session/returned_attachments.ts";
import { type Turn, turnOf, TurnReader } from "../../../src/session/turn.ts";
import { type EventMaker, eventMaker } from "../../helpers/events.ts";

const inline = (data: string, media_type = "image/png") => ({
  type: "image",
  source: { type: "base64", media_type, data },
});

Deno.test("returnedAttachmentsIn() describes images and documents, without their bytes", () => {
  const content = [
    { type: "text", text: "Look." },
    inline("AAAA", "Image/PNG"),
    { type: "image", source: { type: "url", url: "https://charts.example/ä.png" } },
    { type: "document", title: "Report", source: { type: "file", file_id: "file_1" } },
    { type: "document", source: { type: "text", media_type: "text/plain", data: "words" } },
    { type: "search_result", source: "x", title: "y", content: [] },
  ];
  assertEquals(returnedAttachmentsIn(content), [
    { type: "image", mediaType: "image/png", isInline: true },
    { type: "image", url: "https://charts.example/%C3%A4.png" },
    { type: "document", title: "Report", fileId: "file_1" },
    { type: "document", mediaType: "text/plain" },
  ]);
});

Deno.test("returnedAttachmentsIn() keeps no address but plain ones of the web, and no odd id or type", () => {
  const urls = [
    ...["javascript:alert(1)", "data:image/png;base64,AAAA", "file:///etc/passwd", "nowhere"],
    ...["https://user:secret@charts.example/", "http://a/" + "b".repeat(500), "", 5, null],
  ];
  for (const url of urls) {
    assertEquals(returnedAttachmentsIn([{ type: "image", source: { type: "url", url } }]), [
      { type: "image" },
    ]);
  }
  for (const odd of ["../file_1", "file 1", "x".repeat(129), {}, 7]) {
    const source = { type: "file", file_id: odd, media_type: odd };
    assertEquals(returnedAttachmentsIn([{ type: "document", source }]), [{ type: "document" }]);
  }
  for (const content of [undefined, null, "text", 5, {}, [null, 5, "image", { type: "image " }]]) {
    assertEquals(returnedAttachmentsIn(content), []);
  }
});

Deno.test("returnedAttachmentsIn() takes the last ten of an event", () => {
  const content = Array.from({ length: 12 }, (_, index) => ({
    type: "document",
    title: `${index}${"x".repeat(200)}`,
  }));
  const found = returnedAttachmentsIn(content);
  assertEquals([found.length, found[0]?.title?.length], [10, 128]);
  assertEquals(found[0]?.title?.startsWith("2x"), true);
});

/** A call of an MCP server's tool, and a result with this content. */
function drawing(e: EventMaker, content: unknown, fields = {}): SessionEvent[] {
  const call = e.make("agent.mcp_tool_use", { name: "draw", mcp_server_name: "charts" });
  const result = { mcp_tool_use_id: call.id, content, ...fields };
  return [call, e.make("agent.mcp_tool_result", result)];
}

function attachmentsOf(events: (e: EventMaker) => SessionEvent[], afterId?: string): unknown[] {
  const { details }: Turn = turnOf(events(eventMaker()).map(readEvent), afterId);
  return details.attachments.map(({ tool, eventId }) => [tool, eventId]);
}

Deno.test("a turn has the attachments of messages and of what MCP tools gave", () => {
  const found = attachmentsOf((e) => [
    ...[e.user("q"), e.running()],
    ...drawing(e, [inline("AAAA"), inline("AAAA")]),
    ...drawing(e, [inline("AAAA")], { is_error: true }),
    e.tool("read"),
    e.toolResult("sevt_000007", { content: [inline("AAAA")] }),
    e.make("agent.message", { content: [inline("AAAA")] }),
    e.make("user.custom_tool_result", { content: [inline("AAAA")] }),
  ]);
  assertEquals(found, [
    ["draw", "sevt_000004"],
    ["draw", "sevt_000004"],
    [undefined, "sevt_000009"],
  ]);
});

const CURSORS: readonly [string, number, number][] = [
  ["while the agent worked, of a result that had no room for any", 4, 1],
  ["while a call waited, of a result that had them", 6, 0],
  ["at the turn's end, of a result that had them", 9, 0],
];
for (const [where, index, count] of CURSORS) {
  Deno.test(`a wait after a cursor has ${count} attachments from before it: ${where}`, () => {
    const events = (e: EventMaker) => {
      const ask = e.tool("rm", { evaluated_permission: "ask" });
      const id = ask.id ?? "";
      const draw = drawing(e, [inline("AAAA")]);
      return [
        ...[e.user("q"), e.running(), ...draw, e.text("a"), ask, e.asks(id)],
        ...[e.running(), e.toolResult(id), e.endTurn()],
      ];
    };
    const ids = events(eventMaker()).map(({ id }) => id ?? "");
    assertEquals(attachmentsOf(events, ids[index]).length, count);
  });
}

Deno.test("a text that grows after the cursor does not bring its attachments again", () => {
  const e = eventMaker();
  const history = new EventHistory();
  const id = "sevt_text";
  const message = (text: string) =>
    readEvent(e.make("agent.message", { id, content: [inline("AAAA"), { type: "text", text }] }));
  history.add(readEvent(e.running()));
  history.add(message("One"));
  const reader = new TurnReader(history, id);
  reader.update();
  history.add(message("One, two"));
  reader.update();
  const { collected, details } = reader.turn;
  assertEquals([collected.texts.map(({ text }) => text), details.attachmentCount], [[", two"], 1]);
});

Deno.test("a turn keeps the newest attachments, and their number", () => {
  const { details } = turnOf(
    ((e) => [
      e.running(),
      ...Array.from({ length: 30 }, () => drawing(e, [inline("A"), inline("B")])).flat(),
    ])(eventMaker()).map(readEvent),
  );
  assertEquals([details.attachments.length, details.attachmentCount], [20, 60]);
});

Deno.test("a history holds no bytes of images, and a bounded number of what describes them", () => {
  const e = eventMaker();
  const history = new EventHistory();
  const [, big] = drawing(e, [inline("A".repeat(3_000_000))]);
  if (big) history.add(readEvent(big));
  assertEquals([history.chars < 1_000, JSON.stringify(history.entries).length < 1_000], [
    true,
    true,
  ]);
  const url = `https://charts.example/${"a".repeat(470)}`;
  const links = Array.from({ length: 10 }, () => ({ type: "image", source: { type: "url", url } }));
  for (let count = 0; count < 1_000; count++) {
    for (const event of drawing(e, links)) history.add(readEvent(event));
  }
  assertEquals(history.chars <= 4 * 1024 * 1024, true);
  const kept = history.entries.reduce(
    (sum, event) => sum + (event.kind === "tool_result" ? attachmentChars(event.attachments) : 0),
    0,
  );
  assertEquals(kept, history.chars);
});

/** Reads attachments from the newest events of a session. */
async function read(
  newestFirst: readonly SessionEvent[],
  wanted: readonly { readonly event_id?: string; readonly tool?: string }[],
) {
  const requests: ListEventsParams[] = [];
  const list = (_sessionId: string, params: ListEventsParams) => {
    requests.push(params);
    return Promise.resolve({ data: [...newestFirst], next_page: null });
  };
  const api = { events: { list } as unknown as ManagedAgentsApi["events"] };
  return { texts: await readAttachments(api, "sesn_1", wanted, 100), requests };
}

Deno.test("readAttachments() reads the bytes of each by one request", async () => {
  const e = eventMaker();
  const [, two] = drawing(e, [inline("ONE1"), { type: "text", text: "and" }, inline("TWO2")]);
  const message = e.make("agent.message", { content: [inline("MSG1")] });
  if (!two) throw new Error("No event");
  const { texts, requests } = await read([message, two], [
    { event_id: two.id ?? "", tool: "draw" },
    { event_id: two.id ?? "", tool: "draw" },
    { event_id: message.id ?? "" },
  ]);
  assertEquals(texts, ["ONE1", "TWO2", "MSG1"]);
  assertEquals(requests, [{
    order: "desc",
    limit: 20,
    types: ["agent.mcp_tool_result", "agent.message"],
    maxTextChars: 100,
  }]);
});

Deno.test("readAttachments() takes the last ones of an event, and finds no others in their place", async () => {
  const e = eventMaker();
  const long = inline("A".repeat(101));
  const address = { type: "image", source: { type: "url", url: "https://charts.example/" } };
  const [, event] = drawing(e, [inline("ONE1"), inline("TWO2"), long, inline(""), address]);
  const id = event?.id ?? "";
  const wanted = [...Array(4).fill({ event_id: id, tool: "draw" }), { event_id: "sevt_9" }, {}];
  const { texts } = await read(event ? [event] : [], wanted);
  assertEquals(texts, ["TWO2", ...Array(5).fill(undefined)]);
});
