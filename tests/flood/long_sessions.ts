import type { SessionEvent } from "../../src/api/events.ts";
import { ListServer } from "../helpers/list_server.ts";
import type { FloodScenario, Prepared } from "./scenario.ts";
import { onConnections, post, request } from "./sockets.ts";

const SESSION_ID = "sesn_1";
const CLOSE = ["connection: close"];
/** Longer than a call takes. */
const RESPONSE_MS = 50_000;

function eventAt(index: number, fields: Partial<SessionEvent>): SessionEvent {
  const at = Date.parse("2026-11-23T09:00:00Z") + index * 1_000;
  return {
    id: `e${index}`,
    type: "agent.message",
    processed_at: new Date(at).toISOString(),
    ...fields,
  };
}

/** Prepares the program in front of a session with these events. */
function inFrontOf(events: readonly SessionEvent[]): Prepared {
  const server = new ListServer(events);
  return {
    args: [],
    env: { CMA_BASE_URL: server.url, ANTHROPIC_API_KEY: "k".repeat(40) },
    session_id: SESSION_ID,
    close: () => server.close(),
  };
}

/** Floods of sessions with many events, or with large ones. */
export const LONG_SESSIONS: readonly FloodScenario[] = [
  {
    name: "foreign cursors in long sessions",
    maxMegabytes: 250,
    prepare() {
      const content = "some words that an agent wrote, ".repeat(100);
      return inFrontOf(Array.from({ length: 20_000 }, (_, index) => eventAt(index, { content })));
    },
    async flood(target) {
      let count = 0;
      await onConnections(target, 6 * target.scale, async (socket) => {
        const name = count++ % 2 === 0 ? "wait_for_idle" : "list_events";
        const args = { session_id: SESSION_ID, after_id: `foreign${count}` };
        const call = request(count, "tools/call", { name, arguments: args });
        await socket.send(post(JSON.stringify(call), target.token, CLOSE));
        const response = await socket.read(RESPONSE_MS);
        if (!response.includes("leave after_id out")) throw new Error(response.slice(0, 500));
      });
    },
  },
  {
    name: "screenshots by the hundred",
    maxMegabytes: 250,
    prepare() {
      const source = { type: "base64", media_type: "image/png", data: "A".repeat(700_000) };
      const content = [{ type: "image", source }];
      const shots = Array.from(
        { length: 100 },
        (_, index) => eventAt(index, { type: "agent.tool_result", tool_use_id: "none", content }),
      );
      return inFrontOf([
        eventAt(-1, { type: "user.message", content: "look" }),
        ...shots,
        eventAt(100, { content: "All is well." }),
        eventAt(101, { type: "session.status_idle", stop_reason: { type: "end_turn" } }),
      ]);
    },
    async flood(target) {
      let count = 0;
      await onConnections(target, 4 * target.scale, async (socket) => {
        const name = count++ % 2 === 0 ? "wait_for_idle" : "list_events";
        const call = request(count, "tools/call", { name, arguments: { session_id: SESSION_ID } });
        await socket.send(post(JSON.stringify(call), target.token, CLOSE));
        const response = await socket.read(RESPONSE_MS);
        const wanted = name === "list_events" ? "has_more" : "All is well.";
        if (!response.includes(wanted)) throw new Error(response.slice(0, 500));
      });
    },
  },
];
