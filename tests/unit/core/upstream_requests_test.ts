import { assertEquals } from "@std/assert";
import {
  countRequestsIn,
  currentUpstreamRequests,
  UpstreamRequests,
} from "../../../src/core/upstream_requests.ts";

/** An attempt as [path, start, end, number of the attempt]; without an end it stays under way. */
type Attempt = readonly [path: string, from: number, to?: number, attempt?: number];

const BUSY: readonly [name: string, attempts: readonly Attempt[], busyMs: number][] = [
  ["nothing", [], 0],
  ["one request", [["/a", 10, 30]], 20],
  ["requests one after the other, without the time between", [["/a", 0, 10], ["/b", 50, 60]], 20],
  ["requests side by side, once", [["/a", 0, 30], ["/b", 10, 20]], 30],
  ["requests that overlap", [["/a", 0, 20], ["/b", 10, 40]], 40],
  ["requests that began in another order", [["/b", 50, 60], ["/a", 0, 10]], 20],
  ["a repetition, with its pause", [["/a", 0, 10], ["/a", 60, 70, 1]], 70],
  ["a repetition, beside another path", [["/a", 0, 10], ["/b", 0, 5], ["/a", 20, 30, 1]], 30],
  ["a request that is still under way, until the end", [["/a", 80]], 20],
];
for (const [name, attempts, busyMs] of BUSY) {
  Deno.test(`a call's time upstream counts ${name}`, () => {
    const requests = new UpstreamRequests();
    for (const [path, from, to, attempt = 0] of attempts) {
      const end = requests.begin(path, from, attempt);
      if (to !== undefined) end(to);
    }
    const use = requests.end(100);
    assertEquals([use.requests, use.ms], [attempts.length, busyMs]);
  });
}

Deno.test("a call keeps the API's ids of the first failures only", () => {
  const requests = new UpstreamRequests();
  requests.begin("/ok", 0, 0)(1);
  for (let i = 0; i < 8; i++) requests.begin("/failed", 0, 0)(1, `req_${i}`);
  const use = requests.end(2);
  assertEquals(use.failedRequestIds, ["req_0", "req_1", "req_2", "req_3", "req_4"]);
  assertEquals(use.requests, 9);
});

Deno.test("a request after a call's end is not counted", () => {
  const requests = new UpstreamRequests();
  const late = requests.begin("/stream", 0, 0);
  const use = requests.end(10);
  late(500, "req_late");
  requests.begin("/reconnect", 600, 0)(700, "req_later");
  assertEquals(use, { requests: 1, ms: 10, failedRequestIds: [] });
});

Deno.test("the counter follows its call through awaits and timers, and calls do not mix", async () => {
  const counters = [new UpstreamRequests(), new UpstreamRequests()];
  const seen = await Promise.all(counters.map((requests) =>
    countRequestsIn(requests, async () => {
      const later = new Promise<boolean>((resolve) =>
        setTimeout(() => resolve(currentUpstreamRequests() === requests), 0)
      );
      await Promise.resolve();
      return [currentUpstreamRequests() === requests, await later];
    })
  ));
  assertEquals(seen, [[true, true], [true, true]]);
  assertEquals(currentUpstreamRequests(), undefined);
});
