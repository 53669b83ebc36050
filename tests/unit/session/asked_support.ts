import type { SessionEvent } from "../../../src/api/events.ts";
import type { ClientEvent } from "../../../src/api/types.ts";
import type { LogFields } from "../../../src/core/logger.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import type { DecisionRecord } from "../../../src/session/answer_sender.ts";
import { readAskedCalls } from "../../../src/session/asked_calls.ts";
import type { AskedCall } from "../../../src/session/person.ts";
import type { Services } from "../../../src/tools/services.ts";
import { type EventMaker, eventMaker } from "../../helpers/events.ts";
import type { ManualClock } from "../../helpers/manual_clock.ts";
import { FakeEvents, harness } from "../tools/support.ts";

/** A secret that the session's services know. */
export const SECRET = "a-secret-that-is-known-here";

/** A session that waits for calls; {@linkcode blockedOn} makes it. */
export interface Blocked {
  readonly e: EventMaker;
  readonly list: FakeEvents;
  readonly ids: readonly string[];
  /** Events that were sent, whatever became of them. */
  readonly sent: ClientEvent[];
  readonly audit: LogFields[];
  readonly records: DecisionRecord[];
  readonly services: Services;
  readonly clock: ManualClock;
  /** What the API does with an event; by default it lists and echoes it. */
  send: (event: ClientEvent) => SessionEvent | Promise<SessionEvent>;
  /** Adds an event to the list; returns it. */
  take(event: ClientEvent): SessionEvent;
  /** Reads the calls that wait. */
  waiting(): Promise<readonly AskedCall[]>;
}

/** A call that a person has to confirm. */
export function askingCall(
  e: EventMaker,
  input: unknown,
  fields: Record<string, unknown> = {},
): SessionEvent {
  return e.tool("bash", { evaluated_permission: "ask", input, ...fields });
}

/** A session whose turn waits for the calls that `make` makes. */
export function blockedOn(make: (e: EventMaker) => readonly SessionEvent[]): Blocked {
  const e = eventMaker();
  const calls = make(e);
  const ids = calls.map(({ id }) => String(id));
  const list = new FakeEvents([e.user("q"), e.running(), ...calls, e.asks(...ids)]);
  const sent: ClientEvent[] = [];
  const audit: LogFields[] = [];
  const records: DecisionRecord[] = [];
  const { services, clock } = harness({
    events: {
      ...list.api,
      send: async (_id, events, options) => {
        options?.signal?.throwIfAborted();
        await Promise.resolve();
        sent.push(...events);
        const [event] = events;
        if (!event) throw new Error("Nothing was sent");
        return { data: [await blocked.send(event)] };
      },
    },
  }, {
    redact: createRedact([SECRET]),
    log: { ...silentLogger, info: (_message, fields = {}) => audit.push(fields) },
    onDecided: (record) => records.push(record),
  });
  const blocked: Blocked = {
    ...{ e, list, ids, sent, audit, records, services, clock },
    send: (event) => blocked.take(event),
    take: (event) => {
      const taken = e.make(event.type, { ...event });
      list.events.push(taken);
      return taken;
    },
    waiting: async () => {
      const { api, redact } = services;
      return (await readAskedCalls(api, "sesn_1", redact, {})).waiting;
    },
  };
  return blocked;
}
