/**
 * The executable: composition root, and the only reader of arguments, environment, signals and
 * exit.
 *
 * @module
 */

import { giveUpReading } from "./commands/reading.ts";
import { type Config, resolveStart } from "./config/config.ts";
import { systemClock } from "./core/clock.ts";
import { UsageError } from "./core/errors.ts";
import { createLogger, type Logger } from "./core/log.ts";
import { createRedact, type Redact } from "./core/redact.ts";
import type { Program } from "./commands/program.ts";

/** Exit codes. */
const OK = 0;
const FAILED = 1;
const USAGE = 2;
const INTERRUPTED = 130;

const encoder = new TextEncoder();

function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let sent = 0; sent < bytes.length;) sent += stream.writeSync(bytes.subarray(sent));
  } catch {
    // Whoever read this stream is gone; that must not end the work that others wait for.
  }
}

function writeLine(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  write(stream, `${line}\n`);
}

function secretsOf(config: Config): string[] {
  if (config.command !== "serve" && config.command !== "doctor") return [];
  const { http, credential } = config;
  const bindingKey = config.command === "serve" ? config.bindingKey : undefined;
  return [...http?.tokens ?? [], credential?.value ?? "", bindingKey ?? ""];
}

function createLog(config: Config, redact: Redact): Logger {
  return createLogger({
    level: "log" in config ? config.log.level : "info",
    format: "log" in config ? config.log.format : "text",
    redact,
    write: (line) => writeLine(Deno.stderr, line),
    now: () => systemClock.wallTime(),
  });
}

/** A signal that aborts when the process is asked to end; asked twice, the process ends at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) Deno.exit(INTERRUPTED);
    controller.abort();
  };
  Deno.addSignalListener("SIGINT", onSignal);
  // Windows knows no SIGTERM; closing the console window arrives as SIGHUP there.
  Deno.addSignalListener(Deno.build.os === "windows" ? "SIGHUP" : "SIGTERM", onSignal);
  return controller.signal;
}

/** Windows has no such signal: closing a console window, which ends programs, arrives as it. */
function onReload(listener: () => void): () => void {
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener("SIGHUP", listener);
  return () => Deno.removeSignalListener("SIGHUP", listener);
}

function watchForBugs(log: Logger): void {
  const end = (error: unknown) => {
    log.error("Ended by an error that nothing handled", { error: String(error) });
    log.debug("Where it came from", { stack: error instanceof Error ? error.stack : undefined });
    Deno.exit(FAILED);
  };
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    end(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    end(event.error);
  });
}

/** Commands load what they need when they run: the server should not wait for the demo's code. */
async function run(config: Config, program: Program): Promise<number | void> {
  switch (config.command) {
    case "serve":
      return (await import("./commands/serve.ts")).serve(config, program);
    case "unready":
      await (await import("./commands/serve_unready.ts")).serveUnready(config, program);
      return USAGE;
    case "demo":
      return (await import("./commands/demo.ts")).demo(program);
    case "doctor":
      return await (await import("./commands/doctor.ts")).doctor(config, program) ? OK : FAILED;
    case "config":
      return (await import("./commands/host_config.ts")).printHostConfig(config, program);
    case "simulator":
      return (await import("./commands/simulator.ts")).runSimulator(config, program);
    case "token":
      return (await import("./commands/new_token.ts")).printNewToken(config, program);
    case "health":
      return await (await import("./commands/health.ts")).health(config, program) ? OK : FAILED;
    case "help":
      return program.print((await import("./config/help.ts")).helpText(config.topic));
    case "version":
      return program.print((await import("./commands/version.ts")).versionText());
  }
}

async function main(): Promise<number> {
  let redact = createRedact([]);
  try {
    const config = resolveStart(
      Deno.args,
      (name) => Deno.env.get(name),
      (path) => Deno.readTextFileSync(path),
    );
    giveUpReading(config);
    redact = createRedact(secretsOf(config));
    const log = createLog(config, redact);
    watchForBugs(log);
    const code = await run(config, {
      clock: systemClock,
      log,
      redact,
      stopping: stopSignal(),
      print: (line) => writeLine(Deno.stdout, line),
      printExactly: (text) => write(Deno.stdout, text),
      note: (line) => writeLine(Deno.stderr, line),
      env: (name) => Deno.env.get(name),
      stdinIsTerminal: Deno.stdin.isTerminal(),
      color: Deno.stdout.isTerminal() && !Deno.noColor,
      readFile: (path) => Deno.readTextFile(path),
      onReload,
    });
    return code ?? OK;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    writeLine(Deno.stderr, redact(`cma-mcp: ${message}`).replace(/[\r\n]+/g, " "));
    return error instanceof UsageError ? USAGE : FAILED;
  }
}

if (import.meta.main) Deno.exit(await main());
