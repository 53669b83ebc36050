/**
 * The odd shapes that the shape fuzzer puts in place of one field at a time, and the API that serves
 * them: in process, through the real client, waiter and tools.
 */

import { createApi } from "../../src/api/client.ts";
import { fieldsOf } from "../../src/api/read.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { callTool } from "../helpers/call_tool.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { TOOLS } from "../../src/tools/registry.ts";
import { createServices } from "../../src/tools/services.ts";
import { ManualClock } from "../helpers/manual_clock.ts";

/** What stands in the place of a field; `undefined` means that the field is removed. */
export const ODD_VALUES: Readonly<Record<string, unknown>> = {
  "null": null,
  "[]": [],
  "{}": {},
  '""': "",
  "a number": 7,
  "a time as a number": 1_795_510_800,
  "a text": "odd text",
  "true": true,
  "false": false,
  "a list of nothing": [null, null],
  "a nested object": { nested: { a: [1, { b: "c" }] } },
  "a nested list": [[["a"]]],
  "a huge text": "x".repeat(200_000),
  "a huge list": Array.from({ length: 20_000 }, (_, at) => at),
  "a huge object": Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, at])),
  "a deep list": "@deep@",
  "nothing at all": undefined,
};

/** The way from a value to one of its fields. */
export type Path = readonly (string | number)[];

/** One field, and what takes its place. */
export interface Oddity {
  /** Which of the answers it is in, such as `log`. */
  readonly answer: string;
  readonly path: Path;
  /** A key of {@linkcode ODD_VALUES}. */
  readonly value: string;
}

/** How an oddity is named in a failure. */
export function nameOf({ answer, path, value }: Oddity): string {
  return `${answer}${path.map((key) => `[${JSON.stringify(key)}]`).join("")} = ${value}`;
}

/** Every field of a value, at any depth, but not the value itself. */
export function pathsIn(value: unknown, from: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const path = [...from, Array.isArray(value) ? Number(name) : name];
    return [path, ...pathsIn(field, path)];
  });
}

/** A copy of `value` with something else in one place. */
export function withOdd(value: unknown, path: Path, odd: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return odd;
  if (Array.isArray(value)) {
    return value.flatMap((item, at) => {
      if (at !== key) return [item];
      const changed = withOdd(item, rest, odd);
      return rest.length === 0 && odd === undefined ? [] : [changed];
    });
  }
  if (typeof value !== "object" || value === null) throw new TypeError("There is no such field");
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => {
      if (name !== key) return [[name, field]];
      return rest.length === 0 && odd === undefined ? [] : [[name, withOdd(field, rest, odd)]];
    }),
  );
}

/** What an API answers, by the names that {@linkcode Oddity} uses. */
export interface Answers {
  /** The page of agents, of environments. */
  readonly agents: unknown;
  readonly environments: unknown;
  readonly agent: unknown;
  /** The session as it is read, created and archived. */
  readonly session: unknown;
  readonly created: unknown;
  readonly archived: unknown;
  /** Events of the session, oldest first; and the page around them. */
  readonly log: readonly unknown[];
  readonly page: Readonly<Record<string, unknown>>;
  /** The answer to a send. */
  readonly echo: unknown;
  /** The body of an error; then every request is answered with it, by this status. */
  readonly error?: unknown;
  readonly status?: number;
}

/** The answers with an oddity in them. */
export function withOddity(answers: Answers, { answer, path, value }: Oddity): Answers {
  return { ...answers, ...Object(withOdd(answers, [answer, ...path], ODD_VALUES[value])) };
}

/** Deeper than `JSON.stringify` could write it. */
const DEEP = "[".repeat(30_000) + "]".repeat(30_000);

function jsonText(value: unknown): string {
  return (JSON.stringify(value) ?? "").replaceAll('"@deep@"', DEEP);
}

function jsonResponse(value: unknown, status = 200): Response {
  return new Response(jsonText(value), {
    status,
    headers: { "content-type": "application/json" },
  });
}

/** What a tool gave. */
export interface Outcome {
  readonly isError: boolean;
  readonly text: string;
  /** The structured content; without fields when it is an error. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Requests that the API got. */
  readonly requests: number;
}

/** Through which of the two ways events reach a wait. */
export type Way = "list" | "stream";

/** Calls a tool over an API that gives these answers. */
export async function callOver(
  answers: Answers,
  tool: string,
  args: Record<string, unknown>,
  way: Way = "list",
): Promise<Outcome> {
  const clock = new ManualClock();
  const server = new Server(answers, way);
  const api = createApi({
    baseUrl: "http://shapes.test",
    credential: () => ({ kind: "api_key", value: "sk-ant-shapes-test-key" }),
    fetch: (request) => Promise.resolve(server.answer(request)),
    clock,
    log: silentLogger,
    random: () => 0.5,
  });
  const waiter = createWaiter({ api, clock, log: silentLogger, random: () => 0.5 });
  const services = createServices({ api, waiter, clock, log: silentLogger });
  const definition = TOOLS.find(({ name }) => name === tool);
  if (!definition) throw new RangeError(`There is no tool ${tool}`);
  try {
    const result = await clock.runUntil(
      callTool(definition, args, {
        signal: new AbortController().signal,
        services,
        requestId: "1",
      }),
      600_000,
      3,
    );
    const [block] = result.content;
    return {
      isError: result.isError === true,
      text: block?.type === "text" ? block.text : "",
      fields: fieldsOf(result.structuredContent) ?? {},
      requests: server.requests,
    };
  } finally {
    waiter.close();
  }
}

/** Whatever comes after the first page. */
const LAST_PAGE = { data: [], next_page: null };

class Server {
  requests = 0;
  readonly #answers: Answers;
  readonly #way: Way;
  #streamed = false;

  constructor(answers: Answers, way: Way) {
    this.#answers = answers;
    this.#way = way;
  }

  answer(request: Request): Response {
    this.requests++;
    const { error, status, ...answers } = this.#answers;
    if (status !== undefined) return jsonResponse(error, status);
    const { pathname, searchParams } = new URL(request.url);
    const [, , resource, id, action, stream] = pathname.split("/");
    if (stream) return this.#stream(request);
    if (action === "events") {
      return request.method === "POST" ? jsonResponse(answers.echo) : this.#list(searchParams);
    }
    if (action === "archive") return jsonResponse(answers.archived);
    if (searchParams.has("page")) return jsonResponse(LAST_PAGE);
    if (resource === "agents") return jsonResponse(id ? answers.agent : answers.agents);
    if (resource === "environments") return jsonResponse(answers.environments);
    if (request.method === "POST") return jsonResponse(answers.created);
    return jsonResponse(id ? answers.session : { data: [answers.session] });
  }

  /** One page; a second one is empty. */
  #list(params: URLSearchParams): Response {
    if (params.has("page")) return jsonResponse(LAST_PAGE);
    // What the stream has not told yet has not happened.
    const told = this.#way === "list" || this.#streamed
      ? this.#answers.log
      : this.#answers.log.slice(0, STREAM_FROM);
    const types = params.getAll("types[]").concat(params.getAll("types"));
    const wanted = told.filter((event) => types.length === 0 || types.includes(typeOf(event)));
    const data = params.get("order") === "desc" ? wanted.toReversed() : wanted;
    const { page } = this.#answers;
    return jsonResponse(
      "data" in page ? { ...page, data: page.data === "log" ? data : page.data } : page,
    );
  }

  #stream({ signal }: Request): Response {
    const frames = this.#answers.log.slice(STREAM_FROM)
      .map((event) => `data: ${jsonText(event)}\n\n`);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        signal.addEventListener("abort", () => controller.error(signal.reason), { once: true });
      },
      pull: (controller) => {
        if (this.#way === "list" || this.#streamed) return;
        this.#streamed = true;
        controller.enqueue(new TextEncoder().encode(frames.join("")));
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }
}

/** Events before this one are in the list when a wait begins; the others come as frames. */
const STREAM_FROM = 1;

function typeOf(event: unknown): string {
  const isTyped = typeof event === "object" && event !== null && "type" in event;
  return isTyped && typeof event.type === "string" ? event.type : "";
}
