import { assert, assertEquals } from "@std/assert";
import { MAX_CALL_MS, NAMELESS_MS, READ_TIMEOUT_MS, STEADY_MS } from "../../../src/view/session.ts";
import {
  message,
  pendingCall,
  SESSION,
  toolFailure,
  toolResult,
  ViewWorld,
  waitResult,
  watched,
  wholly,
} from "../../helpers/view_world.ts";

Deno.test("before the host names a session, the page is starting", async () => {
  const world = await new ViewWorld().start();
  assertEquals(world.state.phase, "starting");
  assertEquals(world.of("watch_session").length, 0);
});

Deno.test("the arguments name the session, and it is read again and again", async () => {
  const world = await new ViewWorld().start();
  world.input();
  await world.advance(100);
  assertEquals(world.state.phase, "following");
  assertEquals(world.state.session?.status, "running");
  await world.advance(10_000);
  const times = world.of("watch_session").map(({ at }) => at);
  assert(times.length >= 9 && times.length <= 11, `${times.length} reads`);
  times.slice(1).forEach((at, index) => assert(at - (times[index] ?? 0) >= 1_000));
});

Deno.test("what a read tells of another session is not shown", async () => {
  const world = await new ViewWorld().start();
  world.watched = watched({ session_id: "sesn_01Other", status: "idle", title: "Another" });
  world.input();
  await world.advance(5_000);
  assertEquals([world.state.sessionId, world.state.session], [SESSION, undefined]);
  world.watched = watched({ title: "Its own" });
  await world.advance(30_000);
  assertEquals(world.state.session?.title, "Its own");
});

Deno.test("a read begins at the cursor of the one before it, and changes take their places", async () => {
  const world = await new ViewWorld().start();
  const tool = (state: "running" | "done") =>
    ({ key: "t1", kind: "tool", name: "bash", state }) as const;
  world.watched = watched({ timeline: wholly(tool("running")) });
  world.input();
  await world.advance(100);
  world.watched = watched({
    timeline: { entries: [tool("done"), message("m1", "Hi")], is_whole: false, cursor: "c9" },
  });
  await world.advance(1_000);
  assertEquals(world.of("watch_session").map(({ args }) => args.cursor), [undefined, "c1"]);
  assertEquals(world.state.entries, [tool("done"), message("m1", "Hi")]);
  assertEquals(world.state.reply, "Hi");
});

Deno.test("a turn that is over with its call is read once more, and then rests", async () => {
  const world = await new ViewWorld().start();
  world.input();
  await world.advance(1_100);
  world.result(waitResult());
  // The result is shown at once.
  assertEquals(world.state.session?.status, "idle");
  assertEquals(world.state.reply, "Done.");
  world.watched = watched({ status: "idle", timeline: wholly(message("m1", "Done.")) });
  const before = world.of("watch_session").length;
  await world.advance(60_000);
  assertEquals(world.of("watch_session").length, before + 1);
  assertEquals(world.state.phase, "resting");
  assertEquals(world.state.files.state, "offered");
  assertEquals(world.clock.pendingTimers, 0);
});

Deno.test("a wait whose time was up is read on until the turn is over", async () => {
  const world = await new ViewWorld().start();
  world.input();
  world.result(waitResult({ status: "timeout", reply: "" }));
  await world.advance(60_000);
  assertEquals(world.state.phase, "following");
  world.watched = watched({ status: "idle", timeline: wholly(message("m1", "Done.")) });
  await world.advance(20_000);
  assertEquals(world.state.phase, "resting");
  assertEquals(world.state.isPast, false);
  assertEquals(world.state.reply, "Done.");
});

Deno.test("a call that ends without naming a session leaves the page nameless", async () => {
  const world = await new ViewWorld().start();
  world.input({ agent_id: "agent_1", message: "Do it" });
  assertEquals(world.state.phase, "starting");
  assertEquals(world.state.call, { state: "running", message: "Do it" });
  world.notify("tool-result", toolFailure("No such agent."));
  assertEquals(world.state.phase, "nameless");
  assertEquals(world.state.call, { state: "failed", message: "Do it", failure: "No such agent." });
});

Deno.test("a host that says nothing leaves the page nameless, until it does", async () => {
  const world = await new ViewWorld().start();
  await world.advance(NAMELESS_MS);
  assertEquals(world.state.phase, "nameless");
  assertEquals(world.shown.at(-1)?.phase, "nameless");
  world.result(waitResult());
  await world.advance(100);
  assertEquals(world.state.sessionId, SESSION);
});

Deno.test("arguments that are still written name a session once an id stays as it is", async () => {
  const world = await new ViewWorld().start();
  world.notify("tool-input-partial", { arguments: { session_id: "sesn_01" } });
  await world.advance(STEADY_MS - 100);
  world.notify("tool-input-partial", { arguments: { session_id: SESSION } });
  await world.advance(STEADY_MS - 100);
  assertEquals(world.of("watch_session").length, 0);
  await world.advance(200);
  assertEquals(world.of("watch_session").map(({ args }) => args.session_id), [SESSION]);
  assertEquals(world.state.sessionId, SESSION);
  world.input();
  await world.advance(1_000);
  assertEquals(world.of("watch_session").length, 2);
});

Deno.test("an id behind which the model writes on is whole", async () => {
  const world = await new ViewWorld().start();
  world.notify("tool-input-partial", { arguments: { session_id: SESSION, after_id: "se" } });
  await world.advance(0);
  assertEquals(world.of("watch_session").length, 1);
});

Deno.test("an id that was cut is an unknown one: nothing is said, and nothing repeated", async () => {
  const world = await new ViewWorld().start();
  world.replies.watch_session = ({ args }) =>
    args.session_id === SESSION
      ? { result: toolResult({ ...watched() }) }
      : { result: toolFailure("There is no such session.") };
  world.notify("tool-input-partial", { arguments: { session_id: "sesn_01" } });
  await world.advance(5_000);
  assertEquals(world.of("watch_session").length, 1);
  assertEquals([world.state.phase, world.state.problem], ["starting", undefined]);
  world.input();
  await world.advance(100);
  assertEquals([world.state.phase, world.state.sessionId], ["following", SESSION]);
});

Deno.test("what is no id of a session is not read", async () => {
  const world = await new ViewWorld().start();
  for (const id of ["", "agent_01", "a/b", 7, null, "x".repeat(200)]) {
    world.notify("tool-input-partial", { arguments: { session_id: id, more: 1 } });
    world.input({ session_id: id });
  }
  await world.advance(5_000);
  assertEquals(world.of("watch_session").length, 0);
});

Deno.test("a result without structure names the session by its text", async () => {
  const world = await new ViewWorld().start();
  world.notify("tool-result", {
    content: [{ type: "text", text: JSON.stringify(waitResult({ status: "timeout" })) }],
  });
  await world.advance(100);
  assertEquals([world.state.phase, world.state.sessionId], ["following", SESSION]);
});

Deno.test("a call that failed after it had sent its message names the session", async () => {
  const world = await new ViewWorld().start();
  world.input({ agent_id: "agent_1", message: "Do it" });
  const text = `The message was sent, in session "${SESSION}": do not send it again.`;
  world.notify("tool-result", toolFailure(text));
  await world.advance(100);
  assertEquals([world.state.phase, world.state.sessionId], ["following", SESSION]);
  assertEquals(world.state.call, { state: "failed", message: "Do it", failure: text });
});

Deno.test("a call that was cancelled leaves the agent at work, and the page with it", async () => {
  const world = await new ViewWorld().start();
  world.input();
  await world.advance(100);
  world.notify("tool-cancelled", { reason: "user" });
  await world.advance(10_000);
  assertEquals([world.state.phase, world.state.call.state], ["following", "cancelled"]);
  world.watched = watched({ status: "idle" });
  await world.advance(10_000);
  assertEquals(world.state.phase, "resting");
  // A host may say so of a call, and bring its result all the same.
  world.result(waitResult());
  assertEquals(world.state.call.state, "ended");
});

Deno.test("an earlier turn is not shown as the answer to the call's message", async () => {
  const world = await new ViewWorld().start();
  world.watched = watched({ status: "idle", timeline: wholly(message("m0", "Earlier.")) });
  world.input({ session_id: SESSION, message: "And now?" });
  await world.advance(100);
  assertEquals([world.state.session?.status, world.state.reply], ["running", ""]);
  assertEquals([world.state.entries, world.state.session?.turn], [[], undefined]);
  world.watched = watched({
    turn: { key: "turn-2" },
    timeline: wholly(message("m1", "Now.")),
  });
  await world.advance(1_000);
  assertEquals([world.state.session?.turn?.key, world.state.reply], ["turn-2", "Now."]);
});

Deno.test("reads that fail are repeated ever more slowly, and said to", async () => {
  const world = await new ViewWorld().start();
  world.watched = undefined;
  world.input();
  await world.advance(READ_TIMEOUT_MS + 100);
  assertEquals([world.state.phase, world.state.problem], ["following", undefined]);
  await world.advance(2 * READ_TIMEOUT_MS + 5_000);
  assertEquals(world.state.phase, "lost");
  assert(world.state.problem?.includes("by itself"));
  await world.advance(600_000);
  const count = world.of("watch_session").length;
  assert(count > 10 && count < 30, `${count} reads`);
  world.watched = watched();
  await world.advance(60_000);
  assertEquals([world.state.phase, world.state.problem], ["following", undefined]);
});

Deno.test("the person can have it tried again at once, but never two reads at a time", async () => {
  const world = await new ViewWorld().start();
  world.replies.watch_session = () => ({ result: toolFailure("Too many calls.") });
  world.input();
  await world.advance(120_000);
  assertEquals(world.state.problem, "Too many calls.");
  // The pauses have a random part and are 15 s at least by now: what follows is within one of them.
  const begun = world.of("watch_session").length;
  while (world.of("watch_session").length === begun) await world.advance(100);
  const before = begun + 1;
  delete world.replies.watch_session;
  await world.advance(3_000);
  world.actions.retry();
  world.actions.retry();
  await world.advance(10);
  assertEquals(world.of("watch_session").length, before + 1);
  await world.advance(100);
  assertEquals(world.state.problem, undefined);
  // Without a problem there is nothing to try.
  world.actions.retry();
  await world.advance(10);
  assertEquals(world.of("watch_session").length, before + 1);
});

Deno.test("a click that has it tried again is seen, while a read has no answer yet", async () => {
  const world = await new ViewWorld().start();
  world.watched = undefined;
  world.input();
  await world.advance(120_000);
  assertEquals(world.state.phase, "lost");
  while (world.open.size === 0) await world.advance(100);
  world.actions.retry();
  assertEquals([world.state.phase, world.state.problem], ["following", undefined]);
  // It comes again, where it was in vain.
  await world.advance(4 * READ_TIMEOUT_MS);
  assert(world.state.problem !== undefined);
});

Deno.test("a page that rests does not say that it tries again, and can be made to", async () => {
  const world = await new ViewWorld().start();
  world.watched = undefined;
  world.input();
  world.result(waitResult());
  await world.advance(600_000);
  const { phase, problem } = world.state;
  assertEquals([phase, problem], ["resting", "No answer came from the app."]);
  const timeline = wholly(message("m1", "Done."));
  world.watched = watched({ status: "idle", agent: "Coder", timeline });
  world.actions.retry();
  await world.advance(1_000);
  assertEquals([world.state.phase, world.state.problem], ["resting", undefined]);
  assertEquals(world.state.session?.agent, "Coder");
});

Deno.test("a server that has not read the session yet makes the page forget nothing", async () => {
  const world = await new ViewWorld().start();
  const known = watched({
    status: "requires_action",
    timeline: wholly(message("m1", "Hello.")),
    pending: [pendingCall("sevt_1")],
    proofs: { sevt_1: "proof" },
    cost_usd: 1,
  });
  world.watched = known;
  world.input();
  await world.advance(100);
  // It ends, or another one takes its place.
  world.watched = watched({ status: "reading", turn: undefined });
  const reads = world.of("watch_session").length;
  await world.advance(3_000);
  assert(world.of("watch_session").length > reads + 1);
  const { session, entries, pending } = world.state;
  assertEquals([session?.status, session?.turn?.task, session?.cost_usd], [
    "requires_action",
    "Do it",
    1,
  ]);
  assertEquals([entries.length, pending.map(({ state }) => state)], [1, ["waits"]]);
  const connection_error = "The API cannot be reached: this server is trying again.";
  world.watched = watched({ status: "reading", turn: undefined, connection_error });
  await world.advance(3_000);
  assertEquals([world.state.problem, world.state.pending.length], [connection_error, 1]);
  world.watched = known;
  await world.advance(3_000);
  assertEquals([world.state.problem, world.pending("sevt_1")?.state], [undefined, "waits"]);
});

Deno.test("a server that cannot reach the session is no lost one", async () => {
  const world = await new ViewWorld().start();
  world.watched = watched({ connection_error: "No connection to the API." });
  world.input();
  await world.advance(120_000);
  assertEquals([world.state.phase, world.state.problem], [
    "following",
    "No connection to the API.",
  ]);
});

Deno.test("a host that lets the page read nothing still shows what the call brings", async () => {
  const world = await new ViewWorld().start();
  world.replies.watch_session = () => ({ fail: { code: -32601, message: "Method not found" } });
  world.input();
  await world.advance(60_000);
  assertEquals(world.of("watch_session").length, 1);
  assertEquals(world.state.phase, "following");
  assert(world.state.problem?.includes("does not let"));
  world.result(waitResult({ tool_activity: [{ name: "bash", status: "done" }] }));
  await world.advance(60_000);
  assertEquals([world.state.phase, world.state.reply], ["resting", "Done."]);
  assertEquals(world.state.session?.status, "idle");
  assertEquals(world.state.entries, [
    { key: "result:0", kind: "tool", name: "bash", state: "done" },
  ]);
  assertEquals(world.of("watch_session").length, 1);
});

Deno.test("after the call's end a session that cannot be read is not read for ever", async () => {
  const world = await new ViewWorld().start();
  world.replies.watch_session = () => ({ result: toolFailure("There is no such session.") });
  world.input();
  world.result(waitResult());
  await world.advance(600_000);
  assertEquals(world.of("watch_session").length, 3);
  assertEquals([world.state.phase, world.state.reply], ["resting", "Done."]);
  assertEquals(world.clock.pendingTimers, 0);
});

Deno.test("an old result is shown alone where the session has gone on", async () => {
  const world = await new ViewWorld().start();
  world.watched = watched({
    turn: { key: "turn-7", last_event_id: "sevt_70" },
    agent: "Coder",
    timeline: wholly(message("m7", "Something else.")),
    pending: [pendingCall("sevt_71")],
    proofs: { sevt_71: "p" },
  });
  world.input();
  world.result(waitResult());
  await world.advance(60_000);
  const { phase, isPast, reply, entries, pending, session, interrupt } = world.state;
  assertEquals([phase, isPast, reply, entries, pending], ["resting", true, "Done.", [], []]);
  assertEquals([session?.status, session?.agent, interrupt], ["idle", "Coder", "none"]);
  assertEquals(world.of("watch_session").length, 1);
});

Deno.test("an old result is shown with its turn where that is still the newest", async () => {
  const turns = [
    { turn: { key: "turn-1", last_event_id: "sevt_9" }, timeline: wholly() },
    { turn: { key: "turn-1" }, timeline: wholly(message("m1", "First."), message("m2", "Done.")) },
    // The event that the result names was told again under another cursor.
    { turn: { key: "turn-1", last_event_id: "sevt_8" }, timeline: wholly(message("m", "Done.")) },
  ];
  for (const given of turns) {
    const world = await new ViewWorld().start();
    world.watched = watched({ status: "idle", ...given });
    world.input();
    world.result(waitResult());
    await world.advance(60_000);
    assertEquals([world.state.phase, world.state.isPast], ["resting", false]);
    assertEquals(world.state.session?.turn, given.turn);
  }
});

Deno.test("a result that says where it was belongs to that place", async () => {
  const world = await new ViewWorld().start();
  world.watched = watched({ status: "idle", turn: { key: "t", last_event_id: "sevt_9" } });
  world.result(waitResult({ reply: "", last_event_id: "sevt_9w2" }));
  await world.advance(1_000);
  assertEquals(world.state.isPast, false);
});

Deno.test("a turn that goes on after the call's end is followed to its own", async () => {
  for (const status of ["timeout", "requires_action"]) {
    const world = await new ViewWorld().start();
    world.watched = watched({ timeline: wholly(message("m1", "Part.")) });
    world.result(waitResult({ status, reply: "Part." }));
    await world.advance(5_000);
    assertEquals(world.state.phase, "following");
    world.watched = watched({
      status: "idle",
      timeline: wholly(message("m1", "Part."), message("m2", "All.")),
    });
    await world.advance(30_000);
    assertEquals([world.state.phase, world.state.isPast], ["resting", false]);
    assertEquals(world.state.reply, "Part.\n\nAll.");
  }
});

Deno.test("the pages of earlier calls ask less often", async () => {
  const world = await new ViewWorld().start();
  world.input();
  world.result(waitResult({ status: "timeout", reply: "" }));
  await world.advance(1_200_000);
  const count = world.of("watch_session").length;
  assert(count > 100 && count < 250, `${count} reads in 20 minutes`);
});

Deno.test("where the timeline lacks words, the result's reply is the better one", async () => {
  const world = await new ViewWorld().start();
  world.watched = watched({
    status: "idle",
    timeline: wholly({ key: "m1", kind: "message", text: "end.", left_out: 100 }),
  });
  world.result(waitResult({ reply: "A long beginning, and the end." }));
  await world.advance(1_000);
  assertEquals(world.state.reply, "A long beginning, and the end.");
});

Deno.test("a page that is taken away is still", async () => {
  const world = await new ViewWorld().start();
  world.input();
  await world.advance(1_010);
  world.teardown();
  const [count, shown] = [world.requests.length, world.shown.length];
  world.actions.interrupt();
  world.actions.retry();
  await world.advance(60_000);
  assertEquals([world.requests.length, world.shown.length], [count, shown]);
  assertEquals(world.clock.pendingTimers, 0);
});

Deno.test("a call whose result never comes counts as ended after long", async () => {
  const world = await new ViewWorld().start();
  world.watched = watched({ status: "idle", timeline: wholly(message("m1", "Done.")) });
  world.input();
  await world.advance(MAX_CALL_MS - 10_000);
  assertEquals(world.state.phase, "following");
  await world.advance(60_000);
  assertEquals(world.state.phase, "resting");
});

Deno.test("time is told from the turn's beginning to its end", async () => {
  const world = await new ViewWorld().start();
  world.input();
  await world.advance(100);
  assertEquals(world.state.elapsedSec, 10);
  const turn = { key: "turn-1", started_at: "2026-11-23T08:59:50Z" };
  world.watched = watched({ turn: { ...turn, ended_at: "2026-11-23T09:00:53Z" } });
  await world.advance(1_000);
  assertEquals(world.state.elapsedSec, 63);
  // The clocks of two machines differ.
  world.watched = watched({ turn: { key: "turn-1", started_at: "2026-11-23T10:00:00Z" } });
  await world.advance(1_000);
  assertEquals(world.state.elapsedSec, 0);
  world.watched = watched({ turn: { key: "turn-1", started_at: "soon" } });
  await world.advance(1_000);
  assertEquals(world.state.elapsedSec, undefined);
});

Deno.test("time is told by the server's clock where that of the page's machine is wrong", async () => {
  for (const hours of [-3, 0, 3]) {
    const world = await new ViewWorld().start();
    const at = (seconds: number) =>
      new Date(world.clock.wallTime() + hours * 3_600_000 + seconds * 1_000).toISOString();
    const turn = { key: "turn-1", started_at: at(-20) };
    let sent = 0;
    // The way from the server to the page takes longer or shorter.
    world.replies.watch_session = () => ({
      result: toolResult({ ...watched({ turn, now: at(-0.2 - (sent++ % 3) / 3) }) }),
    });
    world.input();
    const seconds: unknown[] = [];
    for (let second = 0; second < 5; second++) {
      await world.advance(1_000);
      seconds.push(world.state.elapsedSec);
    }
    const [first] = seconds;
    assert(typeof first === "number" && Math.abs(first - 21) <= 2, `${hours} h: ${first}`);
    assertEquals(seconds, [0, 1, 2, 3, 4].map((second) => first + second));
  }
});

Deno.test("an interrupt is offered while the agent works, and may be tried again", async () => {
  const world = await new ViewWorld().start();
  world.input();
  assertEquals(world.state.interrupt, "none");
  await world.advance(100);
  assertEquals(world.state.interrupt, "offered");
  world.replies.interrupt = () => ({ result: toolFailure("No.") });
  world.actions.interrupt();
  assertEquals(world.state.interrupt, "sending");
  await world.advance(50);
  assertEquals(world.state.interrupt, "failed");
  world.replies.interrupt = () => ({ result: toolResult({ queued: true }) });
  world.actions.interrupt();
  await world.advance(50);
  world.actions.interrupt();
  await world.advance(50);
  assertEquals([world.state.interrupt, world.of("interrupt").length], ["sent", 2]);
  world.watched = watched({ status: "idle" });
  await world.advance(1_000);
  assertEquals(world.state.interrupt, "none");
});

Deno.test("the host's look and powers are passed on, as far as they can be read", async () => {
  const bare = (await new ViewWorld().start()).state.host;
  assertEquals(bare, {
    locale: "en-GB",
    displayMode: "inline",
    canFullscreen: false,
    canOpenLinks: false,
    canDownload: false,
  });
  const world = await new ViewWorld({
    capabilities: { openLinks: {}, downloadFile: {} },
    context: {
      theme: "dark",
      locale: "de-DE",
      timeZone: "Europe/Berlin",
      displayMode: "fullscreen",
      availableDisplayModes: ["inline", "fullscreen"],
      styles: { variables: { "--font-sans": "x" }, css: { fonts: "@font-face{}" } },
      safeAreaInsets: { top: 1, right: 2, bottom: 3, left: "4" },
    },
  }).start();
  assertEquals(world.state.host, {
    theme: "dark",
    locale: "de-DE",
    timeZone: "Europe/Berlin",
    displayMode: "fullscreen",
    canFullscreen: true,
    canOpenLinks: true,
    canDownload: true,
    variables: { "--font-sans": "x" },
    fontsCss: "@font-face{}",
    insets: { top: 1, right: 2, bottom: 3, left: 0 },
  });
  world.actions.toggleFullscreen();
  world.actions.openLink("https://a.example/");
  world.actions.openLink("javascript:alert(1)");
  assertEquals(world.of("ui/request-display-mode").map(({ params }) => params), [{
    mode: "inline",
  }]);
  assertEquals(world.of("ui/open-link").map(({ params }) => params), [{
    url: "https://a.example/",
  }]);
});

Deno.test("a host that never answers is told of, and tried on", async () => {
  const world = new ViewWorld();
  world.replies["ui/initialize"] = () => undefined;
  await world.start();
  await world.advance(NAMELESS_MS);
  assertEquals(world.state.phase, "nameless");
  assert(world.state.problem?.includes("has not answered"));
  delete world.replies["ui/initialize"];
  await world.advance(10_000);
  assertEquals(world.state.problem, undefined);
});

Deno.test("the result of another session is the page's session", async () => {
  const world = await new ViewWorld().start();
  world.input();
  await world.advance(100);
  world.watched = watched({ session_id: "sesn_02", status: "idle", timeline: wholly() });
  world.result(waitResult({ session_id: "sesn_02" }));
  await world.advance(2_000);
  assertEquals([world.state.sessionId, world.state.phase], ["sesn_02", "resting"]);
});

Deno.test("what a server tells once stays known, and the next turn's is its own", async () => {
  const world = await new ViewWorld().start();
  const turn = { key: "turn-1", task: "Do it", started_at: "2026-11-23T08:59:50Z" };
  world.watched = watched({ agent: "Coder", title: "Title", turn });
  world.input();
  await world.advance(100);
  world.watched = watched({
    turn: { key: "turn-1", last_event_id: "sevt_2" },
    timeline: { entries: [], is_whole: false, cursor: "c2" },
  });
  await world.advance(1_000);
  const { agent, title, turn: shown } = world.state.session ?? {};
  assertEquals([agent, title], ["Coder", "Title"]);
  assertEquals(shown, { ...turn, last_event_id: "sevt_2" });
  world.watched = watched({ turn: { key: "turn-2" } });
  await world.advance(1_000);
  assertEquals(world.state.session?.turn, { key: "turn-2" });
  assertEquals(world.state.session?.agent, "Coder");
});

Deno.test("a turn whose beginning is found late keeps its entries", async () => {
  const world = await new ViewWorld().start();
  world.watched = watched({ turn: { key: "sevt_50" }, timeline: wholly(message("m1", "One.")) });
  world.input();
  await world.advance(100);
  world.watched = watched({
    turn: { key: "sevt_1", started_at: "2026-11-23T08:00:00Z" },
    timeline: { entries: [message("m2", "Two.")], is_whole: false, cursor: "c2" },
  });
  await world.advance(1_000);
  assertEquals(world.state.reply, "One.\n\nTwo.");
});

Deno.test("a result that came after the newest read says how the session stands", async () => {
  const world = await new ViewWorld().start();
  world.input();
  await world.advance(100);
  world.result(waitResult({ status: "requires_action", reply: "" }));
  assertEquals(world.state.session?.status, "requires_action");
  await world.advance(1_000);
  assertEquals(world.state.session?.status, "running");
});
