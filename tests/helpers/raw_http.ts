import { steadyClock } from "./fast_clock.ts";

/** A response's status, or `closed` when the connection ended without one. */
export type RawOutcome = number | "closed";

const encoder = new TextEncoder();
/** One for all connections. */
const clock = steadyClock();

/** Joins ASCII texts and single bytes. */
export function bytesOf(...parts: readonly (string | readonly number[])[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => typeof part === "string" ? [...encoder.encode(part)] : [...part]),
  );
}

/**
 * Sends bytes over a new connection, and reads the status of the first response.
 *
 * @param halfClose closes the sending side after the bytes
 * @throws Error when there is neither a response nor an end within `limitMs`
 */
export async function sendRaw(
  port: number,
  bytes: Uint8Array,
  { halfClose = false, limitMs = 5_000 } = {},
): Promise<RawOutcome> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let isLate = false;
  const cancel = clock.after(limitMs, () => {
    isLate = true;
    connection.close();
  });
  try {
    // The server may answer and close before it has read everything.
    await writeAll(connection, bytes, halfClose).catch(() => {});
    return await readStatus(connection);
  } catch (error) {
    if (isLate) throw new Error(`Neither an answer nor an end in ${limitMs} ms`);
    // A reset is an end, too.
    if (error instanceof Deno.errors.ConnectionReset) return "closed";
    throw error;
  } finally {
    cancel();
    if (!isLate) connection.close();
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array, halfClose: boolean) {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  if (halfClose) await connection.closeWrite();
}

async function readStatus(connection: Deno.TcpConn): Promise<RawOutcome> {
  const decoder = new TextDecoder("latin1");
  const buffer = new Uint8Array(4_096);
  let text = "";
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    const status = /^HTTP\/1\.[01] (\d{3}) [^\r]*\r\n(?:.*\r\n)*\r\n/.exec(text)?.[1];
    if (status !== undefined && status !== "100") return Number(status);
    // Not HTTP/1: a server's reply to broken HTTP/2 or TLS.
    if (text.length > 8 && !text.startsWith("HTTP/1.")) return "closed";
  }
  if (text === "") return "closed";
  throw new Error(`No whole answer: ${JSON.stringify(text.slice(0, 200))}`);
}
