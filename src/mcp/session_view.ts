/**
 * The session view: a page that hosts show beside the results of a wait, by the extension MCP Apps
 * (`io.modelcontextprotocol/ui`, specification 2026-01-26).
 *
 * @module
 */

import {
  CLIENT_CAPABILITIES_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  type ReadResourceResult,
} from "@modelcontextprotocol/server";
import { isFields } from "../api/read.ts";
import type { ToolDefinition } from "../tools/define.ts";

/** Name of the extension among a client's capabilities, and a server's. */
export const VIEW_EXTENSION = "io.modelcontextprotocol/ui";

/** Address of the page. */
export const PAGE_URI = "ui://cma-mcp/session.html";

/** Type of pages by the specification: hosts compare it exactly. */
export const PAGE_MIME_TYPE = "text/html;profile=mcp-app";

/**
 * Returns true for the capabilities of a client that shows pages. Others may name the extension
 * without the type of our page.
 */
export function declaresView(capabilities: unknown): boolean {
  const extensions = isFields(capabilities) ? capabilities.extensions : undefined;
  const extension = isFields(extensions) ? extensions[VIEW_EXTENSION] : undefined;
  const types = isFields(extension) ? extension.mimeTypes : undefined;
  return Array.isArray(types) && types.includes(PAGE_MIME_TYPE);
}

/**
 * Reads in a message, or a batch of them, if its client shows the view. Before 2026-07-28 a client
 * declares its extensions once, when it initializes; since then with each request.
 *
 * @returns undefined where the message says nothing about its client
 */
export function declaredView(message: unknown): boolean | undefined {
  if (Array.isArray(message)) {
    return message.map(declaredView).find((declared) => declared !== undefined);
  }
  if (!isFields(message) || !isFields(message.params)) return undefined;
  const { _meta: meta, capabilities } = message.params;
  if (isFields(meta) && PROTOCOL_VERSION_META_KEY in meta) {
    return declaresView(meta[CLIENT_CAPABILITIES_META_KEY]);
  }
  return message.method === "initialize" ? declaresView(capabilities) : undefined;
}

/** Returns true for a request that reads the page. */
export function readsPage(message: unknown): boolean {
  return isFields(message) && message.method === "resources/read" && isFields(message.params) &&
    message.params.uri === PAGE_URI;
}

/** `_meta` of a tool in `tools/list`, by its part in the view, for clients that show the view. */
export function viewMeta({ view }: Pick<ToolDefinition, "view">): Record<string, unknown> {
  if (view === "app_only") return { ui: { visibility: ["app"] } };
  if (view !== "shown") return {};
  // The second key is that of the time before the specification: some hosts know only that one
  // (anthropics/claude-ai-mcp#71).
  return { ui: { resourceUri: PAGE_URI }, "ui/resourceUri": PAGE_URI };
}

/** Returns the page as `resources/read` has it; its text is loaded when it is first asked for. */
export async function sessionPage(): Promise<ReadResourceResult["contents"]> {
  const { SESSION_PAGE } = await import("./session_page.ts");
  return [{
    uri: PAGE_URI,
    mimeType: PAGE_MIME_TYPE,
    text: SESSION_PAGE,
    // Without `csp` the host allows the page's own script and style, and no connection.
    _meta: { ui: { prefersBorder: true } },
  }];
}
