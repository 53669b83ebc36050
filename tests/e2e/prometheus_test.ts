import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { callServedTool } from "../../src/commands/mcp_call.ts";
import { freePort } from "../helpers/free_port.ts";
import { startHttp } from "../helpers/http_program.ts";
import { familiesOf, familyOf, partsOf, shippedAlerts, shippedQueries } from "../helpers/promql.ts";
import { EXECUTABLE, type Spawned } from "../helpers/spawned.ts";
import { inFolder } from "./compiled.ts";

const FOLDER = fileURLToPath(new URL("../../deploy/prometheus/", import.meta.url));

async function isInstalled(name: string): Promise<boolean> {
  try {
    return (await new Deno.Command(name, { args: ["--version"], stdin: "null" }).output()).success;
  } catch {
    return false;
  }
}

const hasPrometheus = await isInstalled("prometheus") && await isInstalled("promtool");
const SKIPPED = hasPrometheus
  ? ""
  : "SKIPPED for want of Prometheus (apt-get install prometheus): ";

async function promtool(...args: string[]): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command("promtool", { args, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

for (
  const args of [
    ["check", "config", `${FOLDER}prometheus.yaml`],
    ["check", "rules", "--lint=all", "--lint-fatal", `${FOLDER}rules.yaml`],
    ["test", "rules", `${FOLDER}rules_test.yaml`],
  ]
) {
  Deno.test({
    name: `${SKIPPED}promtool ${args.slice(0, 2).join(" ")} finds nothing wrong`,
    ignore: !hasPrometheus || EXECUTABLE !== undefined,
    async fn() {
      const { code, output } = await promtool(...args);
      assertEquals(code, 0, output);
    },
  });
}

Deno.test({
  name: `${SKIPPED}promtool's tests of the alerts miss every one that does not fire`,
  ignore: !hasPrometheus || EXECUTABLE !== undefined,
  fn: () =>
    inFolder(async (folder) => {
      const rules = await Deno.readTextFile(`${FOLDER}rules.yaml`);
      const dead = rules.replace(
        /(?<=^ +expr: )(?:\|\n(?: {10}.*\n)+|.*\n)/gm,
        "vector(0) > 1\n",
      );
      await Deno.writeTextFile(`${folder}/rules.yaml`, dead);
      await Deno.copyFile(`${FOLDER}rules_test.yaml`, `${folder}/rules_test.yaml`);
      const { code, output } = await promtool("test", "rules", `${folder}/rules_test.yaml`);
      assertEquals(code, 1);
      for (const { alert } of await shippedAlerts()) {
        assert(output.includes(`alertname: ${alert},`), `${alert} is not tested`);
      }
    }),
});

/** The address of a program's metrics. */
function metricsAddress(program: Spawned): Promise<URL> {
  const find = () => /Metrics are at (\S+\/metrics),/.exec(program.stderr.join("\n"))?.[1];
  return program.until(find).then((url) => new URL(url));
}

/** Has a server do some of everything. */
async function play({ endpoint, url }: Awaited<ReturnType<typeof startHttp>>): Promise<void> {
  const { agents } = await callServedTool(endpoint, "list_agents", { name_contains: "quick" });
  assert(Array.isArray(agents));
  for (let i = 0; i < 3; i++) {
    const { session_id } = await callServedTool(endpoint, "create_session", {
      agent_id: agents[0].id,
      message: "What is the time?",
    });
    await callServedTool(endpoint, "wait_for_idle", { session_id });
  }
  await callServedTool(endpoint, "get_agent", { agent_id: "agent_none" }).catch(() => {});
  for (const path of ["/ready", "/nothing"]) {
    await (await fetch(new URL(path, url))).body?.cancel();
  }
}

Deno.test("the running program has every metric that dashboard and alerts ask for", async () => {
  await using server = await startHttp(["--simulate", "--metrics-port=0"]);
  const page = await (await fetch(await metricsAddress(server.program))).text();
  const families = familiesOf(page);
  for (const { where, expr } of await shippedQueries()) {
    for (const { metric } of partsOf(expr).selectors) {
      assert(metric === "up" || families.has(familyOf(metric, families)), `${where}: ${metric}`);
    }
  }
});

const answerSchema = z.object({
  status: z.string(),
  error: z.string().optional(),
  data: z.object({ result: z.array(z.unknown()) }).optional(),
});

/** Queries that have no value where all is well, or on this runtime. */
const MAY_BE_EMPTY =
  /^(CmaMcp|Certificate|Calls that did not|Requests that failed|Questions|Decisions|Who comes|Sign-ins|Calls by rule|Scopes|Downloads by|Open files)/;

Deno.test({
  name: `${SKIPPED}a real Prometheus scrapes the program and answers every query of the dashboard`,
  // Once is enough: an executable writes the same page.
  ignore: !hasPrometheus || EXECUTABLE !== undefined,
  fn: () =>
    inFolder(async (folder) => {
      await using server = await startHttp(["--simulate", "--metrics-port=0"]);
      const { host } = await metricsAddress(server.program);
      const config = (await Deno.readTextFile(`${FOLDER}prometheus.yaml`))
        .replaceAll("15s", "1s")
        .replace(/targets:\n( +- .*\n)+/, `targets: ["${host}"]\n`);
      assert(config.includes(host));
      await Deno.writeTextFile(`${folder}/prometheus.yaml`, config);
      await Deno.copyFile(`${FOLDER}rules.yaml`, `${folder}/rules.yaml`);
      await using prometheus = await startPrometheus(folder);
      const query = async (expr: string) => {
        const url = new URL("/api/v1/query", prometheus.url);
        const response = await fetch(url, {
          method: "POST",
          body: new URLSearchParams({ query: expr }),
        });
        const answer = answerSchema.parse(await response.json());
        assertEquals([answer.status, answer.error], ["success", undefined], expr);
        return answer.data?.result ?? [];
      };
      const seen = async (expr: string) => {
        for (let tries = 0; (await query(expr)).length === 0; tries++) {
          assert(tries < 150, `${expr} never had a value`);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      };
      await seen('up{job="cma-mcp"} == 1');
      await play(server);
      // Rates need two scrapes.
      await seen(
        "cma_mcp_ready == 1 and on() rate(cma_mcp_wait_duration_seconds_count[1m]) and on() " +
          "rate(cma_mcp_errors_total[1m])",
      );
      for (const { where, expr } of await shippedQueries()) {
        const result = await query(expr);
        if (!MAY_BE_EMPTY.test(where)) assert(result.length > 0, `${where}: ${expr} has no value`);
      }
      const rules = await (await fetch(new URL("/api/v1/rules", prometheus.url))).text();
      assertEquals(
        [...rules.matchAll(/"health":"(\w+)"/g)].filter(([, health]) => health !== "ok"),
        [],
      );
      const alerts = await (await fetch(new URL("/api/v1/alerts", prometheus.url))).text();
      assert(!alerts.includes('"state":"firing"'), alerts);
    }),
});

/** Starts Prometheus on loopback, with the configuration and the data in a folder. */
async function startPrometheus(
  folder: string,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const address = `127.0.0.1:${freePort()}`;
  const log = await Deno.open(`${folder}/log`, { write: true, create: true });
  const child = new Deno.Command("prometheus", {
    args: [
      `--config.file=${folder}/prometheus.yaml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${address}`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const logged = child.stderr.pipeTo(log.writable);
  const stop = async () => {
    child.kill("SIGKILL");
    await Promise.all([child.status, logged]);
  };
  for (let tries = 0;; tries++) {
    const isReady = await fetch(`http://${address}/-/ready`)
      .then(async (response) => (await response.body?.cancel(), response.ok), () => false);
    if (isReady) break;
    if (tries === 100) {
      await stop();
      throw new Error(await Deno.readTextFile(`${folder}/log`));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url: `http://${address}`, [Symbol.asyncDispose]: stop };
}
