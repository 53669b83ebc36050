import { assertEquals, assertRejects } from "@std/assert";
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
