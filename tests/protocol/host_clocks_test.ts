import { assert, assertEquals } from "@std/assert";
import { DEFAULT_REQUEST_TIMEOUT_MSEC as MODERN_TIMEOUT_MS } from "@modelcontextprotocol/client";
import { DEFAULT_REQUEST_TIMEOUT_MSEC as OLD_TIMEOUT_MS } from "@modelcontextprotocol/sdk/shared/protocol.js";
import { openApp, type ProgressSeen, WAYS } from "./support.ts";

/** Hosts whose clock a progress notification resets wait at least this long for one. */
const LONGEST_SILENCE_SEC = 10;
/** Minutes pass in such steps. */
const STEP_MS = 1_000;

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`${way}: a wait without progress answers before the client's default timeout`, async () => {
    const app = openApp();
    const { client, close } = await connect(app);
    const session_id = app.simulator.createSession({ scripted: false, status: "running" });
    app.simulator.emit(session_id, { type: "session.status_running" });
    const result = await app.until(client.call("wait_for_idle", { session_id }), STEP_MS);
    assertEquals(result.structured?.status, "timeout");
    const tookMs = Number(result.structured?.elapsed_sec) * 1_000;
    assert(tookMs <= Math.min(MODERN_TIMEOUT_MS, OLD_TIMEOUT_MS) - 10_000, `${tookMs} ms`);
    await close();
    app.close();
  });

  Deno.test(`${way}: a wait with progress is never silent for long, and says nothing after its result`, async () => {
    const app = openApp();
    const { client, close } = await connect(app);
    const session_id = app.simulator.createSession({ scripted: false, status: "running" });
    app.simulator.emit(session_id, { type: "session.status_running" });
    app.clock.after(33_000, () => {
      const content = [{ type: "text", text: "halfway" }];
      app.simulator.emit(session_id, { type: "agent.message", content });
      app.simulator.emit(session_id, { type: "agent.tool_use", name: "bash", input: {} });
    });
    const seen: ProgressSeen[] = [];
    const onProgress = (update: ProgressSeen) => seen.push(update);
    const result = await app.until(
      client.call("wait_for_idle", { session_id }, { onProgress }),
      STEP_MS,
    );
    assertEquals(result.structured?.status, "timeout");
    // Clients that ask for progress may give up after 60 s all the same; the clock is exact.
    assertEquals(result.structured?.elapsed_sec, 50);
    // The server's own seconds: sockets deliver late on a clock that the test drives.
    const times = [0, ...seen.map(({ progress }) => progress), 50];
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    assert(Math.max(...gaps) <= LONGEST_SILENCE_SEC + 0.1, gaps.join());
    assert(
      seen.every((update, index) =>
        index === 0 || update.progress > (seen[index - 1]?.progress ?? 0)
      ),
    );
    assert(seen.every(({ progress }) => Number.isInteger(progress)), JSON.stringify(seen));
    assert(Math.max(...seen.map(({ progress }) => progress)) < 50);
    assert(seen.some(({ message }) => message?.includes("using bash")));
    const told = seen.length;
    await app.clock.advance(60_000);
    assertEquals(seen.length, told);
    await close();
    app.close();
  });

  Deno.test(`${way}: a wait sends no progress on an idle session, nor just before its end`, async () => {
    const app = openApp();
    const { client, close } = await connect(app);
    const session_id = app.simulator.createSession({ scripted: false, status: "idle" });
    const seen: ProgressSeen[] = [];
    const onProgress = (update: ProgressSeen) => seen.push(update);
    await app.until(client.call("wait_for_idle", { session_id }, { onProgress }));
    assertEquals(seen, []);
    app.simulator.emit(session_id, { type: "session.status_running" });
    app.clock.after(8_000, () => {
      const content = [{ type: "text", text: "the-last-words" }];
      app.simulator.emit(session_id, { type: "agent.message", content });
      const stop_reason = { type: "end_turn" };
      app.simulator.emit(session_id, { type: "session.status_idle", stop_reason });
    });
    const result = await app.until(
      client.call("wait_for_idle", { session_id }, { onProgress }),
      100,
    );
    assertEquals(result.structured?.reply, "the-last-words");
    await app.clock.advance(5_000);
    assert(seen.length > 0);
    assert(!JSON.stringify(seen).includes("the-last-words"), JSON.stringify(seen));
    await close();
    app.close();
  });

  Deno.test(`${way}: a known host's wait is longer where the client says who it is`, async () => {
    const app = openApp();
    const { client, close } = await connect(app, { name: "claude-code", version: "2.1.400" });
    const session_id = app.simulator.createSession({ scripted: false, status: "running" });
    app.simulator.emit(session_id, { type: "session.status_running" });
    const result = await app.until(
      client.call("wait_for_idle", { session_id }, { onProgress: () => {} }),
      STEP_MS,
    );
    // Stateless HTTP of the 2025 era says it in another request.
    const isKnown = way.startsWith("stdio") || way.includes("2026");
    assertEquals(result.structured?.elapsed_sec, isKnown ? 100 : 50);
    await close();
    app.close();
  });
}
