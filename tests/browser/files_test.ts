/**
 * The files of an agent in the session view: to look at, to save, and to copy.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hasPicture } from "./host/inside.js";
import { measure } from "./measures.ts";
import { closeStage, inBrowser, type World } from "./stage.ts";
import { showFiles, View } from "./view.ts";

Deno.test.afterAll(closeStage);

const args = ["--tools=core,ask,files,actions"];

/** Runs a turn in which the agent writes files, and lists them on the page. */
async function listFiles(
  { host, simulator }: World,
  message: string,
  count: number,
): Promise<View> {
  const session_id = simulator.createSession({ agent: "script" });
  await host.say("person", "Make the sales report, please.");
  const call = await host.call("ask_agent", { session_id, message });
  const view = new View(host, call);
  await view.stands("Done");
  await showFiles(view, count);
  return view;
}

for (const way of ["http", "stdio"] as const) {
  Deno.test(
    inBrowser(`files are listed, shown and saved (${way})`, { way, args }, async (world) => {
      const { host, shot } = world;
      const view = await listFiles(world, "make report\nsay The report is written.", 5);
      await view.button("Show chart.png").click();
      const image = view.frame.getByRole("img", { name: "Preview of chart.png" });
      await image.waitFor();
      assert(await image.evaluate(hasPicture), "the canvas is empty");
      await view.button("Show sales.csv").click();
      await view.shows(/month,sales/);
      await shot(`files-${way}`);
      await view.button("Save report.md").click();
      await view.button("Save chart.png").click();
      const { downloads } = await host.until(
        ({ downloads }) => downloads.length === 2,
        "two files",
      );
      const [report, chart] = downloads;
      assertEquals([report?.name, chart?.name], ["report.md", "chart.png"]);
      assertStringIncludes(report?.text ?? atob(report?.blob ?? ""), "# Sales");
      assertStringIncludes(atob(chart?.blob ?? "").slice(0, 8), "PNG");
    }),
  );
}

for (const width of [320, 700]) {
  Deno.test(inBrowser(`an image that is shown fits ${width} px`, {
    args,
    browser: { viewport: { width, height: 900 } },
  }, async (world) => {
    const view = await listFiles(world, "make report\nsay The report is written.", 5);
    await view.button("Show chart.png").click();
    const image = view.frame.getByRole("img", { name: "Preview of chart.png" });
    await image.waitFor();
    const { wide, small } = await measure(view, "#fff");
    assertEquals({ wide, small }, { wide: 0, small: [] });
    const box = await image.boundingBox();
    assert(box !== null && box.x + box.width <= width - 16, JSON.stringify(box));
  }));
}

Deno.test(inBrowser("a host without downloads gets text to copy", {
  args,
  host: { capabilities: { serverTools: {} } },
  // The frame may not write to the clipboard: the page tries that, and copies in the older way.
  complaint: /The Clipboard API has been blocked/,
}, async (world) => {
  const view = await listFiles(world, "file notes.txt Buy milk.\nsay Noted.", 1);
  await view.button("Show notes.txt").click();
  await view.shows("Buy milk.");
  assertEquals(await view.button(/^Save/).count(), 0);
  await view.button("Copy text of notes.txt").click();
  await view.shows(/^Copied$/);
  await world.shot("files-copy");
}));

Deno.test(inBrowser("a session without files says so", { args }, async (world) => {
  const view = await listFiles(world, "say Nothing to write.", 0);
  await view.shows("The agent has written no files.");
}));

Deno.test(inBrowser("a caller without the tools of files is offered none", {
  args: ["--tools=core,ask"],
}, async ({ host, simulator }) => {
  const session_id = simulator.createSession({ agent: "script" });
  const call = await host.call("ask_agent", { session_id, message: "make report\nsay Written." });
  const view = new View(host, call);
  await view.stands("Done");
  await view.shows("Written.");
  assertEquals(await view.button("Show files").count(), 0);
}));

Deno.test(inBrowser("a long text comes in parts, and is bounded", { args }, async (world) => {
  const view = await listFiles(world, "table big.csv 60000\nsay Written.", 1);
  await view.button("Show big.csv").click();
  await view.shows(/Only the beginning of the text is shown/);
}));
