import { Child } from "../helpers/child.ts";
import { Spawned } from "../helpers/spawned.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { freePort } from "../helpers/free_port.ts";
import { processCost } from "../helpers/process_cost.ts";
import type { FloodScenario, FloodTarget } from "./scenario.ts";
import { healthy } from "./health.ts";
import type { Health, Probed } from "./prober.ts";
import { FloodSocket, post, request } from "./sockets.ts";

const TOKEN = "flood-token-flood-token-flood-token";
const PROBER = new URL("./prober.ts", import.meta.url).href;
const MEGABYTE = 1_024 * 1_024;
/** Megabytes that a flood may take on top of the program's own where a scenario says nothing. */
const MAX_MEGABYTES = 300;
/** Milliseconds between two readings of the memory. */
const PROBE_MS = 100;
/** Milliseconds that the program may take to recover. */
const RECOVERY_MS = 10_000;

/** Milliseconds that a flood may last. */
const FLOOD_MS = 60_000;

/** How the program withstood a flood. */
export interface FloodReport {
  readonly name: string;
  /** Longest time until a response of `/health`, connecting included: {@linkcode Health.worstMs}. */
  readonly worstHealthMs: number;
  /** Responses of `/health`. */
  readonly responses: number;
  /** Most memory on top of the program's own at start. */
  readonly megabytes: number;
  readonly maxMegabytes: number;
  /** Time from the end of the flood until a call on a new connection worked. */
  readonly recoveryMs: number;
  /** Other faults. */
  readonly complaints: readonly string[];
}

/** Floods the program, spawned for it, in one way. */
export async function playFlood(scenario: FloodScenario, scale = 1): Promise<FloodReport> {
  const prepared = await scenario.prepare?.() ?? {};
  const files = await Deno.makeTempDir();
  const certificate = scenario.tls ? await makeCertificate() : undefined;
  if (certificate) {
    await Deno.writeTextFile(`${files}/cert.pem`, certificate.cert);
    await Deno.writeTextFile(`${files}/key.pem`, certificate.key);
  }
  const port = freePort();
  const tls = certificate ? [`--tls-cert=${files}/cert.pem`, `--tls-key=${files}/key.pem`] : [];
  const args = ["--http", `--port=${port}`, ...tls, ...prepared.args ?? ["--simulate"]];
  const env = { MANAGED_AGENTS_MCP_TOKEN: TOKEN, ...prepared.env };
  const program = new Spawned(args, env, undefined, scenario.unread, scenario.openFiles);
  const target: FloodTarget = {
    ...{ port, token: TOKEN, scale, certificate: certificate?.cert },
    session_id: prepared.session_id,
  };
  const complaints: string[] = [];
  const flooding = new AbortController();
  const running: Promise<unknown>[] = [];
  try {
    await healthy(target, 30_000);
    await call(target);
    const before = await memoryOf(program.pid);
    const { pid } = program;
    const probed: Probed = { port, pid, certificate: certificate?.cert, limitMs: RECOVERY_MS };
    await using prober = new Child({ args: ["-A", PROBER, JSON.stringify(probed)] });
    await prober.readLine();
    const watching = watchMemory(pid, flooding.signal);
    const flood = scenario.flood(target);
    running.push(watching, flood);
    const ended = await within(FLOOD_MS, flood);
    if (!ended) complaints.push(`the flood did not end within ${FLOOD_MS} ms`);
    flooding.abort();
    const peak = await watching;
    const { worstMs, responses } = await prober.ask<Health>("the flood is over");
    const startedAt = performance.now();
    const recovered = await call(target);
    const recoveryMs = Math.round(performance.now() - startedAt);
    if (!recovered) complaints.push(`no call works ${RECOVERY_MS} ms after the flood`);
    const limit = scenario.maxMegabytes ?? MAX_MEGABYTES;
    program.kill("SIGTERM");
    const { code } = await program.ending();
    if (code !== 0) complaints.push(`it ended with ${code}`);
    const log = program.stderr.join("\n");
    if (scenario.says && !scenario.says.test(log)) {
      complaints.push(`no ${scenario.says} in the log`);
    }
    if (program.stderr.some((line) => line.includes("nothing handled"))) complaints.push("a bug");
    return {
      name: scenario.name,
      worstHealthMs: Math.round(worstMs),
      responses,
      megabytes: Math.round((peak - before) / MEGABYTE),
      maxMegabytes: limit,
      recoveryMs,
      complaints,
    };
  } finally {
    flooding.abort();
    try {
      program.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    // What is still sent has no program any more. A flood that goes on all the same hangs no run.
    await within(FLOOD_MS, Promise.allSettled([program.ending(), ...running]));
    await Deno.remove(files, { recursive: true });
    await prepared.close?.();
  }
}

/** Tells whether `done` resolves within `ms` milliseconds. */
async function within(ms: number, done: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), ms);
  return await Promise.race([done.then(() => true), late.promise]).finally(() =>
    clearTimeout(timer)
  );
}

/** Reads the memory of a process until the signal. @returns the most that it had */
async function watchMemory(pid: number, signal: AbortSignal): Promise<number> {
  let peak = 0;
  while (!signal.aborted) {
    peak = Math.max(peak, await memoryOf(pid));
    await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
  }
  return peak;
}

async function memoryOf(pid: number): Promise<number> {
  return (await processCost(pid))?.rssBytes ?? 0;
}

/** Tries a call until it works. @returns false when it does not work in time */
async function call(target: FloodTarget): Promise<boolean> {
  const message = request(1, "tools/call", { name: "list_agents", arguments: { limit: 1 } });
  const text = post(JSON.stringify(message), target.token, ["connection: close"]);
  const deadline = performance.now() + RECOVERY_MS;
  while (performance.now() < deadline) {
    const socket = await FloodSocket.open(target);
    const response = socket && await socket.send(text) ? await socket.read(RECOVERY_MS) : "";
    socket?.close();
    if (response.startsWith("HTTP/1.1 200") && response.includes('"structuredContent"')) {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
