import { assert, assertEquals } from "@std/assert";
import { NAMELESS_MS } from "../../../src/view/session.ts";
import {
  message,
  SESSION,
  toolFailure,
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
  assertEquals(world.state.isPast, undefined);
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
