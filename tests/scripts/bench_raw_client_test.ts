import { assertEquals, assertRejects } from "@std/assert";
import { postBytes, RawConnection } from "../bench/overhead/raw_client.ts";

const encoder = new TextEncoder();

/** Reads one request of known length, then sends the pieces one by one, and closes. */
async function answerOnce(listener: Deno.TcpListener, requestLength: number, pieces: string[]) {
  using connection = await listener.accept();
  connection.setNoDelay(true);
  const buffer = new Uint8Array(requestLength);
  for (let got = 0; got < requestLength;) {
    got += await connection.read(buffer.subarray(got)) ?? requestLength;
  }
  for (const piece of pieces) {
    const bytes = encoder.encode(piece);
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  }
  return new TextDecoder().decode(buffer);
}

async function exchange(...pieces: string[]): Promise<{ request: string; answer: string }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}/mcp`;
  const bytes = postBytes(url, { accept: "application/json" }, '{"é":1}');
  const served = answerOnce(listener, bytes.length, pieces);
  using connection = await RawConnection.open(url);
  try {
    return { answer: await connection.request(bytes), request: await served };
  } finally {
    await served.catch(() => {});
  }
}

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;

Deno.test("raw client: a request counts its body in bytes and names host and path", async () => {
  const { request } = await exchange(`${HEAD}Content-Length: 0\r\n\r\n`);
  const [head = "", body] = request.split("\r\n\r\n");
  assertEquals(head.split("\r\n")[0], "POST /mcp HTTP/1.1");
  assertEquals(/^host: 127\.0\.0\.1:\d+$/m.test(head), true);
  assertEquals(/^content-length: (\d+)$/m.exec(head)?.[1], "8");
  assertEquals(body, '{"é":1}');
});

const long = "é".repeat(100_000);
const whole: readonly [string, string, string[]][] = [
  ["a body of known length", "hello", [`${HEAD}content-length: 5\r\n\r\nhello`]],
  ["a body that comes in parts", "hello", [`${HEAD}content-length: 5\r`, "\n\r", "\nhel", "lo"]],
  ["chunks", "hello", [`${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`]],
  ["chunks byte by byte", "hello", [...`${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`]],
  [
    "a body larger than the buffer",
    long,
    [`${CHUNKED}${(200_000).toString(16)}\r\n`, long, "\r\n0\r\n\r\n"],
  ],
];
for (const [what, body, pieces] of whole) {
  Deno.test(`raw client: ${what}`, async () => {
    assertEquals((await exchange(...pieces)).answer, body);
  });
}

const refused: readonly [string, RegExp, string][] = [
  ["another status", /429/, "HTTP/1.1 429 Too Many\r\ncontent-length: 4\r\n\r\nwait"],
  ["a last answer", /close/, `${HEAD}connection: close\r\ncontent-length: 2\r\n\r\nok`],
  ["a cut body", /closed the connection/, `${HEAD}content-length: 9\r\n\r\nok`],
  ["a cut chunk", /closed the connection/, `${CHUNKED}9\r\nok`],
  ["an answer too many", /More than one/, `${HEAD}content-length: 1\r\n\r\nokay`],
  ["a body of no known length", /no known length/, `${HEAD}\r\nok`],
  ["a chunk of no size", /no size/, `${CHUNKED}zz\r\nok\r\n`],
];
for (const [what, message, answer] of refused) {
  Deno.test(`raw client: ${what} is an error`, async () => {
    const error = await assertRejects(() => exchange(answer), Error);
    assertEquals(message.test(error.message), true, error.message);
  });
}
