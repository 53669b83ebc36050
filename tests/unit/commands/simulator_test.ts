import { assertMatch } from "@std/assert";
import { runSimulator } from "../../../src/commands/simulator.ts";
import { recordProgram } from "../../helpers/program.ts";

Deno.test("runSimulator() serves the API on loopback and says how to use it", async () => {
  const listening = Promise.withResolvers<string>();
  const program = recordProgram({
    print: (line) => {
      const [, url] = /ANTHROPIC_BASE_URL=(\S+)/.exec(line) ?? [];
      if (url !== undefined) listening.resolve(url);
    },
  });
  const log = { level: "info", format: "text" } as const;
  const done = runSimulator({ command: "simulator", port: 0, log }, program);
  const url = await listening.promise;
  const response = await fetch(`${url}/v1/agents`, {
    headers: { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" },
  });
  const { data } = await response.json();
  assertMatch(data[0].name, /^Simulated /);
  program.stop();
  await done;
});
