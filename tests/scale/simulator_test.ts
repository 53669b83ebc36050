import { assertEquals } from "@std/assert";
import { settle } from "../helpers/manual_clock.ts";
import { type Bench, bench, dataOf, dig, HEADERS, message } from "../unit/simulator/helpers.ts";
import { workedMs } from "../helpers/work_time.ts";

const EVENTS = 100_000;

function longSession({ simulator }: Bench): string {
  const id = simulator.createSession({ scripted: false });
  for (let i = 0; i < EVENTS; i++) {
    simulator.emit(id, { type: i % 3 === 0 ? "session.status_running" : "agent.thinking" });
  }
  return id;
}

/** Milliseconds of work that `work` takes. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = workedMs();
  await work();
  return workedMs() - start;
}

Deno.test("a page at the end of 100,000 events costs no more than one of a short list", async () => {
  const tools = bench();
  const { simulator, events } = tools;
  const long = longSession(tools);
  const short = simulator.createSession({ scripted: false });
  for (let i = 0; i < 200; i++) simulator.emit(short, { type: "agent.thinking" });
  const read = (id: string) => async () => {
    for (let i = 0; i < 200; i++) await events(id, "?order=desc&limit=100");
  };
  await read(short)();
  const shortMs = await timed(read(short));
  const longMs = await timed(read(long));
  // A copy of the history per page would make this a hundred times slower.
  assertEquals(longMs < shortMs * 5 + 100, true, `${longMs} ms against ${shortMs} ms`);
});

Deno.test("a cursor walks 100,000 events, each once and in order", async () => {
  const tools = bench();
  const { call } = tools;
  const id = longSession(tools);
  let seen = 0;
  let last = "";
  for (let page: unknown = ""; page !== null;) {
    const reply = await call("GET", `/v1/sessions/${id}/events?limit=1000&page=${page}`);
    for (const event of dataOf(reply)) {
      assertEquals(String(event.id) > last, true);
      last = String(event.id);
      seen++;
    }
    page = dig(reply.body, "next_page");
  }
  assertEquals(seen, EVENTS);
});

Deno.test("a thousand sessions with open streams play their turns at once", async () => {
  const { clock, simulator, send } = bench();
  const ids = Array.from({ length: 1_000 }, () => simulator.createSession({ agent: "script" }));
  const texts = await Promise.all(ids.map(async (id) => {
    const url = `http://simulator/v1/sessions/${id}/events/stream`;
    const response = await simulator.fetch(new Request(url, { headers: HEADERS }));
    return { id, text: response.text() };
  }));
  assertEquals(simulator.openStreams(), 1_000);
  assertEquals(clock.pendingTimers, 1);
  await Promise.all(ids.map((id) => send(id, message(`say for ${id}`))));
  await clock.advance(100);
  simulator.close();
  await settle();
  for (const { id, text } of texts) {
    const body = await text;
    assertEquals(body.includes(`for ${id}`), true);
    assertEquals(body.split("event: session.status_idle").length, 2);
  }
  assertEquals(clock.pendingTimers, 0);
  assertEquals(simulator.openStreams(), 0);
});

Deno.test("requests keeps the newest ten thousand", async () => {
  const { simulator } = bench();
  for (let i = 0; i < 10_003; i++) {
    await simulator.fetch(new Request(`http://simulator/v1/none?n=${i}`, { headers: HEADERS }));
  }
  assertEquals(simulator.requests.length, 10_000);
  assertEquals(simulator.requests[0]?.query, "n=3");
  assertEquals(simulator.requests.at(-1)?.query, "n=10002");
});
