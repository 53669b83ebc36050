/**
 * The session view: a page that hosts show beside the results of a wait, by the extension MCP Apps
 * (`io.modelcontextprotocol/ui`, specification 2026-01-26).
 *
 * @module
 */

import type { ReadResourceResult } from "@modelcontextprotocol/server";
import { isFields } from "../api/read.ts";

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
