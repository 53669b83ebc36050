// What a wait does when its stream is refused, comes back after a pause, or was away while the
// session went on.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import { Rig } from "../../fault/rig.ts";

function isStream(request: Request): boolean {
  return new URL(request.url).pathname.endsWith("/stream");
}

function jsonRpcError(status: number, headers: HeadersInit = {}): Response {
  const error = { type: "some_error", message: "No." };
  return Response.json({ type: "error", error }, { status, headers });
}

/** Notes when streams are asked for, in milliseconds from now, and answers them by `answer`. */
function onStreams(rig: Rig, answer: (count: number) => Response | undefined): number[] {
  const from = rig.clock.now();
  const asked: number[] = [];
  rig.network.onRequest = (request) => {
    if (!isStream(request)) return undefined;
    asked.push(rig.clock.now() - from);
    return Promise.resolve(answer(asked.length));
  };
  return asked;
}

for (const status of [401, 403]) {
  Deno.test(`a wait reads the list when its stream is refused for good with ${status}`, async () => {
    const rig = new Rig();
    rig.user("go");
    rig.running();
    rig.simulator.setStatus(rig.sessionId, "running");
    onStreams(rig, () => jsonRpcError(status));
    rig.at(60_000, () => {
      rig.text("at last");
      rig.idle();
    });
    const { result, elapsedMs } = await rig.wait(120_000);
    assertEquals([result.status, result.reply, result.errors], ["idle", "at last", []]);
    assert(elapsedMs < 75_000, `${elapsedMs} ms`);
    rig.close();
  });

  Deno.test(`a key that is refused with ${status} everywhere ends the wait with that error at once`, async () => {
    const rig = new Rig();
    rig.user("go");
    rig.network.onRequest = () => Promise.resolve(jsonRpcError(status));
    const startedAt = rig.clock.now();
    const error = await assertRejects(() => rig.wait(120_000), ApiError);
    assertEquals(error.status, status);
    assert(rig.clock.now() - startedAt < 15_000, `${rig.clock.now() - startedAt} ms`);
    rig.close();
  });
}

Deno.test("a wait returns an idle session although its stream is refused for good", async () => {
  const rig = new Rig();
  rig.pastTurn("all done");
  onStreams(rig, () => jsonRpcError(403));
  const { result } = await rig.wait(60_000);
  assertEquals([result.status, result.reply], ["idle", "all done"]);
  rig.close();
});

for (const retryAfterSec of [5, 20, 45]) {
  Deno.test(`a wait does not reconnect before the retry-after of ${retryAfterSec} s that a 503 names`, async () => {
    const rig = new Rig();
    rig.user("go");
    rig.running();
    rig.simulator.setStatus(rig.sessionId, "running");
    const asked = onStreams(
      rig,
      (count) => count > 1 ? undefined : jsonRpcError(503, { "retry-after": `${retryAfterSec}` }),
    );
    rig.at(90_000, () => {
      rig.text("at last");
      rig.idle();
    });
    const { result } = await rig.wait(120_000);
    assertEquals([result.status, result.reply], ["idle", "at last"]);
    const again = asked[1] ?? Infinity;
    assert(again >= retryAfterSec * 1_000, `again after ${again} ms`);
    assert(again <= retryAfterSec * 1_000 + 10_000, `again only after ${again} ms`);
    rig.close();
  });
}

// Turns in the newest page spare the wait reading back; without one it knows all events.
for (const [what, turns] of [["whole", 1], ["newest part of the", 2]] as const) {
  Deno.test(`wait() waits for a message queued at the far end during a drop, with the ${what} history known`, async () => {
    // Null sorts first here: what is queued stands before everything that ever happened.
    const rig = new Rig({ nullProcessedAt: "first" });
    for (let i = 0; i < 1_500; i++) rig.emit("session.updated");
    for (let i = 0; i < turns; i++) rig.pastTurn();
    const first = rig.user("first", { queued: true });
    rig.at(5_000, () => {
      // The wait knows of the first by now, from the far end; the stream goes away.
      for (const tap of [...rig.network.taps]) tap.break();
      rig.stamp(first);
      rig.running();
      rig.text("first reply");
      const second = rig.user("second", { queued: true });
      rig.at(10_000, () => rig.idle());
      rig.at(40_000, () => {
        rig.stamp(second);
        rig.running();
        rig.text("second reply");
        rig.idle();
      });
    });
    const { result, elapsedMs } = await rig.wait(120_000);
    assertEquals(result.status, "idle");
    assert(elapsedMs > 40_000, `over after ${elapsedMs} ms, with a message still queued`);
    assert(result.reply.includes("second reply"), result.reply);
    rig.close();
  });
}
