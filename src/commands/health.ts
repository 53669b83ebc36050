/**
 * `cma-mcp health`: requests `/health` from the server on this machine, in images without `curl`.
 *
 * @module
 */

import type { HealthConfig } from "../config/config.ts";
import { bindSignal, raceSignal } from "../core/abort.ts";
import { reachableHost } from "../core/addresses.ts";
import { messageOf } from "../core/errors.ts";
import { plainLine } from "../core/text.ts";
import type { Program } from "../runtime/program.ts";
import type { Connection } from "../runtime/runtime.ts";

type HealthProgram = Pick<Program, "clock" | "readFile" | "connect">;

/** Longest time for the server's response, in milliseconds. */
const TIMEOUT_MS = 3_000;

/** Bytes of the response that are read; the status line comes first. */
const MAX_BYTES = 1024;

/** First byte of an alert (RFC 8446, section 5.1): a TLS server's response to plain HTTP. */
const TLS_ALERT = 0x15;

/** Connects without `fetch`, which would go through the environment's proxy. */
async function connect(config: HealthConfig, program: HealthProgram): Promise<Connection> {
  const { port, certFile } = config;
  const certificate = certFile === undefined ? undefined : await program.readFile(certFile);
  return await program.connect({ host: reachableHost(config.listenAddress), port, certificate });
}

async function statusLine(connection: Connection): Promise<string> {
  const request = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  const buffer = new Uint8Array(MAX_BYTES);
  let answer = "";
  while (!answer.includes("\r\n") && answer.length < MAX_BYTES) {
    const count = await connection.read(buffer);
    if (count === null) break;
    if (answer === "" && buffer[0] === TLS_ALERT) {
      throw new Error("it speaks TLS: name its certificate with --tls-cert");
    }
    answer += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return answer.split("\r\n")[0] ?? "";
}

async function ask(config: HealthConfig, program: HealthProgram): Promise<string> {
  const bound = bindSignal(program.clock, { timeoutMs: TIMEOUT_MS });
  const { signal } = bound;
  const connecting = connect(config, program);
  // Closing the connection ends a pending read; a connection that comes too late is closed as well.
  connecting.then((connection) => {
    if (signal.aborted) return connection.close();
    signal.addEventListener("abort", () => connection.close(), { once: true });
  }, () => {});
  try {
    const connection = await raceSignal(connecting, signal);
    try {
      return await raceSignal(statusLine(connection), signal);
    } finally {
      if (!signal.aborted) connection.close();
    }
  } finally {
    bound.dispose();
  }
}

/**
 * Prints `ok`, or the problem.
 *
 * @returns true when the server responds with 200
 */
export async function health(
  config: HealthConfig,
  program: HealthProgram & Pick<Program, "print">,
): Promise<boolean> {
  const place = `${reachableHost(config.listenAddress)}:${config.port}`;
  try {
    const status = await ask(config, program);
    const alive = /^HTTP\/1\.[01] 200(\s|$)/.test(status);
    program.print(alive ? "ok" : plainLine(`${place} answers '${status}', not 200`));
    return alive;
  } catch (error) {
    const reason = messageOf(error);
    program.print(plainLine(`${place} does not answer: ${reason}`));
    return false;
  }
}
