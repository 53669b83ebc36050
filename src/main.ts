/**
 * The executable: composition root, and the only reader of arguments, environment, signals and
 * exit.
 *
 * @module
 */

import { countOpenableFiles, filesForWaits } from "./runtime/open_files.ts";
import { createFileReader, giveUpReading, resolveWithFiles } from "./runtime/files.ts";
import { type Config, resolveStart } from "./config/config.ts";
import { systemClock } from "./core/clock.ts";
import { UsageError } from "./core/errors.ts";
import { createLogger, type Logger } from "./core/logger.ts";
import { Output } from "./core/output.ts";
import { createRedact, type Redact } from "./core/redact.ts";
import { plainLine } from "./core/text.ts";
import { aborted, type Program } from "./runtime/program.ts";

/** Exit codes. */
const OK = 0;
const FAILED = 1;
const USAGE = 2;
const INTERRUPTED = 130;

/** Log lines that nobody has read yet, in bytes: some thousand lines. */
const MAX_UNREAD_LOG_BYTES = 1024 * 1024;

/** Results that a host has not read yet, in bytes: hundreds of the largest. */
const MAX_UNREAD_RESULT_BYTES = 64 * 1024 * 1024;

/** At the end, readers get this long for the next bytes, in milliseconds. */
const LAST_WORDS_MS = 500;

/** How long until a full pipe that does not block is tried again, in milliseconds. */
const WOULD_BLOCK_MS = 10;

/** The runtime writes on a thread of its own: a pipe that nobody reads blocks that one only. */
async function writeAsync(
  stream: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<number> {
  for (;;) {
    try {
      return await stream.write(bytes);
    } catch (error) {
      // Another process that has the same pipe may have made it one that does not block.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      await systemClock.sleep(WOULD_BLOCK_MS);
    }
  }
}

function secretsOf(config: Config): string[] {
  if (config.command !== "serve" && config.command !== "doctor") return [];
  const { http, credential } = config;
  const bindingKey = config.command === "serve" ? config.bindingKey : undefined;
  return [...http?.tokens ?? [], credential?.value ?? "", bindingKey ?? ""];
}

/** The process's output streams. */
class Outputs {
  /** Set when there is one. */
  log: Logger | undefined;

  readonly err = new Output({
    write: (bytes) => writeAsync(Deno.stderr, bytes),
    maxQueuedBytes: MAX_UNREAD_LOG_BYTES,
    onDropped: (lines) => this.log?.warn("Log lines were dropped: stderr was not read", { lines }),
  });

  readonly out = new Output({
    write: (bytes) => writeAsync(Deno.stdout, bytes),
    maxQueuedBytes: MAX_UNREAD_RESULT_BYTES,
  });

  /** Ends the process once what was written is out, as far as somebody reads it. */
  async exit(code: number): Promise<never> {
    await this.out.flush(systemClock, LAST_WORDS_MS);
    await this.err.flush(systemClock, LAST_WORDS_MS);
    Deno.exit(code);
  }
}

function createLog(config: Config, redact: Redact, { err }: Outputs): Logger {
  return createLogger({
    level: "log" in config ? config.log.level : "info",
    format: "log" in config ? config.log.format : "text",
    redact: redact.loose,
    write: (line) => void err.write(`${line}\n`),
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

/** Resolves when a command has been asked to end and should have: a disk that hangs may hold it. */
async function overdue(stopping: AbortSignal): Promise<number> {
  await aborted(stopping);
  await systemClock.sleep(LAST_WORDS_MS);
  return INTERRUPTED;
}

/** Windows has no such signal: closing a console window, which ends programs, arrives as it. */
function onReload(listener: () => void): () => void {
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener("SIGHUP", listener);
  return () => Deno.removeSignalListener("SIGHUP", listener);
}

function watchForBugs(log: Logger, outputs: Outputs): void {
  const end = (error: unknown) => {
    log.error("Ended by an error that nothing handled", { error: String(error) });
    log.debug("Where it came from", { stack: error instanceof Error ? error.stack : undefined });
    void outputs.exit(FAILED);
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

/** Asked where many connections are to be served, or such settings looked at. */
function openableFilesFor(config: Config): number | undefined {
  if (config.command !== "serve" && config.command !== "doctor") return undefined;
  if (!config.http || config.maxWaits === undefined) return undefined;
  return countOpenableFiles(filesForWaits(config.maxWaits));
}

/** Commands load what they need when they run: the server should not wait for the demo's code. */
async function run(config: Config, program: Program): Promise<number | void> {
  switch (config.command) {
    case "serve":
      return (await import("./commands/serve/serve.ts")).serve(config, program);
    case "unready":
      await (await import("./commands/serve/unready.ts")).serveUnready(config, program);
      return USAGE;
    case "demo":
      return (await import("./commands/demo.ts")).demo(program);
    case "doctor":
      return await (await import("./commands/doctor/doctor.ts")).doctor(config, program)
        ? OK
        : FAILED;
    case "config":
      return (await import("./commands/config.ts")).printHostConfig(config, program);
    case "simulator":
      return (await import("./commands/simulator.ts")).runSimulator(config, program);
    case "token":
      return (await import("./commands/token.ts")).printNewToken(config, program);
    case "health":
      return await (await import("./commands/health.ts")).health(config, program) ? OK : FAILED;
    case "help":
      return program.print((await import("./config/help.ts")).helpText(config.topic));
    case "version":
      return program.print((await import("./commands/version.ts")).versionText());
  }
}

/** What was printed must be out; a reader who wants no more of it, such as `head`, is no fault. */
async function finishPrinting({ out }: Outputs, stopping: AbortSignal): Promise<void> {
  await Promise.race([out.drained(), aborted(stopping)]);
  const { failure } = out;
  if (failure === undefined || failure instanceof Deno.errors.BrokenPipe) return;
  const reason = failure instanceof Error ? failure.message : String(failure);
  throw new Error(`Cannot write to stdout: ${reason}`);
}

async function main(outputs: Outputs): Promise<number> {
  const { out, err } = outputs;
  let redact = createRedact([]);
  try {
    const readFile = createFileReader(systemClock);
    const config = await resolveWithFiles(
      (readNow) => resolveStart(Deno.args, (name) => Deno.env.get(name), readNow),
      readFile,
    );
    const openableFiles = openableFilesFor(config);
    giveUpReading(config);
    redact = createRedact(secretsOf(config));
    const log = createLog(config, redact, outputs);
    outputs.log = log;
    watchForBugs(log, outputs);
    const stopping = stopSignal();
    const running = run(config, {
      clock: systemClock,
      log,
      redact,
      stopping,
      protocol: { input: () => Deno.stdin.readable, output: out },
      print: (line) => void out.write(`${line}\n`),
      printExactly: (text) => void out.write(text),
      note: (line) => void err.write(`${plainLine(line)}\n`),
      env: (name) => Deno.env.get(name),
      stdinIsTerminal: Deno.stdin.isTerminal(),
      color: Deno.stdout.isTerminal() && !Deno.noColor,
      readFile,
      onReload,
      openableFiles,
    });
    // A host that has ended its server is not waited for.
    const servesHost = config.command === "serve" || config.command === "unready";
    const code = await (servesHost ? running : Promise.race([running, overdue(stopping)]));
    if (!servesHost) await finishPrinting(outputs, stopping);
    return code ?? OK;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    err.write(`${redact.loose(plainLine(`cma-mcp: ${message}`))}\n`);
    return error instanceof UsageError ? USAGE : FAILED;
  }
}

if (import.meta.main) {
  const outputs = new Outputs();
  await outputs.exit(await main(outputs));
}
