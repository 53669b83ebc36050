/**
 * Turns in the session view: how it follows them, whatever the host sends, loses or brings late.
 */

import { assert, assertEquals } from "@std/assert";
import { PlayedSession } from "./played_session.ts";
import { closeStage, inBrowser } from "./stage.ts";
import { View } from "./view.ts";

Deno.test.afterAll(closeStage);

const args = ["--tools=core,ask,files,actions,sessions"];

Deno.test(
  inBrowser("the steps of a turn come live", { args }, async ({ host, simulator, shot }) => {
    const session = new PlayedSession(simulator, { title: "Sales report" });
    session.start("Write the sales report.");
    await host.say("person", "Write the sales report.");
    const call = await host.call("wait_for_idle", { session_id: session.id });
    const view = new View(host, call);
    await view.stands("Working");
    await view.shows("Write the sales report.");
    await view.frame.getByRole("heading", { name: "Simulated Slow Answer" }).waitFor();
    const search = session.tool("web_search", { query: "sales" });
    await view.shows("web_search");
    await view.shows("running");
    await shot("running");
    session.result(search);
    await view.shows("done");
    const failing = session.tool("bash", { command: "cat report.csv" });
    session.result(failing, "No such file", true);
    await view.shows("failed");
    session.say("The **report** is written.");
    session.end();
    await view.stands("Done");
    await view.shows("The report is written.");
    assertEquals((await host.result(call)).isError, undefined);
    await shot("done");
  }),
);

for (
  const [what, habits] of Object.entries({
    "while the model writes the arguments": { sendsPartialInput: true, holdsInput: true },
    "when the arguments come": {},
  })
) {
  Deno.test(inBrowser(`a page starts ${what}`, { args, host: { habits } }, async (world) => {
    const { host, simulator } = world;
    const session = new PlayedSession(simulator);
    session.start("Go.");
    const call = await host.call("wait_for_idle", { session_id: session.id });
    const view = new View(host, call);
    await view.stands("Working");
    session.tool("web_search");
    await view.shows("web_search");
    session.end("Over.");
    await view.stands("Done");
  }));
}

Deno.test(inBrowser("a page without arguments starts on the result", {
  args,
  host: { habits: { holdsInput: true } },
}, async ({ host, simulator, shot }) => {
  const session = new PlayedSession(simulator);
  const call = await host.call("ask_agent", { session_id: session.id, message: "Go." });
  const view = new View(host, call);
  await view.stands("Starting");
  await shot("starting");
  session.emit("session.status_running");
  session.result(session.tool("bash", { command: "ls" }));
  session.end("It is over.");
  await host.result(call);
  await view.stands("Done");
  await view.replies("It is over.");
}));

Deno.test(inBrowser("a host that brings only a result's text shows the same", {
  args,
  host: { habits: { dropsStructuredContent: true, holdsInput: true } },
}, async ({ host, simulator }) => {
  const session_id = simulator.createSession({ agent: "script" });
  const call = await host.call("ask_agent", {
    session_id,
    message: "ask bash ls\nsay It is over.",
  });
  await host.result(call);
  const view = new View(host, call);
  await view.button("Allow bash").click();
  await view.stands("Done");
  await view.replies("It is over.");
}));

Deno.test(
  inBrowser(
    "a page that is loaded again in the middle of a turn goes on",
    { args },
    async (world) => {
      const { host, simulator } = world;
      const session = new PlayedSession(simulator);
      session.start("Go.");
      const call = await host.call("wait_for_idle", { session_id: session.id });
      const view = new View(host, call);
      session.tool("web_search");
      await view.shows("web_search");
      await host.remount(call);
      await view.stands("Working");
      await view.shows("web_search");
      session.end("I am through.");
      await view.stands("Done");
      await view.shows("I am through.");
    },
  ),
);

Deno.test(
  inBrowser("a page that is loaded again after the end shows the end", { args }, async (world) => {
    const { host, simulator, shot } = world;
    const session_id = simulator.createSession({ agent: "script" });
    const call = await host.call("ask_agent", { session_id, message: "say First reply." });
    const view = new View(host, call);
    await view.stands("Done");
    await view.replies("First reply.");
    await host.remount(call);
    await view.stands("Done");
    await view.replies("First reply.");
    // The conversation goes on: the old page keeps to its own turn.
    const next = await host.call("ask_agent", { session_id, message: "say Second reply." });
    await host.result(next);
    await new View(host, next).replies("Second reply.");
    await host.remount(call);
    await view.replies("First reply.");
    assertEquals((await view.text()).includes("Second reply."), false);
    await shot("old-page");
  }),
);

Deno.test(
  inBrowser("a page that loses the connection says so, and comes back", { args }, async (world) => {
    const { host, simulator, shot, page } = world;
    const session = new PlayedSession(simulator);
    session.start("Go.");
    const call = await host.call("wait_for_idle", { session_id: session.id });
    const view = new View(host, call);
    await view.stands("Working");
    // Only this far the clock of the page is the machine's.
    await host.setPageCalls("fail");
    await view.button("Try again now").waitFor();
    await shot("connection-lost");
    await host.setPageCalls("pass");
    await view.button("Try again now").click();
    await view.stands("Working");
    await view.button("Try again now").waitFor({ state: "hidden" });
    session.end("Back again.");
    await view.stands("Done");
    await view.shows("Back again.");
    assert(page);
  }),
);

Deno.test(
  inBrowser(
    "a page whose wait has timed out goes on",
    { args },
    async ({ host, simulator, shot }) => {
      const session = new PlayedSession(simulator);
      session.start("Take your time.");
      const call = await host.call("wait_for_idle", { session_id: session.id, timeout_sec: 1 });
      const view = new View(host, call);
      const { structuredContent } = await host.result(call);
      assertEquals((structuredContent as Record<string, unknown>).status, "timeout");
      await view.shows(/The chat has stopped waiting, but the agent works on/);
      session.tool("web_search");
      await view.shows("web_search");
      await shot("timeout");
      session.end("Here it is.");
      await view.stands("Done");
      await view.shows("Here it is.");
    },
  ),
);

Deno.test(
  inBrowser("a person interrupts the agent", { args }, async ({ host, simulator, shot }) => {
    const session_id = simulator.createSession({ agent: "script" });
    const call = await host.call("ask_agent", { session_id, message: "tool bash ls\nsleep 60s" });
    const view = new View(host, call);
    await view.stands("Working");
    await view.button("Interrupt").click();
    await view.shows("Stop the agent?");
    await shot("interrupt");
    await view.button("Interrupt now").click();
    await view.stands("Interrupted");
    await host.result(call);
    const { calls } = await host.received();
    assertEquals(calls.filter((name) => name === "interrupt").length, 1);
    await shot("interrupted");
  }),
);

Deno.test(
  inBrowser(
    "errors, retries and evaluations are told",
    { args },
    async ({ host, simulator, shot }) => {
      const session = new PlayedSession(simulator);
      session.start("Go.");
      const call = await host.call("wait_for_idle", { session_id: session.id });
      const view = new View(host, call);
      session.emit("session.error", {
        error: {
          type: "model_overloaded_error",
          message: "The model is overloaded.",
          retry_status: { type: "retrying" },
        },
      });
      await view.shows(/Error: model overloaded \(/);
      await view.shows(/trying again/);
      await shot("error-and-retry");
      session.end("It worked the second time.");
      await view.stands("Done");
    },
  ),
);

Deno.test(
  inBrowser("a turn that gives up says why", { args }, async ({ host, simulator, shot }) => {
    const session_id = simulator.createSession({ agent: "exhausted" });
    const call = await host.call("ask_agent", { session_id, message: "Go." });
    const view = new View(host, call);
    await view.stands("Stopped by an error");
    await shot("retries-exhausted");
  }),
);

Deno.test(
  inBrowser("subagents are told by their names", { args }, async ({ host, simulator, shot }) => {
    const session_id = simulator.createSession({ agent: "script" });
    const call = await host.call("ask_agent", {
      session_id,
      message:
        'as Researcher ask crm/export {"customers":"all"}\nas Writer say Written.\nsay Over.',
    });
    const view = new View(host, call);
    await view.shows(/Subagent Researcher wants to use export of MCP server crm/);
    await shot("subagent");
    await view.button("Allow export").click();
    await view.stands("Done");
    await view.replies("Over.");
  }),
);

Deno.test(inBrowser("a call that fails says why", { args }, async ({ host, shot }) => {
  const call = await host.call("wait_for_idle", { session_id: `sesn_${"0".repeat(24)}` });
  assert((await host.result(call)).isError);
  const view = new View(host, call);
  await view.stands("The call failed");
  await shot("call-failed");
}));

/** Time in which a page that still asks would have asked many times, in milliseconds. */
const LONG_MS = 120_000;

Deno.test(
  inBrowser("a page that goes asks no more", { args }, async ({ host, simulator, page }) => {
    await page.clock.install();
    const session = new PlayedSession(simulator);
    session.start("Go.");
    const call = await host.call("wait_for_idle", { session_id: session.id });
    await new View(host, call).stands("Working");
    await host.teardown(call);
    const before = (await host.received()).calls.length;
    await page.clock.runFor(LONG_MS);
    assertEquals((await host.received()).calls.length, before);
    session.end();
    await host.result(call);
  }),
);

Deno.test(inBrowser("a page whose turn is over asks no more", { args }, async (world) => {
  const { host, simulator, page } = world;
  await page.clock.install();
  const session_id = simulator.createSession({ agent: "script" });
  const call = await host.call("ask_agent", { session_id, message: "say Over." });
  await host.result(call);
  const view = new View(host, call);
  await view.stands("Done");
  await view.shows("Over.");
  // It may read some times more to have all of the turn, and not for long.
  await page.clock.runFor(LONG_MS);
  const before = (await host.received()).calls.length;
  await page.clock.runFor(LONG_MS);
  assertEquals((await host.received()).calls.length, before);
}));

Deno.test(inBrowser("a page asks one thing at a time", { args }, async (world) => {
  const { host, simulator, page } = world;
  await page.clock.install();
  const session = new PlayedSession(simulator);
  session.start("Go.");
  const call = await host.call("wait_for_idle", { session_id: session.id });
  await new View(host, call).stands("Working");
  // What is asked from now on gets no answer: then nothing more is asked, within its time.
  const before = await host.setPageCalls("silent");
  await host.until(({ calls }) => calls.length > before, "a further question");
  await page.clock.runFor(5_000);
  assertEquals((await host.received()).calls.length, before + 1);
  session.end();
}));
