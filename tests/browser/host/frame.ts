/**
 * The page of one call: its sandboxed frame, and the bridge to it.
 *
 * @module
 */

import type { CallToolResult } from "@modelcontextprotocol/client";
import {
  AppBridge,
  type McpUiHostContext,
  PostMessageTransport,
} from "@modelcontextprotocol/ext-apps/app-bridge";
import { hostDocument, type HostElement, type HostFrame } from "./dom.ts";
import type { HostRecord } from "./record.ts";
import type { Download, HostSettings } from "./settings.ts";

/** What a frame is made of. */
export interface FrameOptions {
  readonly id: string;
  /** The HTML document. */
  readonly page: Promise<string>;
  readonly tool: NonNullable<McpUiHostContext["toolInfo"]>["tool"];
  readonly args: Record<string, unknown>;
  readonly result: Promise<CallToolResult>;
  readonly callTool: NonNullable<AppBridge["oncalltool"]>;
  readonly settings: () => HostSettings;
  readonly record: HostRecord;
  readonly parent: HostElement;
}

/** Characters of a text that a host has when it sends the first part of the arguments. */
const CUT_AT = 9;

/** A page in a double frame: the outer one of another origin, the inner one of none. */
export class PageFrame {
  readonly #options: FrameOptions;
  readonly #slot = hostDocument().createElement("div");
  #bridge: AppBridge | undefined;

  constructor(options: FrameOptions) {
    this.#options = options;
    options.parent.append(this.#slot);
    void this.#mount();
  }

  async remount(): Promise<void> {
    await this.#bridge?.close();
    await this.#mount();
  }

  async teardown(): Promise<void> {
    await this.#bridge?.teardownResource({});
    await this.#bridge?.close();
    this.#bridge = undefined;
    this.#slot.replaceChildren();
  }

  setContext(context: McpUiHostContext): void {
    this.#bridge?.setHostContext({ ...this.#options.settings().context, ...context });
  }

  async #mount(): Promise<void> {
    const { id, settings } = this.#options;
    const { sandboxUrl, csp, capabilities, context } = settings();
    const frame = hostDocument().createElement("iframe");
    frame.id = id;
    frame.title = "Session";
    frame.src = sandboxUrl;
    this.#slot.replaceChildren(frame);
    const target = frame.contentWindow;
    if (!target) throw new Error("The frame has no window");
    const bridge = new AppBridge(null, { name: "test-host", version: "1.0.0" }, capabilities, {
      hostContext: { ...context, toolInfo: { tool: this.#options.tool } },
    });
    this.#bridge = bridge;
    this.#serve(bridge, frame);
    const initialized = new Promise<void>((resolve) => bridge.oninitialized = () => resolve());
    const ready = new Promise<void>((resolve) => bridge.onsandboxready = () => resolve());
    await bridge.connect(new PostMessageTransport(target, target));
    await ready;
    await bridge.sendSandboxResourceReady({
      html: withPolicy(await this.#options.page, csp),
      sandbox: "allow-scripts",
    });
    await initialized;
    // A call may end long after its page has begun.
    void this.#tell(bridge);
  }

  /** Sends the page what the host knows of the call, in the order in which it comes to know it. */
  async #tell(bridge: AppBridge): Promise<void> {
    const { args, result, settings } = this.#options;
    const { sendsPartialInput, holdsInput, dropsStructuredContent } = settings().habits;
    if (sendsPartialInput) {
      await bridge.sendToolInputPartial({ arguments: cutTexts(args) });
      await bridge.sendToolInputPartial({ arguments: args });
    }
    if (!holdsInput) await bridge.sendToolInput({ arguments: args });
    const ended = await result.catch((error: unknown) => String(error));
    if (this.#bridge !== bridge) return;
    if (holdsInput) await bridge.sendToolInput({ arguments: args });
    if (typeof ended === "string") return await bridge.sendToolCancelled({ reason: ended });
    const { content, isError } = ended;
    await bridge.sendToolResult(dropsStructuredContent ? { content, isError } : ended);
  }

  #serve(bridge: AppBridge, frame: HostFrame): void {
    const { record, settings, callTool } = this.#options;
    const { habits, capabilities } = settings();
    bridge.onsizechange = ({ height }) => {
      if (height !== undefined) frame.style.height = `${Math.ceil(height)}px`;
    };
    bridge.oncalltool = callTool;
    if (capabilities.openLinks) {
      bridge.onopenlink = ({ url }) => {
        record.links.push(url);
        return Promise.resolve({});
      };
    }
    if (capabilities.downloadFile) {
      bridge.ondownloadfile = ({ contents }) => {
        for (const content of contents) record.downloads.push(downloadOf(content));
        return Promise.resolve({});
      };
    }
    if (capabilities.message) {
      bridge.onmessage = ({ content }) => {
        if (habits.refusesTelling) return Promise.resolve({ isError: true });
        record.messages.push(textOf(content));
        return Promise.resolve({});
      };
    }
    if (capabilities.updateModelContext) {
      bridge.onupdatemodelcontext = ({ content }) => {
        if (habits.refusesTelling) throw new Error("This host takes no context");
        record.contexts.push(textOf(content ?? []));
        return Promise.resolve({});
      };
    }
    const modes = settings().context.availableDisplayModes ?? [];
    if (modes.length > 1) {
      bridge.onrequestdisplaymode = ({ mode }) => {
        const given = modes.includes(mode) ? mode : "inline";
        frame.classList.toggle("fullscreen", given === "fullscreen");
        this.setContext({ displayMode: given });
        return Promise.resolve({ mode: given });
      };
    }
    if (habits.answersUnknownWithSuccess) {
      bridge.fallbackRequestHandler = () => Promise.resolve({ status: "error" });
    }
  }
}

/** Returns the page with a policy as its first element, as hosts put it there. */
function withPolicy(html: string, csp: string): string {
  if (csp === "") return html;
  const policy = `<meta http-equiv="Content-Security-Policy" content="${csp}">`;
  return html.replace(/<head>/i, (head) => head + policy);
}

/** Returns the arguments with each text cut, as a model's are that is still writing. */
function cutTexts(args: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(args).map(([key, value]) => [
      key,
      typeof value === "string" ? value.slice(0, CUT_AT) : value,
    ]),
  );
}

function textOf(content: readonly { type: string }[]): string {
  return content.map((block) => "text" in block ? String(block.text) : `[${block.type}]`).join(
    "\n",
  );
}

type DownloadContent = Parameters<NonNullable<AppBridge["ondownloadfile"]>>[0]["contents"][number];

function downloadOf(content: DownloadContent): Download {
  if (content.type === "resource_link") return { name: content.name, mimeType: content.mimeType };
  const { resource } = content;
  const name = decodeURIComponent(resource.uri.slice(resource.uri.lastIndexOf("/") + 1));
  return {
    ...{ name, mimeType: resource.mimeType },
    ...("text" in resource ? { text: resource.text } : { blob: resource.blob }),
  };
}
