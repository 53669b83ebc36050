import { assertEquals, assertRejects } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import type { Session } from "../../../src/api/resources.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { archiveSession } from "../../../src/tools/archive_session.ts";
import { eventMaker } from "../../helpers/events.ts";
import { FakeEvents, harness, httpError, session } from "./support.ts";

const ARCHIVED = session({ status: "terminated", archived_at: "2026-11-23T09:05:00Z" });
const DONE = { archived: true, archived_at: "2026-11-23T09:05:00Z" };

/** Archiving answers with each of `answers` in turn, the last one for good. */
function archiving(
  answers: readonly (Session | ApiError)[],
  retrieved: Partial<Session> | ApiError = {},
  history: readonly SessionEvent[] = [],
) {
  const counts = { archive: 0, retrieve: 0 };
  const opened = harness({
    sessions: {
      archive: () => {
        const answer = answers[Math.min(counts.archive++, answers.length - 1)];
        return answer instanceof ApiError || !answer
          ? Promise.reject(answer)
          : Promise.resolve(answer);
      },
      retrieve: () => {
        counts.retrieve++;
        return retrieved instanceof ApiError
          ? Promise.reject(retrieved)
          : Promise.resolve(session(retrieved));
      },
    },
    events: new FakeEvents(history).api,
  });
  const archive = () => opened.clock.runUntil(opened.run(archiveSession, { session_id: "sesn_1" }));
  return { counts, archive, clock: opened.clock };
}

function idleHistory(): SessionEvent[] {
  const { user, running, endTurn } = eventMaker();
  return [user("a"), running(), endTurn()];
}

function runningHistory(): SessionEvent[] {
  return [...idleHistory(), eventMaker(Date.parse("2026-11-23T10:00:00Z")).running()];
}

Deno.test("archive_session archives in one request", async () => {
  const { archive, counts } = archiving([ARCHIVED]);
  assertEquals(await archive(), DONE);
  assertEquals(counts, { archive: 1, retrieve: 0 });
});

for (const status of [400, 409]) {
  Deno.test(`archive_session waits for a status that trails the events (${status})`, async () => {
    const refusal = httpError(status, "Session is running.");
    const { archive, counts, clock } = archiving(
      [refusal, refusal, ARCHIVED],
      { status: "running" },
      idleHistory(),
    );
    const startedAt = clock.now();
    assertEquals(await archive(), DONE);
    assertEquals(counts.archive, 3);
    assertEquals(clock.now() - startedAt, 600);
  });
}

Deno.test("archive_session waits for the status to catch up after the session was terminated", async () => {
  const history = [...runningHistory(), eventMaker().make("session.status_terminated")];
  const { archive } = archiving([httpError(400), ARCHIVED], { status: "running" }, history);
  assertEquals(await archive(), DONE);
});

Deno.test("archive_session gives up within three seconds", async () => {
  const { archive, clock, counts } = archiving(
    [httpError(400, "Session is running.")],
    { status: "running" },
    idleHistory(),
  );
  const startedAt = clock.now();
  await assertRejects(archive, ApiError, "Session is running.");
  assertEquals(counts.archive, 5);
  assertEquals(clock.now() - startedAt <= 3_000, true);
});

Deno.test("archive_session says to interrupt a session that runs", async () => {
  const { archive, counts } = archiving([httpError(400)], { status: "running" }, runningHistory());
  const error = await assertRejects(archive, ToolError, "call interrupt, then wait_for_idle");
  assertEquals(error.code, "session_running");
  assertEquals(
    error.messageFor((tool) => tool !== "wait_for_idle"),
    "The session is running and cannot be archived: call interrupt, then archive_session again.",
  );
  assertEquals(counts.archive, 1);
});

Deno.test("archive_session recognises a running session in any spelling of its status", async () => {
  for (const status of ["Running", " RESCHEDULING "]) {
    const { archive } = archiving([httpError(400)], { status }, runningHistory());
    await assertRejects(archive, ToolError, "call interrupt");
  }
});

Deno.test("archive_session of a running session without status events says to interrupt", async () => {
  const { archive } = archiving([httpError(400)], { status: "running" });
  await assertRejects(archive, ToolError, "interrupt");
});

Deno.test("archive_session of an archived session succeeds, whatever the API answers", async () => {
  const { archive } = archiving([httpError(409)], ARCHIVED);
  assertEquals(await archive(), DONE);
});

Deno.test("archive_session reads the session when the response is lost", async () => {
  const lost = new ApiError("lost", { kind: "timeout" });
  assertEquals(await archiving([lost], ARCHIVED).archive(), DONE);
  await assertRejects(archiving([lost], { status: "idle" }).archive, ApiError, "lost");
  await assertRejects(archiving([lost], httpError(503)).archive, ApiError, "lost");
});

Deno.test("archive_session tries once more when the status has caught up", async () => {
  const { archive, counts } = archiving([httpError(400), ARCHIVED], { status: "idle" });
  assertEquals(await archive(), DONE);
  assertEquals(counts.archive, 2);
  const stubborn = archiving([httpError(400, "Something else.")], { status: "idle" });
  await assertRejects(stubborn.archive, ApiError, "Something else.");
  assertEquals(stubborn.counts.archive, 2);
});

Deno.test("archive_session does not retry what waiting cannot help", async () => {
  const open = new ApiError("A run is open.", {
    kind: "http",
    status: 400,
    errorCode: "workflow_run_open",
  });
  for (const error of [open, httpError(404), httpError(403), httpError(429)]) {
    const { archive, counts } = archiving([error], { status: "running" }, idleHistory());
    assertEquals(await assertRejects(archive, ApiError), error);
    assertEquals(counts.archive, 1);
  }
});
