/**
 * A client of HTTP/1.1 that does next to nothing, so that only the server is measured.
 *
 * @module
 */

const INITIAL_BUFFER = 64 * 1024;
const CR = 0x0d;
const LF = 0x0a;

const encoder = new TextEncoder();

/** The bytes of a POST that keeps its connection. */
export function postBytes(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Uint8Array {
  const { host, pathname } = new URL(url);
  const content = encoder.encode(body);
  const lines = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${content.length}`,
    "",
    "",
  ];
  const head = encoder.encode(lines.join("\r\n"));
  const bytes = new Uint8Array(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  return bytes;
}

/** One connection, one request after another. */
export class RawConnection implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #decoder = new TextDecoder();
  /** The part of the response that has arrived; grows with the largest. */
  #buffer = new Uint8Array(INITIAL_BUFFER);
  #filled = 0;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Connects to the host and port of a URL. */
  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    connection.setNoDelay(true);
    return new RawConnection(connection);
  }

  /**
   * Sends a request and reads the response to its end.
   *
   * @returns the body
   * @throws Error unless it is a whole response of status 200 after which the connection stays open
   */
  async request(bytes: Uint8Array): Promise<string> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
    this.#filled = 0;
    const bodyAt = await this.#findLineEnd(0, true);
    const head = this.#decoder.decode(this.#buffer.subarray(0, bodyAt));
    if (!head.startsWith("HTTP/1.1 200 ") || /\r\nconnection: close\r\n/i.test(head)) {
      throw new Error(`Not what was expected: ${head}${await this.#rest(bodyAt)}`);
    }
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
    return length === undefined
      ? await this.#readChunks(head, bodyAt)
      : await this.#read(bodyAt, Number(length));
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #more(): Promise<void> {
    if (this.#filled === this.#buffer.length) {
      const larger = new Uint8Array(2 * this.#buffer.length);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const count = await this.#connection.read(this.#buffer.subarray(this.#filled));
    if (count === null) throw new Error("The server closed the connection within an answer");
    this.#filled += count;
  }

  /** Where the line that begins at `from` ends, or with `empty` the first empty one after it. */
  async #findLineEnd(from: number, empty = false): Promise<number> {
    for (let at = from + 1;; at++) {
      while (at >= this.#filled) await this.#more();
      const buffer = this.#buffer;
      if (buffer[at] !== LF || buffer[at - 1] !== CR) continue;
      if (!empty || (buffer[at - 2] === LF && buffer[at - 3] === CR)) return at + 1;
    }
  }

  async #until(end: number): Promise<void> {
    while (this.#filled < end) await this.#more();
  }

  #endsAt(end: number): void {
    if (this.#filled > end) throw new Error("More than one answer to one request");
  }

  async #read(from: number, length: number): Promise<string> {
    await this.#until(from + length);
    this.#endsAt(from + length);
    return this.#decoder.decode(this.#buffer.subarray(from, from + length));
  }

  async #readChunks(head: string, from: number): Promise<string> {
    if (!/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) {
      throw new Error(`An answer of no known length: ${head}`);
    }
    let body = "";
    for (let at = from;;) {
      const dataAt = await this.#findLineEnd(at);
      const size = parseInt(this.#decoder.decode(this.#buffer.subarray(at, dataAt - 2)), 16);
      if (Number.isNaN(size)) throw new Error("A chunk of no size");
      at = dataAt + size + 2;
      await this.#until(at);
      if (size === 0) {
        this.#endsAt(at);
        return body + this.#decoder.decode();
      }
      body += this.#decoder.decode(this.#buffer.subarray(dataAt, dataAt + size), { stream: true });
    }
  }

  /** Returns what follows an unexpected head, as far as it is there. */
  async #rest(from: number): Promise<string> {
    if (this.#filled === from) await this.#more().catch(() => {});
    return this.#decoder.decode(this.#buffer.subarray(from, Math.min(this.#filled, from + 500)));
  }
}
