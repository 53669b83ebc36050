/**
 * How a test sets the host, and what it asks of it. The host runs in the browser's page, the test in
 * Deno: what passes between them is data.
 *
 * @module
 */

import type {
  CallToolResult,
  ElicitRequestFormParams,
  ElicitResult,
} from "@modelcontextprotocol/client";
import type {
  McpUiHostCapabilities,
  McpUiHostContext,
} from "@modelcontextprotocol/ext-apps/app-bridge";

/** How the host behaves. */
export interface HostSettings {
  readonly connection: HostConnection;
  /** `auto` takes the newest protocol era that the server has, `legacy` the one of 2025-11-25. */
  readonly era: "auto" | "legacy";
  /** False: the client does not declare the extension, as a host without views. */
  readonly declares: boolean;
  /** True: the client asks the person by forms. */
  readonly elicits: boolean;
  /** What the host tells a page that it can do. */
  readonly capabilities: McpUiHostCapabilities;
  readonly context: McpUiHostContext;
  readonly habits: HostHabits;
  /** Address of the document that holds the page, of another origin. */
  readonly sandboxUrl: string;
  /** Policy that the host adds to the page; none when empty. */
  readonly csp: string;
}

/** The way to the server: MCP over HTTP, or a WebSocket that stands for its stdin and stdout. */
export type HostConnection =
  | { readonly kind: "http"; readonly url: string; readonly token: string }
  | { readonly kind: "stdio"; readonly url: string };

/** In what a host may differ from the specification; each is off when absent. */
export interface HostHabits {
  /** Sends the arguments while the model writes them: one cut text, then all. */
  readonly sendsPartialInput?: boolean;
  /** Sends the arguments only when the call has ended, as was reported of claude.ai. */
  readonly holdsInput?: boolean;
  /** Sends a result's text only, as was reported of Claude Desktop with local servers. */
  readonly dropsStructuredContent?: boolean;
  /** Answers methods that it does not know with a success that says `error`, as goose does. */
  readonly answersUnknownWithSuccess?: boolean;
  /** Refuses what the page would tell the model. */
  readonly refusesTelling?: boolean;
}

/**
 * How the host passes on a page's calls of tools: to the server, to the server but not before others
 * pass, to an error, or to nobody.
 */
export type PageCalls = "pass" | "held" | "fail" | "silent";

/** What pages have asked of the host. */
export interface Received {
  /** Texts that a page sent to the conversation. */
  readonly messages: readonly string[];
  /** Texts that a page put into the model's context; the last one counts. */
  readonly contexts: readonly string[];
  readonly links: readonly string[];
  readonly downloads: readonly Download[];
  /** Names of the tools that pages have called, in order. */
  readonly calls: readonly string[];
  /** The forms that the host shows at this moment. */
  readonly forms: readonly ElicitRequestFormParams[];
}

/** A file that a page handed to the host. */
export interface Download {
  readonly name: string;
  readonly mimeType?: string;
  readonly text?: string;
  /** Base64. */
  readonly blob?: string;
}

/** What a test can ask of the host in the page. */
export interface HostCommands {
  /** Connects the client. @returns names of the tools that the model sees */
  open(settings: HostSettings): Promise<readonly string[]>;
  /** Calls a tool as a model does, and shows the page where the tool has one. @returns its number */
  call(name: string, args: Record<string, unknown>): number;
  /** Waits for the result of a call. */
  result(call: number): Promise<CallToolResult>;
  /** Cancels a call, as a person who stops the model. */
  cancel(call: number): void;
  /** Takes the page of a call away and shows it anew, with what it had been sent. */
  remount(call: number): Promise<void>;
  /** Tells the page of a call that it goes, and takes it away. */
  teardown(call: number): Promise<void>;
  /** Changes the context of every page. */
  setContext(context: McpUiHostContext): void;
  /** Says what becomes of the calls of pages from now on. @returns the number of those before */
  setPageCalls(calls: PageCalls): number;
  /** Answers the form that was shown first. */
  answerForm(result: ElicitResult): void;
  received(): Received;
  /** Shows a text in the conversation, as the person's or the model's. */
  say(who: "person" | "model", text: string): void;
}
