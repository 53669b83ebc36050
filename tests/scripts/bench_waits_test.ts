import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Figure } from "../bench/figure.ts";
import { readTurn, readUntil, replyIn } from "../bench/waits/api_stream.ts";
import { baselineFigures } from "../bench/waits/baseline_figures.ts";
import { programFigures } from "../bench/waits/call_figures.ts";
import { cpuFigures, memoryFigures } from "../bench/waits/crowd_figures.ts";
import type { CrowdMemory } from "../bench/waits/crowds.ts";
import { fitting } from "../bench/waits/files.ts";
import {
  holdWaits,
  isReply,
  messageIn,
  toolResult,
  wholeReply,
} from "../bench/waits/http_waits.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";

const TIME = "1795417000000.25";

function answer(structuredContent: Record<string, unknown>, isError?: boolean) {
  return { jsonrpc: "2.0", id: 1, result: { isError, content: [], structuredContent } };
}

function chunks(...texts: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(texts.map((text) => new TextEncoder().encode(text)));
}

Deno.test("wholeReply() takes the reply of a turn that ended well, and nothing else", () => {
  const whole = { session_id: "sesn_1", status: "idle", reply: TIME };
  assertEquals(wholeReply(answer(whole), "sesn_1"), TIME);
  const bad: readonly unknown[] = [
    answer({ ...whole, session_id: "sesn_2" }),
    answer({ ...whole, status: "timeout" }),
    answer({ ...whole, reply: "" }),
    answer({ ...whole, reply: TIME.slice(0, 9) }),
    answer(whole, true),
    { jsonrpc: "2.0", id: 1, error: { code: -32_000, message: "no" } },
  ];
  for (const message of bad) assertThrows(() => wholeReply(message, "sesn_1"));
});

Deno.test("toolResult() shows what a call that failed has answered", () => {
  assertThrows(() => toolResult(answer({}, true)), Error, '"isError":true');
});

Deno.test("messageIn() is the last message of an answer, past comments and progress", () => {
  const text = ': open\n\ndata: {"method":"progress"}\n\n: alive\n\ndata: {"id":1}\n\n';
  assertEquals([messageIn(text), messageIn('{"id":2}')], [{ id: 1 }, { id: 2 }]);
  assertThrows(() => messageIn(": open\n\n"), SyntaxError);
});

Deno.test("readUntil() waits for the end of the frame, across chunks, and reads no further", async () => {
  const body = chunks(": open\n\n", 'data: {"resu', 'lt":1}', "\n\n", "data: more\n\n");
  const { at, text } = await readUntil(body, '"result":');
  assertEquals(text, ': open\n\ndata: {"result":1}\n\n');
  assert(at <= performance.now());
});

Deno.test("readUntil() refuses a body that ends too soon", async () => {
  await assertRejects(() => readUntil(chunks('data: {"result":'), '"result":'), Error, "ended");
});

Deno.test("a turn is read from the stream with what was said in it", async () => {
  const said = JSON.stringify({ content: [{ type: "text", text: TIME }] });
  const { text } = await readTurn(chunks(
    `event: agent.message\ndata: ${said}\n\n`,
    "event: session.status_idle\ndata: {}\n\n",
  ));
  assertEquals(replyIn(text), TIME);
  assert(isReply(TIME) && !isReply("It is idle"));
});

Deno.test("holdWaits() fails when one of its waits did not return the reply", async () => {
  const upstream = await UpstreamProcess.start();
  // Answers at once, without having waited, and holds a stream so that the wait counts as open.
  const dropped: AbortController[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (call) => {
      const { params: { arguments: { session_id } } } = await call.json();
      const held = new AbortController();
      dropped.push(held);
      const { body } = await fetch(
        `${upstream.address.url}/v1/sessions/${session_id}/events/stream`,
        {
          headers: { "x-api-key": "k", "anthropic-beta": "managed-agents-2026-04-01" },
          signal: held.signal,
        },
      );
      body?.pipeTo(new WritableStream()).catch(() => {});
      const message = answer({ session_id, status: "timeout", reply: "" });
      return new Response(`data: ${JSON.stringify(message)}\n\n`);
    },
  );
  try {
    const url = `http://127.0.0.1:${server.addr.port}`;
    const held = await holdWaits(url, upstream, 2);
    await assertRejects(() => held.end(), Error, "returned");
  } finally {
    for (const each of dropped) each.abort();
    await server.shutdown();
    await upstream.close();
  }
});

Deno.test("fitting() tells apart the counts that a limit on open files allows", () => {
  const counts = [100, 1_000, 5_000];
  const both = (count: number) => 2 * count;
  const cases: readonly (readonly [number | undefined, number[], number[]])[] = [
    [undefined, counts, []],
    [11_000, counts, []],
    [10_999, [100, 1_000], [5_000]],
    [1_024, [], counts],
  ];
  for (const [allowed, fit, others] of cases) {
    const found = fitting("calls", counts, both, allowed);
    assertEquals([found.counts, found.others], [fit, others], `${allowed}`);
    assertEquals(found.skipped.length, others.length);
  }
  const { skipped } = fitting("calls", counts, both, 10_999);
  assertEquals(skipped, [
    "open_waits, calls at 5000: takes 11000 open files in one process, and 'ulimit -n' says 10999",
  ]);
});

/** A crowd of `count` that takes so many bytes each. */
function costs(count: number, bytes: number): [number, CrowdMemory] {
  const before = { rss: 50_000_000, heapUsed: 4_000_000 };
  const after = { rss: before.rss + count * bytes, heapUsed: before.heapUsed + count * bytes / 2 };
  return [count, { before, after }];
}

function medians(figures: readonly Figure[]): Record<string, number> {
  return Object.fromEntries(
    figures.map(({ id, median }) => [id.slice("open_waits.".length), median]),
  );
}

Deno.test("memoryFigures() gives what each takes beyond the empty process, and each further one", () => {
  const rounds = {
    waiter: [new Map([costs(100, 90_000), costs(200, 70_000)])],
    fetch: [new Map([costs(100, 80_000), costs(200, 60_000)])],
  };
  const figures = memoryFigures(rounds, [100, 200], 200);
  assertEquals(medians(figures), {
    "memory_100.waiter": 90,
    "memory_100.heap": 45,
    "memory_100.fetch": 80,
    "memory_200.waiter": 70,
    "memory_200.heap": 35,
    "memory_200.fetch": 60,
    "memory_further.waiter": 50,
    "memory_further.fetch": 40,
  });
  const aimed = figures.filter(({ target }) => target !== undefined).map(({ id }) => id);
  assertEquals(aimed, ["open_waits.memory_200.waiter"]);
  assertEquals(memoryFigures(rounds, [100], 200).length, 3);
  assertThrows(() => memoryFigures(rounds, [300], 300), RangeError, "300");
});

Deno.test("cpuFigures() gives microseconds of each heartbeat, against those of a bare stream", () => {
  const rounds = {
    waiter: [new Map([[100, 20_000]]), new Map([[100, 30_000]])],
    fetch: [new Map([[100, 40_000]]), new Map([[100, 20_000]])],
  };
  assertEquals(medians(cpuFigures(rounds, [100], 2)), {
    "cpu_100.waiter": 125,
    "cpu_100.fetch": 150,
    "cpu_100.ratio": 1,
  });
  assertThrows(() => cpuFigures(rounds, [200], 2), RangeError, "200");
});

Deno.test("programFigures() compares calls beside each crowd with calls alone, round by round", () => {
  const crowd = (count: number, callMs: number, bytesEach?: number) => ({
    count,
    callMs,
    bytesEach,
  });
  const rounds = [
    { callAloneMs: 2, crowds: [crowd(100, 3, 90_000), crowd(1_000, 4, 80_000)] },
    { callAloneMs: 4, crowds: [crowd(100, 4, 70_000), crowd(1_000, 4, 60_000)] },
  ];
  assertEquals(medians(programFigures(rounds, [100, 1_000], 1_000)), {
    "program.memory_100": 80,
    "program.memory": 70,
    "program.call_alone": 3,
    "program.call_beside_100": 3.5,
    "program.call_ratio_100": 1.25,
    "program.call_beside": 4,
    "program.call_ratio": 1.5,
  });
  const untold = [{ callAloneMs: 2, crowds: [crowd(100, 3)] }];
  assertEquals(Object.keys(medians(programFigures(untold, [100], 1_000))), [
    "program.call_alone",
    "program.call_beside_100",
    "program.call_ratio_100",
  ]);
});

Deno.test("baselineFigures() compares waits with the sum of their baselines, round by round", () => {
  const rounds = [
    { ours: 150_000, call: 100_000, stream: 80_000, both: 190_000 },
    { ours: 270_000, call: 140_000, stream: 60_000, both: 270_000 },
  ];
  const figures = baselineFigures("modern", 1_000, rounds);
  assertEquals(medians(figures), {
    "beside.modern.ours": 210,
    "beside.modern.call": 120,
    "beside.modern.stream": 70,
    "beside.modern.both": 230,
    "beside.modern.ratio": 1.092,
    "beside.modern.both_ratio": 0.8947,
  });
  const aimed = figures.filter(({ target }) => target !== undefined).map(({ id }) => id);
  assertEquals(aimed, ["open_waits.beside.modern.ratio"]);
});

Deno.test("holdWaits() says at once why a wait was not opened", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(null, { status: 503 }),
  );
  const turns = {
    begin: () => Promise.resolve(["sesn_1"]),
    state: () => Promise.resolve({ openStreams: 0 }),
    finish: () => Promise.resolve(),
  };
  const url = `http://127.0.0.1:${server.addr.port}`;
  await assertRejects(() => holdWaits(url, turns, 1), Error, "503");
  await server.shutdown();
});
