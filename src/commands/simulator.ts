/**
 * `cma-mcp simulator`: serves the simulated API, for programs that are built for the real one.
 *
 * @module
 */

import type { SimulatorConfig } from "../config/config.ts";
import { aborted } from "../core/abort.ts";
import { hostAndPort, reachableHost } from "../core/addresses.ts";
import { UsageError } from "../core/errors.ts";
import type { LogFields } from "../core/logger.ts";
import { createSimulator, parseFault, parseHabit, type Simulator } from "../simulator/mod.ts";
import type { Program } from "../runtime/program.ts";
import { CutConnection, type HandleRequest } from "../runtime/runtime.ts";

/**
 * Serves the simulator until the process is asked to end.
 *
 * @throws UsageError for a fault or a habit that does not exist
 */
export async function runSimulator(config: SimulatorConfig, program: Program): Promise<void> {
  const { faults, habits, secondEnvironment, seed = randomSeed(), named } = config;
  const rules = faults.map((text) => readRow(named.faults, text, parseFault));
  const simulator = createSimulator({
    clock: program.clock,
    seed,
    environments: secondEnvironment ? 2 : 1,
    habits: Object.assign({}, ...habits.map((text) => readRow(named.habits, text, parseHabit))),
  });
  for (const rule of rules) simulator.faults.add(rule);
  const server = await program.listen(
    { host: config.listenAddress, port: config.port },
    handlerOf(simulator, config, program),
    program.log,
    program.clock,
  );
  const { hostname, port } = server.addr;
  const url = `http://${hostAndPort({ hostname: reachableHost(hostname), port })}`;
  program.print(`Simulated Managed Agents API on ${url}. Any key is accepted; nothing is real.`);
  if (rules.some(({ chance }) => chance !== undefined)) {
    program.print(`The seed of its faults is ${seed}: --seed ${seed} repeats them.`);
  }
  program.print("");
  program.print(`  ANTHROPIC_BASE_URL=${url} ANTHROPIC_API_KEY=${ANY_KEY} <your program>`);
  program.print(
    `  curl ${url}/v1/agents -H 'x-api-key: ${ANY_KEY}' -H 'anthropic-version: 2023-06-01' ` +
      "-H 'anthropic-beta: managed-agents-2026-04-01'",
  );
  program.print("");
  program.print("Ctrl+C ends it.");
  await aborted(program.stopping);
  simulator.close();
  await server.shutdown();
}

/** Not a word that agents use: the server hides its key wherever it finds it. */
const ANY_KEY = "simulated-key";

/** Makes a seed that is short enough to be typed again. */
function randomSeed(): number {
  return Math.floor(Math.random() * 1_000_000);
}

function readRow<T>(named: string, text: string, read: (text: string) => T): T {
  try {
    return read(text);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new UsageError(`${named}: ${cause.message}`, { cause });
  }
}

/**
 * Makes the handler: it returns the simulator's responses, and cuts the connection where a fault
 * breaks it.
 */
function handlerOf(
  simulator: Simulator,
  { logRequests }: SimulatorConfig,
  { log, clock }: Program,
): HandleRequest {
  const write = (fields: LogFields) =>
    logRequests ? log.info("Request", fields) : log.debug("Request", fields);
  return async (request) => {
    const { method } = request;
    const path = new URL(request.url).pathname;
    const start = clock.now();
    const logEnd = (status: number | "cut") =>
      write({ method, path, status, ms: Math.round(clock.now() - start) });
    try {
      const response = await simulator.fetch(request);
      logEnd(response.status);
      return response;
    } catch (cause) {
      if (!(cause instanceof TypeError) && !request.signal.aborted) throw cause;
      logEnd("cut");
      throw new CutConnection("A fault cut the connection, or the client has gone", { cause });
    }
  };
}
