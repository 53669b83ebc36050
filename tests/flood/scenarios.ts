import { freePort } from "../helpers/free_port.ts";
import { LONG_SESSIONS } from "./long_sessions.ts";
import { FloodSocket, onConnections, openMany, post, request } from "./sockets.ts";
import type { FloodScenario } from "./scenario.ts";

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Frames of HTTP/2 (RFC 9113, section 6). */
const [HEADERS, RST_STREAM, SETTINGS] = [1, 3, 4];
const END_HEADERS = 4;
const CANCEL = 8;

function frame(type: number, flags: number, stream: number, payload: readonly number[]) {
  const { length } = payload;
  const id = [stream >> 24, (stream >> 16) & 255, (stream >> 8) & 255, stream & 255];
  return Uint8Array.of(
    length >> 16,
    (length >> 8) & 255,
    length & 255,
    type,
    flags,
    ...id,
    ...payload,
  );
}

const ascii = (text: string) => [...new TextEncoder().encode(text)];
/** `:method: POST`, `:scheme: https`, `:path: /mcp`, `:authority: 127.0.0.1` (RFC 7541). */
const POST_MCP = [0x83, 0x87, 0x04, 4, ...ascii("/mcp"), 0x01, 9, ...ascii("127.0.0.1")];

function onMetricsPort(): FloodScenario {
  let port = 0;
  return {
    name: "more idle connections to the metrics than open files",
    openFiles: 256,
    says: /took no more connections: .*open files/,
    prepare() {
      port = freePort();
      return { args: ["--simulate", `--metrics-port=${port}`] };
    },
    async flood(target) {
      for (let round = 0; round < 2; round++) {
        const { close } = await openMany({ ...target, port }, 400 * target.scale);
        await pause(300);
        close();
      }
      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      if (!(await response.text()).includes("cma_mcp_build_info")) throw new Error("no metrics");
    },
  };
}

const GET_HEALTH = "GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

/** Texts that are sent on connections which are then held. */
const HELD: readonly (readonly [string, string])[] = [
  ["that say nothing", ""],
  ["with half a head", "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nx: "],
  [
    "with half a body",
    "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n" +
    "content-length: 1000\r\n\r\n{",
  ],
  ["with half of HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"],
  ["with responses unread", GET_HEALTH.repeat(200)],
];

/** More connections than open files, opened one after another, while another is kept in use. */
function held([how, text]: readonly [string, string]): FloodScenario {
  return {
    name: `held connections ${how}`,
    openFiles: 300,
    async flood(target) {
      let kept = await FloodSocket.open(target);
      const ask = async () => {
        if (!kept || !await kept.send(GET_HEALTH)) return false;
        return (await kept.read(2_000, 15)).startsWith("HTTP/1.1 200");
      };
      const sockets: FloodSocket[] = [];
      for (let i = 0; i < 1_000 * target.scale; i++) {
        const socket = await FloodSocket.open(target);
        if (!socket) {
          await pause(50);
          continue;
        }
        sockets.push(socket);
        if (text !== "") await socket.send(text);
        if (i % 10 > 0) continue;
        if (await ask()) continue;
        // Others were in use later, and it was closed: as a client does then, once more.
        kept?.close();
        kept = await FloodSocket.open(target);
        if (!await ask()) throw new Error("a client that connected again got no response");
      }
      kept?.close();
      for (const socket of sockets) socket.close();
    },
  };
}

/** Floods by somebody without a token. */
const STRANGERS: readonly FloodScenario[] = [
  {
    name: "more idle connections than open files",
    openFiles: 256,
    says: /took no more connections: .*open files/,
    async flood(target) {
      for (let round = 0; round < 3; round++) {
        const { close } = await openMany(target, 400 * target.scale);
        await pause(300);
        close();
      }
    },
  },
  ...HELD.map(held),
  onMetricsPort(),
  {
    name: "more TLS connections than open files",
    openFiles: 256,
    tls: true,
    async flood(target) {
      // Without a handshake: a client that speaks would be slower than the program.
      const { close } = await openMany({ ...target, certificate: undefined }, 400 * target.scale);
      await pause(500);
      close();
    },
  },
  {
    name: "connections by the thousand",
    async flood(target) {
      for (let round = 0; round < 20 * target.scale; round++) {
        (await openMany(target, 100)).close();
      }
    },
  },
  {
    name: "heads that come byte by byte",
    async flood(target) {
      await onConnections(target, 200 * target.scale, async (socket) => {
        for (const byte of "POST /mcp HTTP/1.1\r\n") {
          if (!await socket.send(byte)) return;
          await pause(50);
        }
      });
    },
  },
  {
    name: "heads without end",
    async flood(target) {
      await onConnections(target, 20 * target.scale, async (socket) => {
        if (!await socket.send("GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n")) return;
        for (let i = 0; i < 5_000; i++) {
          if (!await socket.send(`x-${i}: ${"v".repeat(500)}\r\n`)) return;
        }
      });
    },
  },
  {
    name: "huge query strings",
    async flood(target) {
      const head = `GET /mcp?${"q".repeat(60_000)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`;
      await onConnections(target, 100 * target.scale, async (socket) => {
        await socket.send(head);
        await socket.read(1_000, 100);
      });
    },
  },
  {
    name: "pipelined requests, responses unread",
    async flood(target) {
      const heads = post("{}").repeat(500);
      await onConnections(target, 50 * target.scale, (socket) => socket.send(heads, 1_500));
    },
  },
  {
    name: "requests without a token, log unread",
    unread: ["stderr"],
    async flood(target) {
      await onConnections(target, 40, async (socket) => {
        for (let i = 0; i < 100 * target.scale; i++) {
          if (!await socket.send(post("{}"))) return;
          await socket.read(2_000, 1);
        }
      });
    },
  },
  {
    name: "chunked bodies without end, no token",
    async flood(target) {
      const head = "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n" +
        "transfer-encoding: chunked\r\n\r\n";
      await onConnections(target, 50 * target.scale, async (socket) => {
        if (!await socket.send(head)) return;
        for (let i = 0; i < 500; i++) {
          if (!await socket.send(`4000\r\n${" ".repeat(0x4000)}\r\n`, 500)) return;
        }
      });
    },
  },
  {
    name: "HTTP/2 rapid reset",
    tls: true,
    async flood(target) {
      await onConnections(target, 10 * target.scale, async (socket) => {
        if (!await socket.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) return;
        if (!await socket.send(frame(SETTINGS, 0, 0, []))) return;
        for (let id = 1; id < 10_000; id += 2) {
          const start = frame(HEADERS, END_HEADERS, id, POST_MCP);
          const end = frame(RST_STREAM, 0, id, [0, 0, 0, CANCEL]);
          if (!await socket.send(Uint8Array.of(...start, ...end))) return;
        }
      }, ["h2"]);
    },
  },
];

const call = (id: number, name: string, args: unknown = {}) =>
  request(id, "tools/call", { name, arguments: args });

/** Floods by a client with a token, or by a broken one. */
const CLIENTS: readonly FloodScenario[] = [
  {
    name: "bodies with hundreds of thousands of keys",
    async flood(target) {
      const keys = Array.from({ length: 200_000 }, (_, i) => `"${i.toString(36)}":1`).join();
      const args = `{"name":"list_agents","arguments":{${keys}}}`;
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${args}}`;
      await onConnections(target, 10 * target.scale, async (socket) => {
        await socket.send(post(body, target.token), 5_000);
        await socket.read(2_000, 1);
      });
    },
  },
  {
    name: "bodies of the largest size, byte by byte and whole",
    async flood(target) {
      const text = JSON.stringify(call(1, "send_message", { text: "x".repeat(1_900_000) }));
      await onConnections(target, 20 * target.scale, async (socket) => {
        await socket.send(post(text, target.token), 5_000);
        await socket.read(2_000, 1);
      });
      await onConnections(target, 50 * target.scale, async (socket) => {
        const whole = post(text, target.token);
        if (!await socket.send(whole.slice(0, 400))) return;
        for (const byte of whole.slice(400, 440)) {
          if (!await socket.send(byte)) return;
          await pause(5);
        }
      });
    },
  },
  {
    name: "batches",
    async flood(target) {
      const batch = Array.from({ length: 50 }, (_, id) => call(id, "list_agents", { limit: 1 }));
      const body = post(JSON.stringify(batch), target.token);
      await onConnections(target, 20 * target.scale, async (socket) => {
        for (let i = 0; i < 3; i++) {
          if (!await socket.send(body)) return;
          await socket.read(3_000, 1_000);
        }
      });
    },
  },
  {
    name: "responses that nobody reads",
    async flood(target) {
      const lists = Array.from(
        { length: 100 },
        (_, id) => post(JSON.stringify(request(id, "tools/list")), target.token),
      ).join("");
      const { sockets, close } = await openMany(target, 50 * target.scale);
      await Promise.all(sockets.map((socket) => socket.send(lists, 1_500)));
      await pause(1_000);
      close();
    },
  },
  {
    name: "responses that are read byte by byte",
    async flood(target) {
      await onConnections(target, 50 * target.scale, async (socket) => {
        await socket.send(post(JSON.stringify(request(1, "tools/list")), target.token));
        await socket.read(1_500, 1);
        await pause(1_000);
      });
    },
  },
  {
    name: "chunked bodies without end",
    async flood(target) {
      const head = "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n" +
        `authorization: Bearer ${target.token}\r\ntransfer-encoding: chunked\r\n\r\n`;
      await onConnections(target, 30 * target.scale, async (socket) => {
        if (!await socket.send(head)) return;
        for (let i = 0; i < 500; i++) {
          if (!await socket.send(`4000\r\n${" ".repeat(0x4000)}\r\n`, 500)) return;
        }
      });
    },
  },
];

/** Every flood that is tried. */
export const SCENARIOS: readonly FloodScenario[] = [...STRANGERS, ...CLIENTS, ...LONG_SESSIONS];
