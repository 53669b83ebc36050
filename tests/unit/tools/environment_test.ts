import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Principal } from "../../../src/access/principal.ts";
import type { CreateSessionParams } from "../../../src/api/types.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { createSession } from "../../../src/tools/create_session.ts";
import { type Harness, harness, session } from "./support.ts";

async function create(
  { run, clock }: Harness,
  args: Record<string, unknown> = {},
): Promise<Record<string, unknown>> {
  return await clock.runUntil(run(createSession, { agent_id: "agent_1", ...args }));
}

Deno.test("create_session uses the workspace's only environment, and remembers it", async () => {
  let lists = 0;
  const created: string[] = [];
  const opened = harness({
    environments: {
      list: () => {
        lists++;
        return Promise.resolve({
          data: [{ id: "env_old", archived_at: "2026-01-01T00:00:00Z" }, { id: "env_only" }],
        });
      },
    },
    sessions: {
      create: ({ environmentId }) => {
        created.push(environmentId);
        return Promise.resolve(session());
      },
    },
  });
  await create(opened);
  await create(opened);
  assertEquals(created, ["env_only", "env_only"]);
  assertEquals(lists, 1);
});

Deno.test("create_session finds another environment when the remembered one is gone", async () => {
  let only = "env_old";
  const created: string[] = [];
  const gone = new ApiError("gone", {
    kind: "http",
    status: 404,
    errorCode: "environment_not_found",
  });
  const opened = harness({
    environments: { list: () => Promise.resolve({ data: [{ id: only }] }) },
    sessions: {
      create: ({ environmentId }) => {
        if (environmentId !== only) return Promise.reject(gone);
        created.push(environmentId);
        return Promise.resolve(session());
      },
    },
  });
  await create(opened);
  only = "env_new";
  await create(opened);
  assertEquals(created, ["env_old", "env_new"]);
  const explicit = () => create(opened, { environment_id: "env_old" });
  assertEquals(await assertRejects(explicit, ApiError), gone);
});

Deno.test("create_session lists the environments to choose from, and asks again next time", async () => {
  let lists = 0;
  const opened = harness({
    environments: {
      list: ({ page }) => {
        lists++;
        return Promise.resolve(
          page
            ? { data: [{ id: "env_b" }] }
            : { data: [{ id: "env_a", name: "A" }], next_page: "2" },
        );
      },
    },
  });
  for (let round = 1; round <= 2; round++) {
    const error = await assertRejects(() => create(opened), ToolError, "env_a (A), env_b.");
    assertEquals(error.code, "environment_required");
    assertEquals(lists, 2 * round);
  }
});

Deno.test("create_session says when there is no environment at all", async () => {
  const opened = harness({ environments: { list: () => Promise.resolve({ data: [] }) } });
  await assertRejects(() => create(opened), ToolError, "has no environment");
});

/** A server whose sessions are created in the environment that the test configures. */
function creating(environmentId?: string) {
  const created: CreateSessionParams[] = [];
  const opened = harness({
    sessions: {
      create: (params) => {
        created.push(params);
        return Promise.resolve(session({ id: `sesn_${created.length}` }));
      },
    },
  }, { environmentId });
  const create = (principal: Principal, environment_id?: string) =>
    opened.run(createSession, { agent_id: "agent_1", environment_id }, { principal });
  return { create, created };
}

/** Configured, requested and allowed environments, and the one that it becomes. */
const ENVIRONMENTS: readonly [string, string | undefined, string | undefined, string[], string][] =
  [
    ["the requested one, if allowed", "env_1", "env_2", ["env_2", "env_3"], "env_2"],
    ["the configured one, if allowed", "env_1", undefined, ["env_2", "env_1"], "env_1"],
    ["the only allowed one", undefined, undefined, ["env_2"], "env_2"],
    ["the only allowed one, not the configured", "env_1", undefined, ["env_2"], "env_2"],
  ];

for (const [name, configured, requested, environments, expected] of ENVIRONMENTS) {
  Deno.test(`create_session takes ${name} without a request for environments`, async () => {
    const { create, created } = creating(configured);
    await create({ id: "ci", environments }, requested);
    assertEquals(created.map(({ environmentId }) => environmentId), [expected]);
  });
}

const REFUSED: readonly [string, string | undefined, string | undefined, string[], string][] = [
  ["one that is not allowed", undefined, "env_9", ["env_1"], "Pass one of these as environment_id"],
  ["the configured one by name", "env_9", "env_9", ["env_1"], "does not exist or is not available"],
  ["none of several", undefined, undefined, ["env_1", "env_2"], "environment_id: env_1, env_2."],
  ["one when none is allowed", "env_9", undefined, [], "Your token may use none"],
];

for (const [name, configured, requested, environments, expected] of REFUSED) {
  Deno.test(`create_session refuses ${name}, and names allowed environments only`, async () => {
    const { create, created } = creating(configured);
    const { message } = await assertRejects(
      () => create({ id: "ci", environments }, requested),
      ToolError,
    );
    assert(message.includes(expected) && !message.includes("env_9"), message);
    assertEquals(created, []);
  });
}
