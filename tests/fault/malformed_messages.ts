import type { Random } from "../helpers/random.ts";

/** A well-formed HTTP request around something that is no good call, and the answers to it. */
export interface MalformedMessage {
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** In place of those of a good request; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly expected: readonly number[];
}

type Make = (random: Random) => MalformedMessage;

const MODERN = "2026-07-28";
const META = {
  "io.modelcontextprotocol/protocolVersion": MODERN,
  "io.modelcontextprotocol/clientCapabilities": {},
};

const int = (random: Random, from: number, to: number) => Math.floor(random.between(from, to));
const bad = (body: string) => ({ body, expected: [400] });

/** Names that objects have without being given them. */
const INHERITED = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"] as const;

function anything(random: Random, depth = 0): unknown {
  const kind = int(random, 0, depth > 3 ? 6 : 8);
  if (kind === 0) return null;
  if (kind === 1) return random.next() < 0.5;
  if (kind === 2) return int(random, -1e9, 1e9) * random.pick([1, 1e-3, 1e12]);
  if (kind === 3) return "";
  if (kind === 4) {
    return random.pick(["\u0000", "\ud800", "../..", "%2e%2e", "😀".repeat(99), "'; --"]);
  }
  if (kind === 5) return "x".repeat(int(random, 0, 2_000));
  const count = int(random, 0, 4);
  if (kind === 6) return Array.from({ length: count }, () => anything(random, depth + 1));
  const name = () => random.pick([...INHERITED, "jsonrpc", "id", "params", "name", "arguments"]);
  return Object.fromEntries(
    Array.from({ length: count }, () => [name(), anything(random, depth + 1)]),
  );
}

function call(name: unknown, args: unknown, more: object = {}): string {
  const params = { name, arguments: args, ...more };
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
}

const TOOLS = [
  "list_agents",
  "get_agent",
  "create_session",
  "send_message",
  "interrupt",
  "get_session",
  "list_events",
  "archive_session",
  "wait_for_idle",
] as const;
const ARGUMENTS = [
  "agent_id",
  "session_id",
  "text",
  "limit",
  "cursor",
  "after_id",
  "timeout_sec",
  "types",
  ...INHERITED,
] as const;

/** Messages that are broken, by what is broken about them. */
export const MESSAGES: Readonly<Record<string, Make>> = {
  "JSON that breaks off": (random) => {
    const whole = call(random.pick(TOOLS), { text: "x" });
    return bad(whole.slice(0, int(random, 0, whole.length)));
  },
  "JSON with something in it": (random) => {
    const whole = call(random.pick(TOOLS), {});
    const at = int(random, 1, whole.length);
    return bad(
      `${whole.slice(0, at)}${random.pick(["\u0001", "\u0000", "\t\u001f"])}${whole.slice(at)}`,
    );
  },
  "no UTF-8": (random) => {
    const body = new TextEncoder().encode(call("list_agents", { name_contains: "abcdef" }));
    body[body.length - int(random, 6, 12)] = random.pick([0x80, 0xc0, 0xf8, 0xff]);
    return { body, expected: [400] };
  },
  "nesting without end": (random) => {
    const opening = random.pick(["[", '{"a":', '[{"jsonrpc":']);
    return bad(opening.repeat(int(random, 65, 65_000 / opening.length)));
  },
  "arguments nested too deep": (random) => {
    const depth = int(random, 65, 2_000);
    return bad(call("list_agents", 0).replace("0}}", `${"[".repeat(depth)}${"]".repeat(depth)}}}`));
  },
  "a batch of the wrong size": (random) => {
    const count = random.pick([0, int(random, 51, 500)]);
    return bad(`[${Array.from({ length: count }, () => call("list_agents", {}))}]`);
  },
  "a value that is no message": (random) => {
    const value = anything(random);
    const isMessage = typeof value === "object" && value !== null && "jsonrpc" in value;
    return bad(JSON.stringify(isMessage ? 7 : value));
  },
  "a request of the wrong shape": (random) =>
    bad(JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/list",
      ...random.pick<object>([
        { jsonrpc: random.pick<unknown>(["1.0", 2, null]) },
        { id: random.pick<unknown>([null, true, 1.5, {}, []]) },
        { method: random.pick<unknown>([null, 7, [], {}]) },
        { params: random.pick<unknown>([[], 7, "x", true]) },
      ]),
    })),
  "an unknown method": (random) => ({
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: random.pick([
        ...INHERITED,
        "tools/delete",
        "",
        "sampling/createMessage",
        "x".repeat(5_000),
      ]),
    }),
    // The older protocol answers within a stream that has begun.
    expected: [200, 400, 404],
  }),
  "an unknown tool": (random) => ({
    body: call(random.pick([...INHERITED, "delete_agent", "", "../list_agents"]), anything(random)),
    expected: [200, 400],
  }),
  "arguments of the wrong kind": (random) => {
    const names = Array.from({ length: int(random, 1, 4) }, () => random.pick(ARGUMENTS));
    const args = Object.fromEntries(names.map((name) => [name, anything(random)]));
    // An array or text in place of the arguments is refused before there is a stream.
    return {
      body: call(random.pick(TOOLS), random.pick([args, anything(random)])),
      expected: [200, 400],
    };
  },
  "a strange envelope": (random) => {
    const meta = { ...META, [random.pick(Object.keys(META) as [string])]: anything(random) };
    const headers = {
      "mcp-protocol-version": MODERN,
      "mcp-method": "tools/call",
      "mcp-name": "list_agents",
    };
    return { body: call("list_agents", {}, { _meta: meta }), headers, expected: [200, 400] };
  },
  "headers that contradict the message": (random) => {
    const headers = {
      "mcp-protocol-version": MODERN,
      "mcp-method": "tools/call",
      "mcp-name": "list_agents",
      ...random.pick<Record<string, string | undefined>>([
        { "mcp-method": "tools/list" },
        { "mcp-name": "send_message" },
        { "mcp-method": undefined },
        { "mcp-name": undefined },
        { "mcp-protocol-version": "2025-11-25" },
      ]),
    };
    return { body: call("list_agents", {}, { _meta: META }), headers, expected: [400] };
  },
  "a version that there is not": (random) => ({
    body: call("list_agents", {}),
    headers: {
      "mcp-protocol-version": random.pick(["1", "2099-01-01", "x".repeat(99), "2026-07-28"]),
    },
    expected: [400],
  }),
  "the wrong type": (random) => ({
    body: call("list_agents", {}),
    headers: { "content-type": random.pick(["text/plain", "application/xml", "x", undefined]) },
    expected: [415],
  }),
  "no accepted answer": (random) => ({
    body: call("list_agents", {}),
    headers: { accept: random.pick(["text/html", "application/json", "x/y;q=2"]) },
    expected: [406],
  }),
  "a wrong token": (random) => ({
    body: call("list_agents", {}),
    headers: {
      authorization: random.pick([
        "Bearer",
        "Bearer x",
        "Basic eDp5",
        "x",
        `Bearer ${"x".repeat(9_999)}`,
      ]),
      ...random.pick([{}, { "x-api-key": "y" }]),
    },
    expected: [401],
  }),
  "another origin": (random) => ({
    body: call("list_agents", {}),
    headers: {
      origin: random.pick(["null", "https://evil.example", "x", "file://", "http://127.0.0.1:1"]),
    },
    expected: [403],
  }),
  "a body that is too large": (random) => ({
    body: `"${"x".repeat(int(random, 65_536, 200_000))}"`,
    expected: [413],
  }),
};
