/**
 * A whole turn with an approval, a question and a file, in which nobody reads JSON: the person uses
 * the page, and the model does what the page tells it.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { closeStage, inBrowser } from "./stage.ts";
import { showFiles, View } from "./view.ts";

Deno.test.afterAll(closeStage);

const MESSAGE = `say I will look at the sales first.
tool bash ls -1
ask bash rm -r build
custom get_weather {"city":"Lisbon"}
make report
say Here is the sales report, with the weather.`;

for (const way of ["http", "stdio"] as const) {
  Deno.test(inBrowser(
    `a whole turn without reading JSON (${way})`,
    { way, args: ["--simulate", "--tools=core,ask,files,actions", "--ask-custom-tools"] },
    async ({ host, shot }) => {
      await host.say("person", "Make the sales report, and clean up before.");
      const listed = await host.call("list_agents", {});
      const { structuredContent } = await host.result(listed);
      const { agents } = structuredContent as { agents: { id: string; name: string }[] };
      const agent_id = agents.find(({ name }) => name === "Simulated Script")?.id;
      const call = await host.call("ask_agent", { agent_id, message: MESSAGE });
      const view = new View(host, call);

      await view.shows("The agent wants to use");
      await view.shows(/rm -r build/);
      await shot(`whole-1-approval-${way}`);
      await view.button("Allow bash").click();

      await view.shows(/asks you for the result of/);
      await shot(`whole-2-question-${way}`);
      await view.frame.getByRole("textbox", { name: "Your answer" }).fill("Sunny, 24 degrees.");
      await view.button("Send answer: get_weather").click();

      await view.stands("Done");
      await view.replies("Here is the sales report, with the weather.");
      await showFiles(view, 5);
      await view.button("Show chart.png").click();
      await view.frame.getByRole("img", { name: "Preview of chart.png" }).waitFor();
      await view.button("Save report.md").click();
      const { messages, downloads } = await host.until(
        ({ messages, downloads }) => downloads.length === 1 && messages.length > 0,
        "a file, and what the model is told",
      );
      assertStringIncludes(downloads[0]?.text ?? atob(downloads[0]?.blob ?? ""), "# Sales");
      await shot(`whole-3-done-${way}`);

      // The model does what it was told.
      const told = messages.at(-1) ?? "";
      const [, tool, session_id] = /Call (\w+) with session_id "(\w+)"/.exec(told) ?? [];
      assert(tool && session_id, told);
      const next = await host.call(tool, { session_id });
      const reply = await host.result(next);
      assertStringIncludes(JSON.stringify(reply), "Here is the sales report");
      await new View(host, next).stands("Done");
      assertEquals(reply.isError, undefined);
      await host.say("model", "The report is done. You will find it above.");
      await shot(`whole-4-model-${way}`);
    },
  ));
}
