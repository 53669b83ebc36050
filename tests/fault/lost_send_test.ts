// Sends whose response is lost on a real connection, to servers whose clocks run otherwise.
import { assertEquals } from "@std/assert";
import { createApi } from "../../src/api/client.ts";
import { createConnections } from "../../src/api/connections.ts";
import { httpClientOpener } from "../../src/runtime/deno.ts";
import { ToolError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import type { SendResult } from "../../src/session/event_sender.ts";
import { createServices } from "../../src/tools/services.ts";
import { type FastClock, fastClock } from "../helpers/fast_clock.ts";
import { type Fault, FaultyServer } from "../helpers/faulty_server.ts";

const SPEED = 10;
const TEXT = "yes";
const MESSAGE = { type: "user.message", content: [{ type: "text", text: TEXT }] } as const;
const INTERRUPT = { type: "user.interrupt" } as const;
type Sent = typeof MESSAGE | typeof INTERRUPT;

interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly processed_at: string | null;
  readonly [field: string]: unknown;
}

/** One session of a server whose events are stamped by a clock of their own. */
class SkewedServer {
  readonly events: StoredEvent[] = [];
  readonly clock: FastClock = fastClock(SPEED);
  readonly skewMs: number;
  /** True to show none of what messages say. */
  withholds = false;
  /** True to take what is sent, and to say that it takes nothing. */
  refuses = false;
  /** What the next event that is sent is stamped with, before the skew, instead of the time. */
  #stampsAt: number | undefined;
  #count = 0;
  #datesAreSkewed: boolean;

  constructor(skewMs: number, datesAreSkewed: boolean) {
    this.skewMs = skewMs;
    this.#datesAreSkewed = datesAreSkewed;
  }

  /**
   * Stamps the next event that is sent a little before now: no later one is taken up as fast, however
   * slow this machine is. Not on a whole second, which may be a cut one and so bounds a clock less.
   */
  stampEarly(): void {
    const at = Math.floor(this.clock.wallTime()) - 200;
    this.#stampsAt = (at + this.skewMs) % 1_000 === 0 ? at - 1 : at;
  }

  /** Adds an event that was taken up `ageMs` ago. */
  add(event: { readonly type: string }, ageMs: number): StoredEvent {
    return this.#store(event, this.clock.wallTime() - ageMs);
  }

  #store(event: { readonly type: string }, at: number): StoredEvent {
    const stored = {
      ...event,
      id: `sevt_${++this.#count}`,
      processed_at: new Date(at + this.skewMs).toISOString(),
    };
    this.events.push(stored);
    return stored;
  }

  async handle(request: Request): Promise<Response> {
    const dateMs = this.clock.wallTime() + (this.#datesAreSkewed ? this.skewMs : 0);
    const headers = { date: new Date(dateMs).toUTCString() };
    const { searchParams } = new URL(request.url);
    if (request.method === "POST") {
      const { events } = await request.json();
      const at = this.#stampsAt ?? this.clock.wallTime();
      this.#stampsAt = undefined;
      const data = events.map((event: Sent) => this.#store(event, at));
      if (this.refuses) {
        const error = { type: "overloaded_error", message: "Nothing is taken." };
        return Response.json({ type: "error", error }, { status: 529, headers });
      }
      return Response.json({ data }, { headers });
    }
    const types = searchParams.getAll("types[]");
    const data = this.events.filter(({ type }) => types.length === 0 || types.includes(type));
    if (searchParams.get("order") === "desc") data.reverse();
    if (this.withholds) {
      const content = [{ type: "redacted" }];
      return Response.json(
        { data: data.map((event) => ({ ...event, content })), next_page: null },
        { headers },
      );
    }
    return Response.json({ data, next_page: null }, { headers });
  }
}

async function withServer(
  skewMs: number,
  datesAreSkewed: boolean,
  test: (parts: {
    server: SkewedServer;
    send: (event: Sent) => Promise<SendResult>;
    loseNext: (fault: Fault) => void;
  }) => Promise<void>,
): Promise<void> {
  const server = new SkewedServer(skewMs, datesAreSkewed);
  const { clock } = server;
  const faulty = await FaultyServer.start((request) => server.handle(request));
  const connections = createConnections(httpClientOpener([]), clock);
  const api = createApi({
    baseUrl: faulty.url,
    credential: () => ({ kind: "api_key", value: "test-key" }),
    connections,
    clock,
  });
  const log = silentLogger;
  const { eventSender } = createServices({
    api,
    waiter: createWaiter({ api, clock, log }),
    clock,
    log,
  });
  const { signal } = new AbortController();
  try {
    await test({
      server,
      send: (event) => eventSender.send("sesn_1", event, signal),
      loseNext: (fault) => faulty.strikeNext(({ method }) => method === "POST", fault),
    });
  } finally {
    connections.close();
    await faulty.close();
  }
}

const outcome = (sending: Promise<SendResult>) =>
  sending.then(
    ({ event_id, confirmed_by_log = false }) => `${event_id} ${confirmed_by_log}`,
    (error) => error instanceof ToolError ? error.code : String(error),
  );

const SKEWS = [-300_000, -60_000, -5_000, 0, 5_000, 60_000, 300_000];
const LOST: readonly Fault[] = [
  { moment: "before it is read", blow: "closed" },
  { moment: "before it is read", blow: "reset" },
];

for (const skewMs of SKEWS) {
  for (const datesAreSkewed of skewMs === 0 ? [false] : [false, true]) {
    const name = `clock ${skewMs / 1_000} s ahead, dates ${datesAreSkewed ? "too" : "not"}`;

    Deno.test(`${name}: a message that was not taken is never reported as delivered`, async () => {
      const ages = [0, 30, 2_000, 20_000, Math.abs(skewMs), Math.abs(skewMs) - 1_500, 300_000];
      await Promise.all(
        ages.flatMap((ageMs) =>
          LOST.map((fault) =>
            withServer(skewMs, datesAreSkewed, async ({ server, send, loseNext }) => {
              for (const event of [MESSAGE, INTERRUPT]) {
                server.add(event, ageMs);
                loseNext(fault);
                assertEquals(await outcome(send(event)), "delivery_unknown", `${ageMs} ms`);
              }
            })
          )
        ),
      );
    });

    Deno.test(`${name}: a message that was not taken is never reported as delivered, even when the server's clock is known`, async () => {
      await Promise.all(
        [30, 2_000, Math.abs(skewMs), 300_000].map((ageMs) =>
          withServer(skewMs, datesAreSkewed, async ({ server, send, loseNext }) => {
            for (const event of [MESSAGE, INTERRUPT]) {
              // The same that this process has sent and seen itself.
              const own = await send(event);
              assertEquals(own.confirmed_by_log, undefined);
              server.add(event, ageMs);
              loseNext({ moment: "before it is read", blow: "closed" });
              assertEquals(await outcome(send(event)), "delivery_unknown", `${ageMs} ms`);
            }
          })
        ),
      );
    });

    Deno.test(`${name}: a message that was taken is recognised by its stamp`, async () => {
      for (const event of [MESSAGE, INTERRUPT]) {
        await withServer(skewMs, datesAreSkewed, async ({ server, send, loseNext }) => {
          server.stampEarly();
          await send(event);
          loseNext({ moment: "after it is read", blow: "closed" });
          assertEquals(await outcome(send(event)), "sevt_2 true");
        });
      }
    });
  }
}

for (const way of ["loses the response", "says that it takes nothing"] as const) {
  Deno.test(`a message that a server withholds, and ${way}, is neither delivered nor not sent`, async () => {
    await withServer(0, false, async ({ server, send, loseNext }) => {
      server.stampEarly();
      await send(MESSAGE);
      server.withholds = true;
      if (way === "loses the response") loseNext({ moment: "after it is read", blow: "closed" });
      else server.refuses = true;
      assertEquals(await outcome(send(MESSAGE)), "delivery_unknown");
      assertEquals(server.events.length, 2);
    });
  });
}
