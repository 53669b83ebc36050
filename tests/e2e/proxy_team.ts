/**
 * Clients that hold conversations through a proxy, and notice what gets lost or comes twice.
 *
 * @module
 */

import { callServedTool, type McpEndpoint } from "../../src/commands/mcp_call.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Fields } from "../../src/api/read.ts";

/** Longest wait of a single call, in seconds. */
const WAIT_SEC = 60;
/** Pause before a call that failed is made again, in milliseconds. */
const AGAIN_MS = 100;
/** Calls of one turn that may fail one after the other. */
const MAX_FAILURES = 100;

/** What the clients have seen. */
export interface Seen {
  turns: number;
  /** Waits that ended before their turn did, without an error. */
  cutShort: number;
  /** Calls that ended in an error, and were made again. */
  readonly failed: string[];
  /** Replies that did not come, and messages that are missing or were sent twice. */
  readonly wrong: string[];
}

/** Clients, each with a session of its own; disposed of, they leave off at once. */
export interface Team extends AsyncDisposable {
  readonly seen: Seen;
  /** Resolves when the clients have ended as many more turns as they are, times `each`. */
  turns(each: number): Promise<void>;
  /** Lets each client end its turn, and checks what has come of all that they sent. */
  end(): Promise<void>;
}

/** Sets clients to work. @param endpointOf returns the endpoint of a client, now */
export function startTeam(endpointOf: (client: number) => McpEndpoint, size: number): Team {
  const seen: Seen = { turns: 0, cutShort: 0, failed: [], wrong: [] };
  let over = false;
  const leaving = new AbortController();
  const { signal } = leaving;
  let onTurn = () => {};
  const clients = Array.from({ length: size }, (_, index) => {
    const call = (tool: string, args: Fields) => {
      signal.throwIfAborted();
      return callServedTool(endpointOf(index), tool, args, { signal });
    };
    const isOver = () => over;
    const turnEnded = () => {
      seen.turns++;
      onTurn();
    };
    return converse({ call, seen, name: `client ${index}`, isOver, turnEnded, signal });
  });
  const all = Promise.all(clients);
  // Whoever waits for the clients is told what went wrong with them.
  all.catch(() => {});
  return {
    seen,
    async turns(each) {
      const until = seen.turns + each * size;
      const enough = new Promise<void>((resolve) => {
        onTurn = () => seen.turns >= until && resolve();
      });
      await Promise.race([all, enough]);
    },
    async end() {
      over = true;
      await all;
    },
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await Promise.allSettled(clients);
    },
  };
}

interface Conversation {
  readonly call: (tool: string, args: Fields) => Promise<Fields>;
  readonly seen: Seen;
  readonly name: string;
  readonly isOver: () => boolean;
  readonly turnEnded: () => void;
  /** Aborts when nobody wants to know any more how it goes on. */
  readonly signal: AbortSignal;
}

/** Opens a session, and sends one message after the other, each when the last has its reply. */
async function converse(conversation: Conversation): Promise<void> {
  const { call, seen, name, isOver, turnEnded } = conversation;
  const { agents } = await repeated(
    conversation,
    () => call("list_agents", { name_contains: "quick" }),
  );
  const agent_id = Array.isArray(agents) ? agents[0]?.id : undefined;
  const { session_id } = await repeated(conversation, () => call("create_session", { agent_id }));
  const sent: string[] = [];
  let after_id: unknown;
  while (!isOver()) {
    const text = `${name} says ${sent.length}.`;
    await send(conversation, session_id, text);
    sent.push(text);
    after_id = await replyTo(conversation, session_id, after_id, text);
    turnEnded();
  }
  const messages = await messagesOf(conversation, session_id);
  for (const text of new Set([...sent, ...messages])) {
    const count = messages.filter((message) => message === text).length;
    if (count !== 1) seen.wrong.push(`'${text}' was sent ${count} times`);
  }
}

/** Makes a call that changes nothing, until it has a result. */
async function repeated(
  { seen, signal }: Conversation,
  run: () => Promise<Fields>,
): Promise<Fields> {
  for (let failures = 0;; failures++) {
    try {
      return await run();
    } catch (error) {
      signal.throwIfAborted();
      seen.failed.push(String(error));
      if (failures === MAX_FAILURES) throw error;
      await systemClock.sleep(AGAIN_MS, signal);
    }
  }
}

/** Sends a message; after an error, only if the session does not have it. */
async function send(conversation: Conversation, session_id: unknown, text: string): Promise<void> {
  const { call, seen, signal } = conversation;
  for (;;) {
    try {
      return void await call("send_message", { session_id, text });
    } catch (error) {
      signal.throwIfAborted();
      seen.failed.push(String(error));
      // A replica that was lost with the call in it may have sent it a moment ago.
      await systemClock.sleep(10 * AGAIN_MS, signal);
      if ((await messagesOf(conversation, session_id)).includes(text)) return;
    }
  }
}

/** Waits for a reply by calls one after the other. @returns the cursor at its end */
async function replyTo(
  conversation: Conversation,
  session_id: unknown,
  from: unknown,
  text: string,
): Promise<unknown> {
  const { call, seen } = conversation;
  let heard = "";
  let after_id = from;
  for (;;) {
    const args = { session_id, timeout_sec: WAIT_SEC, ...(after_id !== undefined && { after_id }) };
    const result = await repeated(conversation, () => call("wait_for_idle", args));
    heard += result.reply;
    after_id = result.last_event_id ?? after_id;
    if (result.status === "idle") break;
    seen.cutShort++;
  }
  if (heard.split(text).length !== 2) seen.wrong.push(`'${text}' was answered by '${heard}'`);
  return after_id;
}

/** Returns the texts of all messages that a session was sent. */
async function messagesOf(conversation: Conversation, session_id: unknown): Promise<string[]> {
  const { call } = conversation;
  const texts: string[] = [];
  let after_id: unknown;
  for (;;) {
    const args = { session_id, limit: 100, ...(after_id !== undefined && { after_id }) };
    const { events, has_more } = await repeated(conversation, () => call("list_events", args));
    const list: Fields[] = Array.isArray(events) ? events : [];
    for (const event of list) {
      if (event.type === "user.message") texts.push(String(event.text));
    }
    after_id = list.at(-1)?.id;
    if (has_more !== true || after_id === undefined) return texts;
  }
}
