/**
 * Serves MCP on stdio, also when a setting keeps the program from working.
 *
 * @module
 */

import type { UnreadyConfig } from "../../config/config.ts";
import { aborted } from "../../core/abort.ts";
import { UsageError } from "../../core/errors.ts";
import { type HandshakeOptions, offersByCaller, openServer } from "../../mcp/handshake.ts";
import type { Program } from "../../runtime/program.ts";
import { serveStdioTransport, type StdioOptions, type StdioServerFactory } from "../../stdio.ts";
import { VERSION } from "../version.ts";
import type { App, AppConfig } from "./app.ts";
import { CALLS_MS, within } from "./drain.ts";
import { targetOf } from "./target.ts";

/**
 * Time that the first response has to get out before the app is built, in milliseconds: a thread of
 * its own writes it, and on a busy machine the two would compete.
 */
const RESPONDED_MS = 20;

/** Longest time for results to get out over stdio at the end, in milliseconds. */
const STDIO_DRAIN_MS = 50;

/**
 * Serves until the host hangs up or the process is asked to end. The response to `initialize` does
 * not wait for the app: it is built when that response is out, or for the first message that needs
 * it.
 */
export async function serveStdio(config: AppConfig, program: Program): Promise<void> {
  const { clock, log, stopping, protocol } = program;
  const app = new LateApp(config, program);
  const buildApp = () => void app.built().catch(() => {});
  // The agents that are tools are read at the start, and an executable that makes no traces says so.
  if (config.server.publish !== undefined || config.server.tracing) buildApp();
  let cancelBuild: (() => void) | undefined;
  const output: StdioOptions["output"] = {
    write(text) {
      cancelBuild ??= clock.after(RESPONDED_MS, buildApp);
      return protocol.output.write(text);
    },
    get failure() {
      return protocol.output.failure;
    },
    failed: protocol.output.failed,
  };
  const transport = serveStdioTransport(introduce(config, app), {
    log,
    input: protocol.input(),
    output,
    ready: async () => void await app.built(),
  });
  log.info(`Version ${VERSION} serves MCP on stdio, with ${targetOf(config)} behind it`);
  if (program.stdinIsTerminal) {
    log.info(
      "An MCP host starts this program and speaks JSON-RPC to it: type 'cma-mcp config <host>' to " +
        "put it into one, or 'cma-mcp demo' to see it work. Ctrl+C ends it",
    );
  }
  try {
    await Promise.race([transport.closed, aborted(stopping), app.failed]);
    const { current } = app;
    current?.waiter.close();
    if (stopping.aborted) {
      // A host that is still there gets the results of the waits that just ended and of other calls.
      if (current) await within(CALLS_MS, current.telemetry.calls.idle(), clock);
      await clock.sleep(STDIO_DRAIN_MS);
    }
  } finally {
    cancelBuild?.();
    await transport.close();
    await app.close();
  }
}

/** Makes servers that can introduce themselves, and equips each of them once the app is built. */
function introduce({ simulate, server }: AppConfig, app: LateApp): StdioServerFactory {
  const options: HandshakeOptions = {
    version: VERSION,
    simulated: simulate,
    toolSets: server.toolSets,
    // Who starts the program has all rights, and so sees the agents that are tools.
    ...(server.publish !== undefined && { publishing: { isFor: () => true } }),
  };
  const offerFor = offersByCaller(options);
  return (context, client) => {
    const offer = offerFor(undefined);
    const opened = openServer(options, offer, context, client);
    app.whenBuilt(({ equip }) => equip(opened, offer, context, client));
    return opened;
  };
}

/** An app whose code is loaded, and that is built, when it is first asked for. */
class LateApp {
  readonly #config: AppConfig;
  readonly #program: Program;
  readonly #failed = Promise.withResolvers<never>();
  #building: Promise<App> | undefined;
  #current: App | undefined;
  #isClosed = false;
  #listeners: ((app: App) => void)[] = [];

  constructor(config: AppConfig, program: Program) {
    this.#config = config;
    this.#program = program;
  }

  /** The app; undefined until it is built. */
  get current(): App | undefined {
    return this.#current;
  }

  /** Rejects when the app cannot be built. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Builds the app, unless it is built; all listeners have been called when it resolves. */
  built(): Promise<App> {
    return this.#building ??= this.#build();
  }

  /** Calls the listener with the app, at once if it is built. */
  whenBuilt(listener: (app: App) => void): void {
    if (this.#current) listener(this.#current);
    else this.#listeners.push(listener);
  }

  /** Closes the app, also one that is being built. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#failed.promise.catch(() => {});
    (await this.#building?.catch(() => undefined))?.close();
  }

  async #build(): Promise<App> {
    try {
      if (this.#isClosed) throw new Error("The server has ended");
      const { createApp } = await import("./app.ts");
      const app = this.#current = await createApp(this.#config, this.#program);
      for (const listener of this.#listeners.splice(0)) listener(app);
      return app;
    } catch (error) {
      this.#failed.reject(error);
      throw error;
    }
  }
}

/**
 * Tells the host which setting to change, until it hangs up or the process is asked to end.
 *
 * @throws UsageError at once where stdin is a terminal: there is no host to tell
 */
export async function serveUnready({ message }: UnreadyConfig, program: Program): Promise<void> {
  if (program.stdinIsTerminal) throw new UsageError(message);
  program.note(`cma-mcp: ${message}`);
  const { createUnreadyFactory } = await import("../../mcp/server.ts");
  const transport = openTransport(createUnreadyFactory({ version: VERSION, message }), program);
  await Promise.race([transport.closed, aborted(program.stopping)]);
  await transport.close();
}

function openTransport(
  factory: Parameters<typeof serveStdioTransport>[0],
  { log, protocol }: Program,
): ReturnType<typeof serveStdioTransport> {
  return serveStdioTransport(factory, { log, input: protocol.input(), output: protocol.output });
}
