/**
 * A host of session views, in a browser's page: an MCP client, a conversation, and for each call a
 * sandboxed page behind the specification's own `AppBridge`.
 *
 * @module
 */

import {
  type CallToolResult,
  Client,
  type ElicitResult,
  StreamableHTTPClientTransport,
  type Transport,
} from "@modelcontextprotocol/client";
import {
  getToolUiResourceUri,
  RESOURCE_MIME_TYPE,
} from "@modelcontextprotocol/ext-apps/app-bridge";
import { hostDocument, type HostElement } from "./dom.ts";
import { PageFrame } from "./frame.ts";
import { HostRecord } from "./record.ts";
import { SocketTransport } from "./socket_transport.ts";
import type { HostCommands, HostSettings } from "./settings.ts";

type ToolEntry = Awaited<ReturnType<Client["listTools"]>>["tools"][number];

/** Most milliseconds that the host gives a call of the model: more than any test needs. */
const CALL_TIMEOUT_MS = 300_000;

/** A call of the model, and its page. */
interface HostCall {
  readonly tool: ToolEntry;
  readonly args: Record<string, unknown>;
  readonly stop: AbortController;
  readonly result: Promise<CallToolResult>;
  readonly frame?: PageFrame;
}

class TestHost implements HostCommands {
  readonly #record = new HostRecord();
  readonly #calls: HostCall[] = [];
  #settings!: HostSettings;
  #client!: Client;
  #tools: readonly ToolEntry[] = [];

  async open(settings: HostSettings): Promise<readonly string[]> {
    this.#settings = settings;
    this.#showTheme();
    this.#client = new Client({ name: "test-host", version: "1.0.0" }, {
      versionNegotiation: { mode: settings.era },
      capabilities: {
        ...(settings.elicits && { elicitation: { form: {} } }),
        ...(settings.declares && {
          extensions: { "io.modelcontextprotocol/ui": { mimeTypes: [RESOURCE_MIME_TYPE] } },
        }),
      },
    });
    if (settings.elicits) {
      this.#client.setRequestHandler("elicitation/create", ({ params }, { mcpReq }) => {
        if (params.mode === "url") throw new Error("This host shows forms only");
        return this.#record.ask(params, mcpReq.signal);
      });
    }
    await this.#client.connect(this.#transport());
    this.#tools = (await this.#client.listTools()).tools;
    return this.#tools.filter((tool) => isFor(tool, "model")).map(({ name }) => name);
  }

  call(name: string, args: Record<string, unknown>): number {
    const tool = this.#tools.find((one) => one.name === name);
    if (!tool) throw new Error(`The server has no tool ${name}`);
    if (!isFor(tool, "model")) throw new Error(`The model does not see ${name}`);
    const stop = new AbortController();
    const result = this.#client.callTool({ name, arguments: args }, {
      signal: stop.signal,
      timeout: CALL_TIMEOUT_MS,
      onprogress: () => {},
    });
    // A test that wants it asks for it.
    result.catch(() => {});
    const uri = getToolUiResourceUri(tool);
    const frame = uri === undefined || !this.#settings.declares
      ? undefined
      : this.#mount(uri, tool, args, result);
    this.#calls.push({ tool, args, stop, result, frame });
    return this.#calls.length - 1;
  }

  result(call: number): Promise<CallToolResult> {
    return this.#at(call).result;
  }

  cancel(call: number): void {
    this.#at(call).stop.abort();
  }

  async remount(call: number): Promise<void> {
    await this.#at(call).frame?.remount();
  }

  async teardown(call: number): Promise<void> {
    await this.#at(call).frame?.teardown();
  }

  setContext(context: HostSettings["context"]): void {
    this.#settings = { ...this.#settings, context: { ...this.#settings.context, ...context } };
    this.#showTheme();
    for (const { frame } of this.#calls) frame?.setContext(context);
  }

  setPageCalls(calls: HostRecord["pageCalls"]): number {
    this.#record.pageCalls = calls;
    return this.#record.received().calls.length;
  }

  answerForm(result: ElicitResult): void {
    this.#record.answerForm(result);
  }

  received(): ReturnType<HostCommands["received"]> {
    return this.#record.received();
  }

  say(who: "person" | "model", text: string): void {
    const block = hostDocument().createElement("div");
    block.className = who;
    block.textContent = text;
    conversation().append(block);
  }

  #at(call: number): HostCall {
    const found = this.#calls[call];
    if (!found) throw new Error(`There is no call ${call}`);
    return found;
  }

  #transport(): Transport {
    const { connection } = this.#settings;
    if (connection.kind === "stdio") return new SocketTransport(connection.url);
    return new StreamableHTTPClientTransport(new URL(connection.url), {
      requestInit: { headers: { authorization: `Bearer ${connection.token}` } },
    });
  }

  #mount(
    uri: string,
    tool: ToolEntry,
    args: Record<string, unknown>,
    result: Promise<CallToolResult>,
  ): PageFrame {
    const id = `call-${this.#calls.length}`;
    const page = this.#client.readResource({ uri }).then(({ contents }) => pageOf(contents));
    const callTool = async (params: { name: string; arguments?: Record<string, unknown> }) => {
      this.#record.called(params.name);
      if (this.#record.pageCalls === "held") await this.#record.released;
      if (this.#record.pageCalls === "silent") return await new Promise<never>(() => {});
      if (this.#record.pageCalls === "fail") throw new Error("The connection is lost");
      const wanted = this.#tools.find(({ name }) => name === params.name);
      if (!wanted || !isFor(wanted, "app")) throw new Error(`A page cannot call ${params.name}`);
      return await this.#client.callTool(params);
    };
    return new PageFrame({
      ...{ id, page, tool, args, result, callTool },
      settings: () => this.#settings,
      record: this.#record,
      parent: conversation(),
    });
  }

  #showTheme(): void {
    const { theme, displayMode } = this.#settings.context;
    hostDocument().documentElement.dataset.theme = theme ?? "light";
    conversation().classList.toggle("wide", displayMode === "fullscreen");
  }
}

function conversation(): HostElement {
  const main = hostDocument().querySelector("main");
  if (!main) throw new Error("The host's page has no conversation");
  return main;
}

/** Returns true if the tool is shown to the model, or to pages: to both where it does not say. */
function isFor(tool: ToolEntry, whom: "model" | "app"): boolean {
  const ui: unknown = tool._meta?.ui;
  const visibility = typeof ui === "object" && ui !== null && "visibility" in ui
    ? ui.visibility
    : undefined;
  return !Array.isArray(visibility) || visibility.includes(whom);
}

/** Returns the page, if it is what the specification demands. */
function pageOf(contents: readonly { mimeType?: string; text?: unknown }[]): string {
  const [content, ...more] = contents;
  if (more.length > 0 || content?.mimeType !== RESOURCE_MIME_TYPE) {
    throw new Error("The page is not one content of the specification's type");
  }
  if (typeof content.text !== "string") throw new Error("The page is no text");
  return content.text;
}

const host = new TestHost();
Object.assign(globalThis, {
  /** Runs a command of {@linkcode HostCommands}, by its name. */
  runHostCommand: async (name: keyof HostCommands, args: unknown[]): Promise<unknown> => {
    const run: unknown = host[name];
    if (typeof run !== "function") throw new Error(`The host has no command ${name}`);
    return await Reflect.apply(run, host, args);
  },
});
