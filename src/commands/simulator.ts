/**
 * `cma-mcp simulator`: serves the simulated API, for programs that are built against the real one.
 *
 * @module
 */

import type { SimulatorConfig } from "../config/config.ts";
import { aborted } from "../core/abort.ts";
import { createSimulator } from "../simulator/mod.ts";
import type { Program } from "../runtime/program.ts";

/** Serves the simulator on loopback until the process is asked to end. */
export async function runSimulator(config: SimulatorConfig, program: Program): Promise<void> {
  const simulator = createSimulator({ clock: program.clock });
  const server = await program.listen(
    { host: "127.0.0.1", port: config.port },
    (request) => {
      program.log.debug("Request", { method: request.method, path: new URL(request.url).pathname });
      return simulator.fetch(request);
    },
    program.log,
    program.clock,
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  program.print(`Simulated Managed Agents API on ${url}. Any key is accepted; nothing is real.`);
  program.print("");
  program.print(`  ANTHROPIC_BASE_URL=${url} ANTHROPIC_API_KEY=simulated <your program>`);
  program.print(
    `  curl ${url}/v1/agents -H 'x-api-key: simulated' -H 'anthropic-version: 2023-06-01' ` +
      "-H 'anthropic-beta: managed-agents-2026-04-01'",
  );
  program.print("");
  program.print("Ctrl+C ends it.");
  await aborted(program.stopping);
  simulator.close();
  await server.shutdown();
}
