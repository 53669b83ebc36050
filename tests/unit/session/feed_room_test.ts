// What a feed does after its stream dropped, while there is no room for a read of the list.
import { assertEquals } from "@std/assert";
import { createApi } from "../../../src/api/client.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { createTokenBucket, type TokenBucket } from "../../../src/core/token_bucket.ts";
import { SessionFeed } from "../../../src/session/feed.ts";
import { UnseenSends } from "../../../src/session/unseen_sends.ts";
import { Rig } from "../../fault/rig.ts";

/** A feed that has a stream and the list, and whose bucket then has room for one request. */
async function setUp() {
  const rig = new Rig();
  const { clock, network } = rig;
  rig.user("go");
  rig.running();
  let lists = 0;
  const api = createApi({
    baseUrl: "http://simulator.test",
    credential: () => ({ kind: "api_key", value: "test-key" }),
    fetch: (request) => {
      if (new URL(request.url).pathname.endsWith("/events")) lists++;
      return network.fetch(request);
    },
    clock,
  });
  // Room for a stream, and for the next request half a minute later.
  const bucket = createTokenBucket({ clock, perMinute: 1, burst: 3, maxDebt: 3 });
  const counts = { spent: 0, rests: 0 };
  const counting: TokenBucket = {
    ...bucket,
    spend: (tokens) => {
      counts.spent += tokens;
      bucket.spend(tokens);
    },
    restFromSprint: () => {
      counts.rests++;
      bucket.restFromSprint();
    },
  };
  const feed = new SessionFeed(rig.sessionId, {
    api,
    clock,
    log: silentLogger,
    random: () => 0.5,
    bucket: counting,
    unseenSends: new UnseenSends(clock),
    counters: { openStreams: 0, reconnects: 0 },
  });
  feed.start();
  await clock.advance(2_000);
  assertEquals([lists, feed.readsDone], [1, 1]);
  const drop = () => {
    for (const tap of [...network.taps]) tap.end();
  };
  const close = async () => {
    feed.stop();
    await clock.advance(0);
    assertEquals([network.taps.size, clock.pendingTimers], [0, 0]);
    rig.close();
  };
  return { rig, clock, feed, network, bucket, counts, drop, close, lists: () => lists };
}

const isKnown = (feed: SessionFeed, id: string) => feed.history.has(id);

Deno.test("a feed keeps its turn for the list when its streams go on breaking", async () => {
  const { rig, clock, feed, network, drop, close, lists } = await setUp();
  drop();
  const missed = rig.text("missed");
  await clock.advance(5_000);
  assertEquals([network.taps.size, lists(), isKnown(feed, missed)], [1, 1, false]);
  for (let i = 0; i < 20; i++) {
    drop();
    await clock.advance(10_000);
  }
  // Streams that break do not keep it from the list for ever.
  assertEquals([lists(), isKnown(feed, missed)], [2, true]);
  await close();
});

Deno.test("a feed reads the list at once when the open stream brings the turn's end", async () => {
  const { rig, clock, feed, drop, close, lists } = await setUp();
  drop();
  const missed = rig.text("missed");
  await clock.advance(5_000);
  const [said, ended] = [rig.text("said"), rig.idle()];
  await clock.advance(0);
  assertEquals(lists(), 2);
  const ids = feed.history.entries.map(({ id }) => id);
  assertEquals(ids.slice(-3), [missed, said, ended]);
  await close();
});

Deno.test("a feed that is stopped while its list waits leaves nothing behind", async () => {
  const { bucket, clock, drop, close, lists } = await setUp();
  drop();
  await clock.advance(5_000);
  await close();
  let granted = false;
  bucket.take(1, new AbortController().signal).then(() => granted = true);
  await clock.advance(60_000);
  // Its place in the queue is free.
  assertEquals([granted, lists()], [true, 1]);
});

Deno.test("a feed that is stopped between streams while its list waits leaves nothing behind", async () => {
  const { clock, drop, close, lists } = await setUp();
  drop();
  await clock.advance(5_000);
  drop();
  await clock.advance(1_000);
  await close();
  // A rejection that nobody handles ends the test.
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(lists(), 1);
});

Deno.test("a feed counts what it read in a hurry, and then waits for room again", async () => {
  const { rig, clock, feed, network, counts, drop, close, lists } = await setUp();
  drop();
  await clock.advance(5_000);
  const before = counts.spent;
  rig.idle();
  await clock.advance(0);
  assertEquals([lists(), counts.spent - before], [2, 1]);
  drop();
  const missed = rig.text("missed");
  await clock.advance(1_000);
  for (let i = 0; i < 300 && network.taps.size === 0; i++) await clock.advance(1_000);
  assertEquals([network.taps.size, lists(), isKnown(feed, missed)], [1, 2, false]);
  await clock.advance(150_000);
  assertEquals([lists(), isKnown(feed, missed)], [3, true]);
  await close();
});

Deno.test("a feed makes no haste where lists fail", async () => {
  const { rig, clock, network, counts, drop, close } = await setUp();
  drop();
  await clock.advance(5_000);
  network.onRequest = ({ url }) =>
    Promise.resolve(url.includes("/stream") ? undefined : new Response("no", { status: 500 }));
  const before = counts.rests;
  rig.idle();
  await clock.advance(0);
  assertEquals(counts.rests - before, 1);
  await close();
});
