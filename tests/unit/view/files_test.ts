import { assert, assertEquals } from "@std/assert";
import { MAX_SAVED_CHARS, MAX_SHOWN_CHARS, PAGE_EVERY_MS } from "../../../src/view/files.ts";
import {
  type OpenRequest,
  type Reply,
  SESSION,
  toolFailure,
  toolResult,
  ViewWorld,
  waitResult,
  watched,
} from "../../helpers/view_world.ts";

const LISTED = {
  files: [
    { file_id: "file_1", filename: "notes.txt", mime_type: "text/plain", size_bytes: 12 },
    { file_id: "file_2", filename: "plot.png" },
    { filename: "no id" },
  ],
};

/** A page at rest, with what the server says of a file. */
async function resting(
  read: (request: OpenRequest) => Reply,
  capabilities: Record<string, unknown> = {},
) {
  const world = await new ViewWorld({ capabilities }).start();
  world.watched = watched({ status: "idle" });
  world.replies.list_session_files = () => ({ result: toolResult(LISTED) });
  world.replies.read_session_file = read;
  world.input();
  world.result(waitResult({ reply: "" }));
  await world.advance(100);
  world.actions.listFiles();
  await world.advance(100);
  return world;
}

const page = (fields: Record<string, unknown>, content: unknown[] = []): Reply => ({
  result: toolResult({ file_id: "file_1", filename: "notes.txt", ...fields }, content),
});

const file = (world: ViewWorld, id = "file_1") =>
  world.state.files.files.find((one) => one.id === id);

Deno.test("files are offered when the turn is over, and listed when asked for", async () => {
  const world = await new ViewWorld().start();
  world.replies.list_session_files = () => ({ result: toolResult(LISTED) });
  world.input();
  await world.advance(100);
  assertEquals(world.state.files, { state: "none", files: [] });
  world.watched = watched({ status: "idle" });
  world.result(waitResult());
  await world.advance(2_000);
  assertEquals(world.state.files, { state: "offered", files: [] });
  world.actions.listFiles();
  assertEquals(world.state.files.state, "loading");
  await world.advance(100);
  assertEquals(world.of("list_session_files").map(({ args }) => args), [
    { session_id: SESSION, limit: 100 },
  ]);
  assertEquals(world.state.files, {
    state: "listed",
    files: [
      { id: "file_1", name: "notes.txt", mimeType: "text/plain", sizeBytes: 12, state: "listed" },
      { id: "file_2", name: "plot.png", state: "listed" },
    ],
  });
});

Deno.test("a list that cannot be read says why, and can be asked for again", async () => {
  const world = await resting(() => undefined);
  world.replies.list_session_files = () => ({ result: toolFailure("Too many calls.") });
  world.actions.listFiles();
  await world.advance(100);
  assertEquals([world.state.files.state, world.state.files.failure], ["failed", "Too many calls."]);
  world.replies.list_session_files = () => ({ result: toolResult(LISTED) });
  world.actions.listFiles();
  await world.advance(100);
  assertEquals([world.state.files.state, world.state.files.failure], ["listed", undefined]);
});

Deno.test("a text is read page by page, to its end", async () => {
  const world = await resting(({ args }) =>
    args.offset === 6 ? page({ text: "world" }) : page({ text: "hello ", next_offset: 6 })
  );
  world.actions.openFile("file_1");
  world.actions.openFile("file_1");
  assertEquals(file(world)?.state, "loading");
  await world.advance(5_000);
  assertEquals(world.of("read_session_file").map(({ args }) => args), [
    { session_id: SESSION, file_id: "file_1" },
    { session_id: SESSION, file_id: "file_1", offset: 6 },
  ]);
  const { state, text, isPartial } = file(world) ?? {};
  assertEquals([state, text, isPartial], ["loaded", "hello world", false]);
  // What is known is not read again.
  world.actions.openFile("file_1");
  await world.advance(5_000);
  assertEquals(world.of("read_session_file").length, 2);
});

Deno.test("a long text is shown in part, and no host is asked too often", async () => {
  const text = "x".repeat(30_000);
  const world = await resting(({ args }) =>
    page({ text, next_offset: Number(args.offset ?? 0) + 30_000 })
  );
  world.actions.openFile("file_1");
  await world.advance(60_000);
  const { text: shown, isPartial } = file(world) ?? {};
  assertEquals([shown?.length, isPartial], [MAX_SHOWN_CHARS, true]);
  const times = world.of("read_session_file").map(({ at }) => at);
  assertEquals(times.length, 7);
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
  assert(gaps.slice(3).every((gap) => gap >= PAGE_EVERY_MS), String(gaps));
});

Deno.test("a server that does not move on is not asked for ever", async () => {
  const world = await resting(() => page({ text: "x", next_offset: 0 }));
  world.actions.openFile("file_1");
  await world.advance(60_000);
  assertEquals(world.of("read_session_file").length, 1);
  assertEquals(file(world)?.state, "loaded");
});

Deno.test("an image is shown by its bytes", async () => {
  const world = await resting(() =>
    page({ mime_type: "image/png", next: "The image stands beside this result." }, [
      { type: "image", data: btoa("PNG!"), mimeType: "image/png" },
    ])
  );
  world.actions.openFile("file_2");
  await world.advance(100);
  const { state, image } = file(world, "file_2") ?? {};
  assertEquals(state, "loaded");
  assertEquals(image, { bytes: new TextEncoder().encode("PNG!"), mimeType: "image/png" });
});

Deno.test("bytes beyond what the server sends are not decoded", async () => {
  const data = "A".repeat(2_000_004);
  const world = await resting(() => page({ mime_type: "image/png" }, [{ type: "image", data }]));
  world.actions.openFile("file_2");
  await world.advance(100);
  assertEquals(file(world, "file_2")?.image, undefined);
});

Deno.test("what can neither be shown nor saved says so", async () => {
  const world = await resting(() => page({ mime_type: "application/zip", next: "…" }));
  world.actions.openFile("file_1");
  await world.advance(100);
  const { state, failure } = file(world) ?? {};
  assertEquals([state, failure?.includes("Console")], ["failed", true]);
});

Deno.test("a host that saves files gets the text whole", async () => {
  const world = await resting(
    ({ args }) =>
      args.offset === 1
        ? page({ text: "b", mime_type: "text/plain" })
        : page({ text: "a", mime_type: "text/plain", next_offset: 1 }),
    { downloadFile: {} },
  );
  world.actions.saveFile("file_1");
  await world.advance(1_000);
  assertEquals(world.of("ui/download-file").map(({ params }) => params), [{
    contents: [{
      type: "resource",
      resource: { uri: "file:///notes.txt", mimeType: "text/plain", text: "ab" },
    }],
  }]);
  assertEquals(file(world)?.state, "saved");
});

Deno.test("a document goes to the host by its bytes, and all else by a link", async () => {
  const block = {
    type: "resource",
    resource: { uri: "cma://x", mimeType: "application/pdf", blob: btoa("%PDF") },
  };
  const world = await resting(
    ({ args }) =>
      args.file_id === "file_1"
        ? page({ mime_type: "application/pdf" }, [block])
        : page({ mime_type: "application/zip", download_url: "https://s.example/f" }),
    { downloadFile: {} },
  );
  world.actions.saveFile("file_1");
  world.actions.saveFile("file_2");
  await world.advance(1_000);
  assertEquals(world.of("ui/download-file").map(({ params }) => params.contents), [
    [{
      type: "resource",
      resource: { uri: "file:///notes.txt", mimeType: "application/pdf", blob: btoa("%PDF") },
    }],
    [{
      type: "resource_link",
      uri: "https://s.example/f",
      name: "plot.png",
      mimeType: "application/zip",
    }],
  ]);
});

Deno.test("a text that is only there in part is never saved as if it were whole", async () => {
  const world = await resting(
    ({ args }) => page({ text: "x".repeat(500_000), next_offset: Number(args.offset ?? 0) + 5e5 }),
    { downloadFile: {} },
  );
  world.actions.saveFile("file_1");
  await world.advance(60_000);
  assertEquals(world.of("ui/download-file").length, 0);
  assertEquals(world.of("read_session_file").length, MAX_SAVED_CHARS / 500_000);
  assertEquals(file(world)?.state, "failed");
});

Deno.test("a last page with words on what follows is not the end of the file", async () => {
  const world = await resting(
    () => page({ text: "a", next: "What follows is no UTF-8 text, and is not shown." }),
    { downloadFile: {} },
  );
  world.actions.openFile("file_1");
  await world.advance(100);
  assertEquals(file(world)?.isPartial, true);
});

Deno.test("a host that saves nothing shows the text to be copied, or opens the link", async () => {
  const world = await resting(({ args }) =>
    args.file_id === "file_1"
      ? page({ text: "a" })
      : page({ mime_type: "application/zip", download_url: "https://s.example/f" })
  );
  world.actions.saveFile("file_1");
  world.actions.saveFile("file_2");
  await world.advance(1_000);
  assertEquals([file(world)?.state, file(world)?.text], ["loaded", "a"]);
  assertEquals(world.of("ui/open-link").map(({ params }) => params), [{
    url: "https://s.example/f",
  }]);
});

Deno.test("a host that does not save a file is not believed to have", async () => {
  for (
    const refusal of [
      { result: { isError: true } },
      { result: { status: "error" } },
      { fail: { code: -32601, message: "Method not found" } },
    ]
  ) {
    const world = await resting(() => page({ text: "a" }), { downloadFile: {} });
    world.replies["ui/download-file"] = () => refusal;
    world.actions.saveFile("file_1");
    await world.advance(1_000);
    assertEquals(file(world)?.state, "failed");
    // The text is there to be copied.
    assertEquals(file(world)?.text, "a");
  }
});
