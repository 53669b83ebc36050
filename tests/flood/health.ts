import { FloodSocket } from "./sockets.ts";
import type { FloodTarget } from "./scenario.ts";

/** Returns the milliseconds until `/health` responds, on new connections, tried until one is taken. */
export async function healthy(
  target: Pick<FloodTarget, "port" | "certificate">,
  limitMs: number,
): Promise<number> {
  const startedAt = performance.now();
  const head = "GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
  for (;;) {
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs > limitMs) return elapsedMs;
    const socket = await FloodSocket.open(target);
    const response = socket && await socket.send(head, 1_000) ? await socket.read(limitMs, 15) : "";
    socket?.close();
    if (/^HTTP\/1.1 (200|503)/.test(response)) return performance.now() - startedAt;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
