/**
 * Calls of every kind that hosts make, from a seed: reads, turns, waits that are given up, calls that
 * are refused, and what is no message at all.
 *
 * @module
 */

import type { Random } from "../../tests/helpers/random.ts";
import type { Answer, Era, Request, ServedProgram } from "./served_program.ts";

/** Sessions that reads are about: the newest ones. */
const KNOWN_SESSIONS = 50;
/** The share of turns that begin a session: others go on with one, as hosts do. */
const NEW_SESSIONS = 0.05;
/** How long a call may take; a wait ends sooner by itself. */
const ANSWER_MS = 120_000;
/** Waits for one turn at most. */
const MAX_WAITS_PER_TURN = 20;
const GARBAGE = [
  "{",
  "[]",
  "null",
  '"text"',
  "{}",
  '{"jsonrpc":"2.0"}',
  "\u0000\u0001",
  "x".repeat(100_000),
];

/** What the calls need beside the program. */
export interface MixedCallsOptions {
  readonly program: ServedProgram;
  readonly random: Random;
  /** Returns the access token of somebody who has signed in; absent where nobody can. */
  readonly personToken?: () => Promise<string>;
  /** Seconds of the program's clock in one real second. */
  readonly speed: number;
}

type Read = Pick<Request, "tool" | "args">;

/** Makes calls, and counts what became of them. */
export class MixedCalls {
  readonly counts = new Map<string, number>();
  /** What should not have happened. */
  readonly faults: string[] = [];
  readonly #options: MixedCallsOptions;
  readonly #agents = new Map<string, string>();
  readonly #sessions: string[] = [];
  /** Sessions whose turn is over; some for each kind of turn. */
  readonly #free: { readonly Quick: string[]; readonly Long: string[] } = { Quick: [], Long: [] };
  #serial = 0;

  constructor(options: MixedCallsOptions) {
    this.#options = options;
  }

  /** Reads the agents' ids. */
  async prepare(): Promise<void> {
    const { agents } = await this.#good({ era: "2025", tool: "list_agents", args: {} });
    for (const { name, id } of agents as { readonly name: string; readonly id: string }[]) {
      this.#agents.set(name, id);
    }
    await this.#turn("2025");
  }

  /** Does one thing, which may take several calls. */
  async next(): Promise<void> {
    const { random } = this.#options;
    const era = random.pick(["2025", "2026"] as const);
    const dice = random.next();
    try {
      if (dice < 0.62) await this.#read(era);
      else if (dice < 0.74) await this.#turn(era);
      else if (dice < 0.8) await this.#keyed(era);
      else if (dice < 0.88) await this.#giveUp(era);
      else if (dice < 0.96) await this.#beRefused(era);
      else await this.#garble();
    } catch (error) {
      this.faults.push(`${error}`);
    }
  }

  #agent(word: string): string {
    for (const [name, id] of this.#agents) if (name.includes(word)) return id;
    throw new Error(`There is no agent ${word}`);
  }

  #session(): string {
    return this.#options.random.pick(this.#sessions as [string, ...string[]]);
  }

  #remember(sessionId: unknown): string {
    const id = String(sessionId);
    this.#sessions.push(id);
    if (this.#sessions.length > KNOWN_SESSIONS) this.#sessions.shift();
    return id;
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  async #call(request: Request): Promise<Answer> {
    this.#count(request.tool.replace(/^no_tool_\d+$/, "no_tool"));
    const { personToken, random } = this.#options;
    const isPerson = personToken !== undefined && request.token === undefined &&
      random.next() < 0.5 && /^(get_agent|list_agents)$/.test(request.tool);
    const answer = this.#options.program.call(
      isPerson ? { ...request, token: await personToken() } : request,
    );
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new Error(`${JSON.stringify(request)} has no answer after ${ANSWER_MS} ms`));
    }, ANSWER_MS);
    return await Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }

  /** Makes a call that must be answered with a result. */
  async #good(request: Request): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.#call(request);
    const { result } = answer;
    if (result?.structuredContent && !result.isError) return result.structuredContent;
    throw new Error(`${request.tool}: ${JSON.stringify(answer).slice(0, 300)}`);
  }

  async #read(era: Era): Promise<void> {
    const session_id = this.#session();
    const reads: readonly [Read, ...Read[]] = [
      { tool: "get_agent", args: { agent_id: this.#agent("Quick") } },
      { tool: "get_session", args: { session_id } },
      { tool: "list_events", args: { session_id } },
      { tool: "list_sessions", args: {} },
      { tool: "list_agents", args: {} },
    ];
    await this.#good({ era, ...this.#options.random.pick(reads) });
  }

  async #wait(era: Era, session_id: string, word: string): Promise<void> {
    let after_id: unknown;
    let reply = "";
    for (let waits = 0; waits < MAX_WAITS_PER_TURN; waits++) {
      const args = { session_id, ...(after_id !== undefined && { after_id }) };
      const result = await this.#good({ era, tool: "wait_for_idle", args });
      reply += String(result.reply);
      if (result.status === "idle") break;
      after_id = result.last_event_id;
    }
    if (!reply.includes(word)) throw new Error(`The turn of '${word}' came back as '${reply}'`);
  }

  /** Sends a message to a session that is free, or to a new one. */
  async #send(era: Era, agent: "Quick" | "Long", text: string): Promise<string> {
    const free = this.#free[agent];
    const session_id = this.#options.random.next() < NEW_SESSIONS ? undefined : free.shift();
    if (session_id !== undefined) {
      await this.#good({ era, tool: "send_message", args: { session_id, text } });
      return session_id;
    }
    const args = { agent_id: this.#agent(agent), message: text };
    const created = await this.#good({ era, tool: "create_session", args });
    return this.#remember(created.session_id);
  }

  async #turn(era: Era): Promise<void> {
    const word = `word-${++this.#serial}`;
    const session_id = await this.#send(era, "Quick", word);
    await this.#wait(era, session_id, word);
    this.#free.Quick.push(session_id);
  }

  /** Asks the same twice with one key: it must be one session. */
  async #keyed(era: Era): Promise<void> {
    const word = `word-${++this.#serial}`;
    const request = {
      era,
      tool: "ask_agent",
      args: { agent_id: this.#agent("Quick"), message: word, idempotency_key: `key-${word}` },
    };
    const [one, two] = [await this.#good(request), await this.#good(request)];
    if (one.session_id !== two.session_id) throw new Error(`'${word}' was asked twice`);
  }

  async #giveUp(era: Era): Promise<void> {
    const session_id = await this.#send(era, "Long", "take your time");
    const controller = new AbortController();
    const giveUp = async () => {
      const args = { session_id, timeout_sec: 50 };
      await this.#call({ era, tool: "wait_for_idle", args, signal: controller.signal });
    };
    const waits = [giveUp(), giveUp()];
    await new Promise((resolve) => setTimeout(resolve, this.#options.random.between(0, 300)));
    controller.abort(new Error("given up"));
    await Promise.allSettled(waits);
    this.#count("waits given up");
    await this.#good({ era, tool: "interrupt", args: { session_id } });
    this.#free.Long.push(session_id);
  }

  async #beRefused(era: Era): Promise<void> {
    const { program, random } = this.#options;
    const refused: readonly (Read & Pick<Request, "token">)[] = [
      { tool: "get_session", args: { session_id: `sesn_${++this.#serial}` } },
      { tool: "get_agent", args: {} },
      { tool: "get_agent", args: { agent_id: "a".repeat(5_000) } },
      { tool: `no_tool_${this.#serial}`, args: {} },
      { tool: "wait_for_idle", args: { session_id: `sesn_${this.#serial}` } },
      ...program.transport === "http"
        ? [{ tool: "list_agents", args: {}, token: `wrong-${++this.#serial}-${"x".repeat(30)}` }]
        : [],
    ];
    const [first = { tool: "", args: {} }] = refused;
    const request = refused[Math.floor(random.next() * refused.length)] ?? first;
    const { result, error, status } = await this.#call({ era, ...request });
    const isRefused = result?.isError === true || error !== undefined || status !== undefined;
    if (!isRefused) throw new Error(`${request.tool} was not refused: ${JSON.stringify(result)}`);
    this.#count("calls refused");
  }

  async #garble(): Promise<void> {
    const { program, random } = this.#options;
    const index = Math.floor(random.next() * GARBAGE.length);
    await program.sendGarbage(GARBAGE[index] ?? "");
    this.#count("no messages");
  }
}
