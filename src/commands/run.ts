/**
 * Runs the program: resolves arguments and environment to a command, runs it, and exits with its
 * code.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { EXIT } from "../config/exit_codes.ts";
import { readsFiles, resolveStart } from "../config/resolve.ts";
import { aborted } from "../core/abort.ts";
import { systemClock } from "../core/clock.ts";
import { isBrokenPipe, messageOf, UsageError } from "../core/errors.ts";
import { LiveLine } from "../core/live_line.ts";
import { createLogger, type Logger } from "../core/logger.ts";
import { Output, Turns } from "../core/output.ts";
import { showsColor } from "../core/paint.ts";
import { createRedact } from "../core/redact.ts";
import { plainLine } from "../core/text.ts";
import { createFileReaders } from "../runtime/files.ts";
import type { Program } from "../runtime/program.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { openFilesProblem } from "./open_files.ts";

/** Bound of log lines that nobody has read yet, in bytes: some thousand lines. */
const MAX_UNREAD_LOG_BYTES = 1024 * 1024;

/**
 * Pause between two writes of log lines, in milliseconds: each write wakes a thread, which costs a
 * third of a short call.
 */
const LOG_PAUSE_MS = 50;

/** Bound of results that a host has not read yet, in bytes: hundreds of the largest. */
const MAX_UNREAD_RESULT_BYTES = 64 * 1024 * 1024;

/** Time that readers get for the next bytes at the end, in milliseconds. */
const LAST_WORDS_MS = 500;

/** Runs the command of the command line, and ends the process with its exit code. */
export async function run(runtime: Runtime): Promise<never> {
  const streams = openStreams(runtime);
  let redact = createRedact([]);
  try {
    const files = createFileReaders(systemClock);
    const config = await resolveStart(runtime.args, runtime.env, files.readFile);
    redact = createRedact(secretsOf(config));
    // Count now: that opens files, and the permission to read may be given up next.
    const problem = "http" in config && config.http && config.server.maxWaits !== undefined
      ? openFilesProblem(config.server.maxWaits, runtime.countOpenableFiles)
      : undefined;
    if (!readsFiles(config)) runtime.giveUpReading();
    const liveLine = new LiveLine({
      write: (text) => void streams.err.write(text),
      isTerminal: runtime.stderrIsTerminal,
      columns: runtime.columns,
      clock: systemClock,
    });
    const log = streams.log = createLogger({
      level: "log" in config ? config.log.level : "info",
      format: "log" in config ? config.log.format : "text",
      redact: redact.loose,
      write: (line) => liveLine.print(line),
      now: () => systemClock.wallTime(),
    });
    endOnBugs(runtime, log, streams);
    const print = (text: string) =>
      streams.turns.take(streams.out, () => void streams.out.write(text));
    const program: Program = {
      ...runtime,
      ...files,
      clock: systemClock,
      log,
      redact,
      stopping: stopSignal(runtime),
      protocol: { input: runtime.stdin, output: streams.out },
      color: showsColor(runtime.stdoutIsTerminal, runtime.env),
      print: (line) => print(`${line}\n`),
      printExactly: print,
      note: (line) => streams.turns.take(streams.err, () => liveLine.print(plainLine(line))),
      liveLine: {
        show: (text) => liveLine.show(text),
        hide() {
          liveLine.hide();
          return streams.err.flush(systemClock, LAST_WORDS_MS);
        },
      },
      openFilesProblem: problem,
    };
    return await exit(runtime, streams, await runToEnd(config, program, streams));
  } catch (error) {
    const message = messageOf(error);
    streams.err.write(`${redact.loose(plainLine(`cma-mcp: ${message}`))}\n`);
    return await exit(runtime, streams, error instanceof UsageError ? EXIT.usage : EXIT.failed);
  }
}

/** Runs a command. Loads its code only now: the server should not wait for the demo's. */
async function runCommand(config: Config, program: Program): Promise<number | void> {
  switch (config.command) {
    case "serve":
      return (await import("./serve/serve.ts")).serve(config, program);
    case "unready":
      await (await import("./serve/stdio.ts")).serveUnready(config, program);
      return EXIT.usage;
    case "demo":
      return (await import("./demo.ts")).demo(config, program);
    case "agents":
    case "sessions":
    case "environments":
      return (await import("./lists.ts")).list(config, program);
    case "files":
      return (await import("./files.ts")).files(config, program);
    case "ask":
      return (await import("./ask.ts")).ask(config, program);
    case "doctor":
      return await (await import("./doctor/doctor.ts")).doctor(config, program)
        ? EXIT.ok
        : EXIT.failed;
    case "config":
      return (await import("./config.ts")).printHostConfig(config, program);
    case "simulator":
      return (await import("./simulator.ts")).runSimulator(config, program);
    case "token":
      return (await import("./token.ts")).printNewToken(config, program);
    case "sealing-key":
      return (await import("./token.ts")).printNewSealingKey(program);
    case "access":
      return (await import("./access.ts")).checkAccess(config, program);
    case "health":
      return await (await import("./health.ts")).health(config, program) ? EXIT.ok : EXIT.failed;
    case "completions":
      return program.print(
        (await import("../config/completions.ts")).completionScript(config.shell),
      );
    case "help":
      return program.print((await import("../config/help.ts")).helpText(config.topic));
    case "version":
      return program.print((await import("./version.ts")).versionText());
  }
}

/**
 * Waits for a command and returns its exit code. One that serves a host may take its time; others
 * have to end soon after a stop.
 */
async function runToEnd(
  config: Config,
  program: Program,
  { out, turns }: Streams,
): Promise<number> {
  const { stopping } = program;
  const running = runCommand(config, program);
  if (config.command === "serve" || config.command === "unready") return await running ?? EXIT.ok;
  // A disk that hangs may hold a command that has been asked to end.
  const overdue = aborted(stopping).then(() => systemClock.sleep(LAST_WORDS_MS));
  // What fails then fails because of the stop.
  const ended = running.catch((error) => {
    if (!stopping.aborted) throw error;
    return EXIT.interrupted;
  });
  // Nobody reads the rest. The simulator goes on: its work is not what it prints.
  const unread = config.command === "simulator" ? [] : [out.failed.then(() => EXIT.ok)];
  const code = await Promise.race([ended, overdue.then(() => EXIT.interrupted), ...unread]) ??
    EXIT.ok;
  // All printed output must be written.
  await Promise.race([turns.done().then(() => out.drained()), aborted(stopping)]);
  const { failure } = out;
  // A reader may stop early, as `head` does.
  if (failure === undefined || isBrokenPipe(failure)) return code;
  const reason = messageOf(failure);
  throw new Error(`Cannot write to stdout: ${reason}`);
}

/** The process's output streams. */
interface Streams {
  readonly out: Output;
  readonly err: Output;
  /** For lines of commands: a terminal shows them in the order in which they were written. */
  readonly turns: Turns;
  /** Set once there is a logger. */
  log?: Logger;
}

function openStreams({ writeOut, writeErr }: Runtime): Streams {
  const streams: Streams = {
    turns: new Turns(systemClock, LAST_WORDS_MS),
    out: new Output({ write: writeOut, maxQueuedBytes: MAX_UNREAD_RESULT_BYTES }),
    err: new Output({
      write: writeErr,
      maxQueuedBytes: MAX_UNREAD_LOG_BYTES,
      pause: { ms: LOG_PAUSE_MS, clock: systemClock },
      onDropped: (lines) =>
        streams.log?.warn("Log lines were dropped: stderr was not read", { lines }),
    }),
  };
  return streams;
}

/** Ends the process once its output is written, as far as somebody reads it. */
async function exit(runtime: Runtime, { out, err, turns }: Streams, code: number): Promise<never> {
  await turns.done();
  await out.flush(systemClock, LAST_WORDS_MS);
  await err.flush(systemClock, LAST_WORDS_MS);
  return runtime.exit(code);
}

function endOnBugs(runtime: Runtime, log: Logger, streams: Streams): void {
  runtime.onUnhandledError((error) => {
    log.error("Ended by an error that nothing handled", { error: String(error) });
    log.debug("Where it came from", { stack: error instanceof Error ? error.stack : undefined });
    void exit(runtime, streams, EXIT.failed);
  });
}

/**
 * Returns a signal that aborts when the process is asked to end; a second request ends the process
 * at once.
 */
function stopSignal(runtime: Runtime): AbortSignal {
  const controller = new AbortController();
  runtime.onStop(() => {
    if (controller.signal.aborted) runtime.exit(EXIT.interrupted);
    controller.abort();
  });
  return controller.signal;
}

function secretsOf(config: Config): string[] {
  const credential = "credential" in config ? config.credential : undefined;
  const http = "http" in config ? config.http : undefined;
  const bindingKey = config.command === "serve" ? config.bindingKey : undefined;
  const sealing = "sealing" in config ? config.sealing : undefined;
  const sealingKeys = sealing?.keys.map(({ text }) => text) ?? [];
  const clientSecrets = http?.oauth?.issuers.map((issuer) => issuer.introspection?.clientSecret);
  return [http?.token, credential?.value, bindingKey, ...sealingKeys, ...clientSecrets ?? []]
    .filter((secret) => secret !== undefined);
}
