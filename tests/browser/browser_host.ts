/**
 * A host of session views in a browser's page, as a test drives it.
 *
 * @module
 */

import type { CallToolResult, ElicitResult } from "@modelcontextprotocol/client";
import type { McpUiHostContext } from "@modelcontextprotocol/ext-apps/app-bridge";
import type { FrameLocator, Page } from "playwright-core";
import type {
  HostCommands,
  HostConnection,
  HostSettings,
  PageCalls,
  Received,
} from "./host/settings.ts";

/** The settings that a test leaves to the stage. */
export type HostOptions = Partial<Omit<HostSettings, "connection" | "sandboxUrl">>;

/** The policy that hosts set by the specification's default, and Anthropic's inspector as well. */
const CSP = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; " +
  "img-src 'none'; font-src 'none'; connect-src 'none'; media-src 'none'; frame-src 'none'; " +
  "object-src 'none'; base-uri 'none'; form-action 'none'";

/** A host that can do everything. */
const DEFAULTS = {
  era: "auto",
  declares: true,
  elicits: false,
  capabilities: {
    openLinks: {},
    downloadFile: {},
    serverTools: {},
    updateModelContext: { text: {} },
    message: { text: {} },
  },
  context: {
    theme: "light",
    locale: "en-US",
    timeZone: "UTC",
    displayMode: "inline",
    availableDisplayModes: ["inline", "fullscreen"],
    platform: "web",
  },
  habits: {},
  csp: CSP,
} as const satisfies HostOptions;

/** The host of one test. */
export class BrowserHost {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Connects the host's client. @returns names of the tools that its model sees */
  open(
    connection: HostConnection,
    sandboxUrl: string,
    options: HostOptions = {},
  ): Promise<readonly string[]> {
    const settings = {
      ...DEFAULTS,
      ...options,
      context: { ...DEFAULTS.context, ...options.context },
      ...{ connection, sandboxUrl },
    };
    return this.#run("open", settings);
  }

  /** Calls a tool as the model does. @returns the number of the call */
  call(name: string, args: Record<string, unknown>): Promise<number> {
    return this.#run("call", name, args);
  }

  /** Waits for the result of a call. */
  result(call: number): Promise<CallToolResult> {
    return this.#run("result", call);
  }

  cancel(call: number): Promise<void> {
    return this.#run("cancel", call);
  }

  /** Takes the page of a call away and shows it anew, as a host that is loaded again. */
  remount(call: number): Promise<void> {
    return this.#run("remount", call);
  }

  teardown(call: number): Promise<void> {
    return this.#run("teardown", call);
  }

  setContext(context: McpUiHostContext): Promise<void> {
    return this.#run("setContext", context);
  }

  /** Says what becomes of the calls of pages from now on. @returns the number of those before */
  setPageCalls(calls: PageCalls): Promise<number> {
    return this.#run("setPageCalls", calls);
  }

  answerForm(result: ElicitResult): Promise<void> {
    return this.#run("answerForm", result);
  }

  /** Returns what pages and the server have asked of the host. */
  received(): Promise<Received> {
    return this.#run("received");
  }

  /** Waits until what the host has received is as it should be. @throws Error after 15 seconds */
  async until(isThere: (received: Received) => boolean, what: string): Promise<Received> {
    for (const end = Date.now() + 15_000; Date.now() < end;) {
      const received = await this.received();
      if (isThere(received)) return received;
      await this.page.waitForTimeout(50);
    }
    throw new Error(`The host has not received ${what}: ${JSON.stringify(await this.received())}`);
  }

  say(who: "person" | "model", text: string): Promise<void> {
    return this.#run("say", who, text);
  }

  /** Returns the page of a call. */
  view(call: number): FrameLocator {
    return this.page.frameLocator(`#call-${call}`).frameLocator("iframe");
  }

  #run<Name extends keyof HostCommands>(
    name: Name,
    ...args: Parameters<HostCommands[Name]>
  ): Promise<Awaited<ReturnType<HostCommands[Name]>>> {
    // As a text, because its types are those of the browser.
    const call = `runHostCommand(${JSON.stringify(name)}, ${JSON.stringify(args)})`;
    return this.page.evaluate<Awaited<ReturnType<HostCommands[Name]>>>(call);
  }
}
