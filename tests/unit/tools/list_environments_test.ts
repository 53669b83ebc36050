import { assert, assertEquals } from "@std/assert";
import type { Environment } from "../../../src/api/resources.ts";
import type { Principal } from "../../../src/access/principal.ts";
import { listEnvironments } from "../../../src/tools/list_environments.ts";
import { entriesOf, harness, pageOf } from "./support.ts";

function workspace(all: readonly Environment[], environmentId?: string) {
  const list = (params: Parameters<typeof pageOf>[1]) => Promise.resolve(pageOf(all, params));
  const options = environmentId === undefined ? {} : { environmentId };
  const { run } = harness({ environments: { list } }, options);
  return (args: Record<string, unknown> = {}, principal?: Principal) =>
    run(listEnvironments, args, { ...(principal && { principal }) });
}

function environments(count: number): Environment[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `env_${index + 1}`,
    name: `Env ${index + 1}`,
  }));
}

Deno.test("list_environments shows what tells environments apart, and nothing of their set-up", async () => {
  const list = workspace([
    {
      id: "env_1",
      name: "Python",
      description: "With pandas.",
      config: { type: "cloud", networking: { allowed_hosts: ["SECRET"] } },
      metadata: { cma_mcp: "SECRET" },
    },
    { id: "env_old", archived_at: "2026-01-01T00:00:00Z" },
    { id: "env_bare", name: null, description: 7, config: "none" },
  ]);
  assertEquals(await list(), {
    environments: [
      { id: "env_1", name: "Python", description: "With pandas.", type: "cloud" },
      { id: "env_bare" },
    ],
  });
});

Deno.test("list_environments filters by a part of the name", async () => {
  const result = await workspace(environments(12))({ name_contains: "ENV 1" });
  assertEquals(entriesOf(result, "environments").map(({ id }) => id), [
    ...["env_1", "env_10", "env_11", "env_12"],
  ]);
});

/** Environments, the configured one, those of the token; what is listed, and which is the default. */
const DEFAULTS: readonly [number, string | undefined, string[] | undefined, string[], string?][] = [
  [1, undefined, undefined, ["env_1"], "env_1"],
  [2, undefined, undefined, ["env_1", "env_2"], undefined],
  [2, "env_2", undefined, ["env_1", "env_2"], "env_2"],
  [3, "env_2", ["env_3", "env_2"], ["env_2", "env_3"], "env_2"],
  [3, "env_2", ["env_3"], ["env_3"], "env_3"],
  [3, "env_2", ["env_1", "env_3"], ["env_1", "env_3"], undefined],
  [3, "env_2", [], [], undefined],
  [1, undefined, ["env_1", "env_gone"], ["env_1"], undefined],
];

for (const [count, configured, allowed, listed, chosen] of DEFAULTS) {
  const token = allowed
    ? `with ${allowed.join(" and ") || "none"} for the token`
    : "without limits";
  Deno.test(`the default of ${count} environments, ${configured} configured, ${token}, is ${chosen}`, async () => {
    const list = workspace(environments(count), configured);
    const result = await list({}, { id: "ci", ...(allowed && { environments: allowed }) });
    const entries = entriesOf(result, "environments");
    assertEquals(entries.map(({ id }) => id), listed);
    assertEquals(entries.filter((found) => found.is_default).map(({ id }) => id), [
      ...chosen === undefined ? [] : [chosen],
    ]);
  });
}

Deno.test("list_environments says when there are more than it shows", async () => {
  const wordy = environments(200).map((one) => ({ ...one, description: "d".repeat(2_048) }));
  const result = await workspace(wordy)();
  assertEquals(result.truncated, true);
  assert(JSON.stringify(result).length <= 40_000);
  assertEquals((await workspace(environments(600))({ name_contains: "Env 1 " })).truncated, true);
  assertEquals((await workspace(environments(500))()).truncated, undefined);
});
