import { assertEquals, assertMatch } from "@std/assert";
import { bench, dataOf, dig, type Reply, type Wire } from "./helpers.ts";

const CLOUD = {
  type: "cloud",
  networking: { type: "unrestricted" },
  packages: { type: "packages", apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] },
};

function codeOf(reply: Reply): unknown[] {
  return [reply.status, dig(reply.body, "error", "details", "error_code")];
}

Deno.test("an environment is created with every field of the API, and takes sessions", async () => {
  const { call, simulator } = bench();
  const { status, body } = await call("POST", "/v1/environments", {
    name: "Data",
    metadata: { team: "ops" },
  });
  assertEquals(status, 200);
  const { id, created_at, updated_at, ...rest } = body as Wire;
  assertMatch(String(id), /^env_/);
  assertEquals(updated_at, created_at);
  assertEquals(rest, {
    type: "environment",
    name: "Data",
    description: null,
    config: CLOUD,
    metadata: { team: "ops" },
    archived_at: null,
  });
  assertEquals(dataOf(await call("GET", "/v1/environments")).map((entry) => entry.id), [
    id,
    simulator.environmentId,
  ]);
  const session = { agent: simulator.agentId("quick"), environment_id: id };
  assertEquals(dig((await call("POST", "/v1/sessions", session)).body, "environment_id"), id);
});

Deno.test("a configuration is completed with the API's defaults", async () => {
  const { call } = bench();
  const made = async (name: string, config: unknown) =>
    dig((await call("POST", "/v1/environments", { name, config })).body, "config");
  assertEquals(await made("a", { type: "self_hosted" }), { type: "self_hosted" });
  assertEquals(await made("b", null), CLOUD);
  assertEquals(await made("c", { type: "cloud", packages: { pip: ["numpy"], npm: null } }), {
    ...CLOUD,
    packages: { ...CLOUD.packages, pip: ["numpy"] },
  });
  assertEquals(await made("d", { type: "cloud", networking: { type: "limited" } }), {
    ...CLOUD,
    networking: {
      type: "limited",
      allow_mcp_servers: false,
      allow_package_managers: false,
      allowed_hosts: [],
    },
  });
});

for (
  const [what, body, expected] of [
    ["no name", {}, [400, undefined]],
    ["an empty name", { name: "" }, [400, undefined]],
    ["a name that is taken", { name: "Simulated environment" }, [409, undefined]],
    ["an unknown field", { name: "n", colour: "red" }, [400, undefined]],
    ["an unknown config", { name: "n", config: { type: "moon" } }, [400, undefined]],
    ["scope account", { name: "n", scope: "account" }, [400, undefined]],
    ["a long metadata value", { name: "n", metadata: { a: "b".repeat(513) } }, [
      400,
      "invalid_metadata",
    ]],
    ["many metadata pairs", {
      name: "n",
      metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"])),
    }, [400, "invalid_metadata"]],
    ["packages that the network would keep out", {
      name: "n",
      config: { type: "cloud", networking: { type: "limited" }, packages: { apt: ["jq"] } },
    }, [400, undefined]],
  ] as const
) {
  Deno.test(`an environment with ${what} is refused with ${expected[0]}`, async () => {
    const { call } = bench();
    assertEquals(codeOf(await call("POST", "/v1/environments", body)), [...expected]);
    assertEquals(dataOf(await call("GET", "/v1/environments")).length, 1);
  });
}

Deno.test("an update changes what it names, and a null or empty value deletes its key", async () => {
  const { call, simulator } = bench();
  const path = `/v1/environments/${simulator.environmentId}`;
  await call("POST", path, { description: "d", metadata: { a: "1", b: "2", c: "3" } });
  const { status, body } = await call("POST", path, {
    name: "Renamed",
    metadata: { a: null, b: "" },
  });
  assertEquals(status, 200);
  assertEquals(
    [dig(body, "name"), dig(body, "description"), dig(body, "metadata")],
    ["Renamed", "d", { c: "3" }],
  );
  assertEquals((await call("GET", path)).body, body);
  assertEquals(dig((await call("POST", path, { description: null })).body, "description"), null);
});

Deno.test("an update is refused where the API refuses it", async () => {
  const { call, simulator } = bench();
  await call("POST", "/v1/environments", { name: "Other" });
  const path = `/v1/environments/${simulator.environmentId}`;
  assertEquals(codeOf(await call("POST", path, { name: "Other" })), [409, undefined]);
  assertEquals((await call("POST", path, { name: "Simulated environment" })).status, 200);
  assertEquals(codeOf(await call("POST", path, { config: { type: "self_hosted" } })), [
    400,
    "invalid_config_type_change",
  ]);
  assertEquals(codeOf(await call("POST", "/v1/environments/env_x", {})), [
    404,
    "environment_not_found",
  ]);
  await call("POST", `${path}/archive`);
  assertEquals(codeOf(await call("POST", path, { name: "New" })), [400, "environment_archived"]);
});

Deno.test("a deleted environment is gone, and its name is free again", async () => {
  const { call } = bench();
  const id = dig((await call("POST", "/v1/environments", { name: "Data" })).body, "id");
  const { body } = await call("DELETE", `/v1/environments/${id}`);
  assertEquals(body, { id, type: "environment_deleted" });
  assertEquals((await call("GET", `/v1/environments/${id}`)).status, 404);
  assertEquals((await call("DELETE", `/v1/environments/${id}`)).status, 404);
  assertEquals((await call("POST", "/v1/environments", { name: "Data" })).status, 200);
});
