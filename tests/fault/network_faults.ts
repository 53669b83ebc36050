import { answer, hung, NETWORK_ERRORS, type Rig, type StreamTap } from "./rig.ts";

/** When a fault strikes, relative to the turn in {@linkcode playTurn}. */
export const MOMENTS = [
  "before the stream opens",
  "between stream and history",
  "before the first event",
  "mid-turn",
  "at the end",
] as const;
export type Moment = (typeof MOMENTS)[number];

/** Something that goes wrong on the way, and how it is made good again. */
export interface NetworkFault {
  readonly name: string;
  /** Strikes; returns how it ends, for faults that last. */
  strike(rig: Rig): (() => void) | void;
  /** Milliseconds that it lasts. */
  readonly lastsMs?: number;
}

/** Strikes the open streams, or where there is none yet the first that opens. */
function eachStream(rig: Rig, act: (tap: StreamTap) => void): void {
  if (rig.network.taps.size === 0) {
    rig.network.onStream = (tap) => {
      rig.network.onStream = () => {};
      rig.at(0, () => act(tap));
    };
  }
  for (const tap of [...rig.network.taps]) act(tap);
}

/** Breaks the open streams and answers every request in its own way until it ends. */
function outage(respond: (request: Request) => Response | Promise<never>, breaks = true) {
  return (rig: Rig) => {
    if (breaks) eachStream(rig, (tap) => tap.break());
    rig.network.onRequest = (request) => Promise.resolve().then(() => respond(request));
    return () => {
      rig.network.onRequest = () => undefined;
    };
  };
}

function failing(error: () => Error) {
  return outage(() => {
    throw error();
  });
}

/** Every event breaks the stream that carried it, ten times. */
function flap(rig: Rig): void {
  let left = 10;
  const arm = (tap: StreamTap) => {
    tap.filter = (chunk) => {
      if (left > 0) {
        left--;
        rig.at(0, () => tap.break());
      }
      return chunk;
    };
  };
  eachStream(rig, arm);
  rig.network.onStream = arm;
}

export const NETWORK_FAULTS: readonly NetworkFault[] = [
  { name: "connection refused", strike: failing(NETWORK_ERRORS.refused), lastsMs: 1_500 },
  { name: "DNS failure, then recovery", strike: failing(NETWORK_ERRORS.dns), lastsMs: 1_500 },
  { name: "reset before headers", strike: failing(NETWORK_ERRORS.reset), lastsMs: 1_500 },
  {
    name: "reset in mid-frame",
    strike: (rig) =>
      eachStream(rig, (tap) => {
        tap.inject('event: agent.message\ndata: {"type":"agent.mess');
        tap.break();
      }),
  },
  { name: "clean early end", strike: (rig) => eachStream(rig, (tap) => tap.end()) },
  { name: "flapping: a drop after every event, ten times", strike: flap },
  {
    name: "half-open: the socket stays, bytes stop",
    strike: (rig) =>
      eachStream(rig, (tap) => {
        tap.filter = () => undefined;
      }),
  },
  {
    name: "silence longer than the heartbeat, then all at once",
    strike: (rig) => {
      const held: (() => void)[] = [];
      eachStream(rig, (tap) => {
        tap.filter = (chunk) => {
          held.push(() => tap.inject(new TextDecoder().decode(chunk)));
          return undefined;
        };
        held.push(() => {
          tap.filter = (chunk) => chunk;
        });
      });
      return () => held.forEach((release) => release());
    },
    lastsMs: 20_000,
  },
  {
    name: "429 with retry-after",
    strike: outage(() => answer(429, { "retry-after": "2" })),
    lastsMs: 1_500,
  },
  { name: "429 without retry-after", strike: outage(() => answer(429)), lastsMs: 1_500 },
  { name: "500", strike: outage(() => answer(500)), lastsMs: 1_500 },
  {
    name: "502 from a proxy",
    strike: outage(() => new Response("<html>", { status: 502 })),
    lastsMs: 1_500,
  },
  { name: "529 overloaded", strike: outage(() => answer(529)), lastsMs: 1_500 },
  { name: "a hung response", strike: outage((request) => hung(request)), lastsMs: 1_500 },
  {
    name: "slow first byte",
    strike: (rig) => {
      eachStream(rig, (tap) => tap.break());
      rig.network.onRequest = (request) =>
        rig.clock.sleep(4_000, request.signal).then(() => undefined);
      return () => {
        rig.network.onRequest = () => undefined;
      };
    },
    lastsMs: 1_500,
  },
  {
    name: "malformed JSON in a frame",
    strike: (rig) => eachStream(rig, (tap) => tap.inject('event: x\ndata: {"type":"agent.me\n\n')),
  },
  {
    name: "an oversized frame",
    strike: (rig) =>
      eachStream(rig, (tap) => {
        tap.inject("event: agent.message\ndata: ");
        for (let i = 0; i < 20; i++) tap.inject("x".repeat(512 * 1024));
        tap.inject("\n\n");
      }),
  },
  {
    name: "unknown event types",
    strike: (rig) => {
      rig.emit("agent.daydream", { depth: 3 });
      rig.emit("session.status_pondering");
    },
  },
  {
    name: "frames without an id",
    strike: (rig) =>
      eachStream(rig, (tap) => tap.inject('event: agent.note\ndata: {"type":"agent.note"}\n\n')),
  },
  {
    name: "an error frame",
    strike: (rig) =>
      eachStream(
        rig,
        (tap) =>
          tap.inject(
            'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n',
          ),
      ),
  },
  {
    name: "history replayed by the stream",
    strike: (rig) => {
      rig.simulator.faults.clear();
      Object.assign(rig.simulator.habits, { streamReplaysHistory: true });
      eachStream(rig, (tap) => tap.end());
    },
  },
];

/** What the turn says: every word must arrive once. */
export const SAID = ["one", "two", "three", "four"] as const;

/** A turn of five seconds that begins with a message the agent takes up after 100 ms. */
export function playTurn(rig: Rig): void {
  const sent = rig.user("question", { queued: true });
  rig.at(100, () => rig.stamp(sent));
  rig.at(110, () => rig.running());
  rig.at(1_000, () => rig.text("one"));
  let tool = "";
  rig.at(1_500, () => tool = rig.emit("agent.tool_use", { name: "bash", input: {} }));
  rig.at(2_000, () => rig.emit("agent.tool_result", { tool_use_id: tool, is_error: false }));
  rig.at(2_200, () => rig.text("two"));
  rig.at(3_500, () => rig.text("three"));
  rig.at(4_990, () => rig.text("four"));
  rig.at(5_000, () => rig.idle());
}

/** Arms a fault for its moment. */
export function arm(rig: Rig, fault: NetworkFault, moment: Moment): void {
  const strike = () => {
    const end = fault.strike(rig);
    if (end) rig.at(fault.lastsMs ?? 0, end);
  };
  switch (moment) {
    case "before the stream opens":
      return strike();
    case "between stream and history":
      rig.network.onStream = (tap) => {
        rig.network.onStream = () => {};
        rig.network.taps.add(tap);
        strike();
      };
      return;
    case "before the first event":
      return rig.at(50, strike);
    case "mid-turn":
      return rig.at(2_100, strike);
    case "at the end":
      return rig.at(4_995, strike);
  }
}
