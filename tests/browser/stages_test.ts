/**
 * The stages of a session as a stranger meets them: each says what goes on and what can be done. Their
 * pictures stand in docs/session-view.md.
 */

import { assertEquals } from "@std/assert";
import type { Simulator } from "../../src/simulator/mod.ts";
import { drawChart } from "./host/inside.js";
import { PlayedSession } from "./played_session.ts";
import { closeStage, inBrowser, type World } from "./stage.ts";
import { showFiles, View } from "./view.ts";

Deno.test.afterAll(closeStage);

const options = {
  args: ["--tools=core,ask,files,actions", "--ask-custom-tools"],
  browser: { viewport: { width: 1_000, height: 700 } },
};

const TASK = "Write the sales report for last year, and clean up the old build.";

/** Makes an agent with a name as people give them; returns its id. */
async function makeAgent(simulator: Simulator): Promise<string> {
  const response = await simulator.fetch(
    new Request("http://simulator/v1/agents", {
      method: "POST",
      headers: {
        "x-api-key": "any",
        "anthropic-beta": "managed-agents-2026-04-01",
        "content-type": "application/json",
      },
      body: JSON.stringify({ name: "Sales analyst", model: "claude-opus-4-8" }),
    }),
  );
  const { id }: { id: string } = await response.json();
  return id;
}

async function begin({ host, simulator }: World): Promise<{ session: PlayedSession; view: View }> {
  const session = new PlayedSession(simulator, { agent: await makeAgent(simulator) });
  session.start(TASK);
  await host.say("person", TASK);
  const call = await host.call("wait_for_idle", { session_id: session.id });
  const view = new View(host, call);
  await view.stands("Working");
  return { session, view };
}

Deno.test(inBrowser("while the agent works, its steps are told", options, async (world) => {
  const { session, view } = await begin(world);
  session.result(session.tool("web_search", { query: "sales" }));
  session.result(session.tool("bash", { command: "cat report.csv" }), "No such file", true);
  session.say("The file is not here; I look for another one.");
  session.tool("bash", { command: "ls -1" });
  await view.shows("The file is not here; I look for another one.");
  await view.shows("running");
  assertEquals(await view.button("Interrupt").count(), 1);
  await world.shot("session-view-working");
  session.end();
}));

Deno.test(
  inBrowser("while a call waits, it is shown with the ways to decide", options, async (world) => {
    const { session, view } = await begin(world);
    session.say("Before I write the report, the old build has to go.");
    session.ask({ name: "bash", input: { command: "rm -r build" } });
    await view.stands("Waiting for you");
    await view.shows('{"command":"rm -r build"}');
    await view.button("Allow bash").waitFor();
    await view.button("Deny bash").and(view.frame.locator(":not([aria-disabled])")).waitFor();
    assertEquals(await view.frame.getByRole("textbox", { name: /Reason/ }).count(), 1);
    await world.shot("session-view-approval");
  }),
);

Deno.test(inBrowser("when the turn is over, reply and files are there", options, async (world) => {
  const { session, view } = await begin(world);
  session.result(session.tool("bash", { command: "python report.py" }));
  const months = Array.from({ length: 12 }, (_, month) => 900 + 70 * month + (month % 3) * 120);
  const chart: string = await world.page.evaluate(drawChart, months);
  const bytes = Uint8Array.from(atob(chart), (character) => character.charCodeAt(0));
  world.simulator.writeFile(session.id, "chart.png", bytes);
  const text = "# Sales\n\nSales grew all year.\n";
  world.simulator.writeFile(session.id, "report.md", new TextEncoder().encode(text));
  session.end(
    "The report is written: **sales grew all year**, from 900 in January to 1,910 in December. " +
      "See [how the figures were made](https://example.com/figures).",
  );
  await view.stands("Done");
  await view.shows("sales grew all year");
  await showFiles(view, 2);
  await view.button("Show chart.png").click();
  await view.frame.getByRole("img", { name: "Preview of chart.png" }).waitFor();
  assertEquals(await view.button(/^Save /).count(), 2);
  await world.shot("session-view-done");
}));
