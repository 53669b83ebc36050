import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { runSimulator } from "../../../src/commands/simulator.ts";
import type { SimulatorConfig } from "../../../src/config/config.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { recordProgram } from "../../helpers/program.ts";

const CONFIG: SimulatorConfig = {
  command: "simulator",
  listenAddress: "127.0.0.1",
  port: 0,
  faults: [],
  habits: [],
  secondEnvironment: false,
  logRequests: false,
  named: { faults: "--fault", habits: "CMA_SIMULATOR_HABIT" },
  log: { level: "info", format: "text" },
};

const HEADERS = { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" };

/** Runs the command while `use` runs; `use` is given its address. */
async function withSimulator(
  config: Partial<SimulatorConfig>,
  use: (url: string) => Promise<void>,
): Promise<{ readonly printed: readonly string[]; readonly logged: readonly string[] }> {
  const listening = Promise.withResolvers<string>();
  const printed: string[] = [];
  const program = recordProgram({
    print: (line) => {
      printed.push(line);
      const [, url] = /ANTHROPIC_BASE_URL=(\S+)/.exec(line) ?? [];
      if (url !== undefined) listening.resolve(url);
    },
  });
  const done = runSimulator({ ...CONFIG, ...config }, program);
  await use(await Promise.race([listening.promise, done.then(() => "")]));
  program.stop();
  await done;
  return { printed, logged: program.logged };
}

Deno.test("runSimulator() serves the API on loopback and says how to use it", async () => {
  const { logged } = await withSimulator({}, async (url) => {
    const response = await fetch(`${url}/v1/agents`, { headers: HEADERS });
    const { data } = await response.json();
    assertMatch(data[0].name, /^Simulated /);
  });
  assertEquals(logged, []);
});

Deno.test("runSimulator() logs each request on one line, without its query and body", async () => {
  const { logged } = await withSimulator({ logRequests: true }, async (url) => {
    const read = await fetch(`${url}/v1/agents?limit=1`, { headers: HEADERS });
    await read.body?.cancel();
    const write = await fetch(`${url}/v1/sessions`, {
      method: "POST",
      headers: HEADERS,
      body: JSON.stringify({ agent: "a-secret" }),
    });
    await write.body?.cancel();
  });
  assertEquals(logged.length, 2);
  assertMatch(logged[0] ?? "", /info: Request method=GET path=\/v1\/agents status=200 ms=\d+$/);
  assertMatch(logged[1] ?? "", /info: Request method=POST path=\/v1\/sessions status=400 ms=\d+$/);
});

Deno.test("runSimulator() says the seed of faults that strike by chance", async () => {
  const always = await withSimulator({ faults: ["reset"] }, async () => {});
  assertEquals(always.printed.filter((line) => line.includes("seed")), []);
  const faults = ["reset:chance=50%"];
  const { printed } = await withSimulator({ faults, seed: 7 }, async () => {});
  assertEquals(printed[1], "The seed of its faults is 7: --seed 7 repeats them.");
});

const refusals: readonly [string, Partial<SimulatorConfig>, RegExp][] = [
  ["a fault", { faults: ["reset", "resett"] }, /^--fault: 'resett' is no fault/],
  ["a habit", { habits: ["sleepy=true"] }, /^CMA_SIMULATOR_HABIT: 'sleepy' is no habit/],
];
for (const [name, config, message] of refusals) {
  Deno.test(`runSimulator() refuses ${name} that does not exist`, async () => {
    const running = withSimulator(config, async () => {});
    assertMatch((await assertRejects(() => running, UsageError)).message, message);
  });
}
