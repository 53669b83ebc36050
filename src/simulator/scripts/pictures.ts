/**
 * Images and documents in the results of tools.
 *
 * @module
 */

import { pdfOf, pngOf } from "./documents.ts";
import { emit, type Steps, textContent, toolUse } from "../script.ts";

const LINE = /^(image|document)\s+([^\s/]+)\/(\S+)(?:\s+(https?:\/\/\S+))?$/;

/** A call of an MCP server's tool that returns an image or a document. */
export interface Picture {
  readonly type: "image" | "document";
  readonly server: string;
  readonly name: string;
  /** The address of the content, in place of its bytes. */
  readonly url?: string;
}

/** Reads a line such as `image charts/draw`; returns undefined for any other line. */
export function parsePicture(line: string): Picture | undefined {
  const [, type, server, name, url] = LINE.exec(line) ?? [];
  if (server === undefined || name === undefined) return undefined;
  return { type: type === "image" ? "image" : "document", server, name, ...(url && { url }) };
}

/** Calls the tool, and adds the result that holds the image or the document. */
export function* showPicture({ type, server, name, url }: Picture): Steps {
  const mcp_tool_use_id = yield* toolUse(name, {}, "allow", { server });
  const bytes = type === "image"
    ? { media_type: "image/png", data: base64Of(pngOf([3, 5, 6])) }
    : { media_type: "application/pdf", data: base64Of(pdfOf([`Drawn by ${name}`])) };
  const source = url === undefined ? { type: "base64", ...bytes } : { type: "url", url };
  const content = [...textContent(`Simulated ${type}.`), { type, source }];
  yield* emit("agent.mcp_tool_result", { mcp_tool_use_id, content, is_error: false });
}

function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
