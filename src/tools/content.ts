/**
 * What a tool's result holds beside its fields: images, documents, and links to resources.
 *
 * @module
 */

/** A block of an MCP result's `content` that is not text. */
export type ContentBlock =
  | { readonly type: "image"; readonly data: string; readonly mimeType: string }
  | {
    readonly type: "resource";
    readonly resource:
      & { readonly uri: string; readonly mimeType: string }
      & ({ readonly blob: string } | { readonly text: string });
  }
  | {
    readonly type: "resource_link";
    readonly uri: string;
    readonly name: string;
    readonly mimeType?: string;
    /** Bytes. */
    readonly size?: number;
  };

/**
 * Key of the blocks in a tool's result: a symbol, since they are no field of the structured result.
 */
export const CONTENT: unique symbol = Symbol("content");

/** Key of what a result gives to the session view alone: its `_meta`, which hosts keep from models. */
export const META: unique symbol = Symbol("meta");

/** A result that may have blocks, and `_meta`, beside its fields. */
export interface WithContent {
  readonly [CONTENT]?: readonly ContentBlock[];
  readonly [META]?: Readonly<Record<string, unknown>>;
}

/**
 * Most base64 characters of all blocks of a result: hosts refuse messages of about 1 MB
 * (Claude Desktop says "Maximum size is 1MB": anthropics/claude-code#66519).
 */
export const MAX_CONTENT_CHARS = 700_000;

/** Most bytes of them, of which base64 makes four characters for each three. */
export const MAX_CONTENT_BYTES = MAX_CONTENT_CHARS / 4 * 3;

/** Returns a block with the texts that an agent may have chosen redacted. */
export function redactBlock(block: ContentBlock, redact: (text: string) => string): ContentBlock {
  if (block.type === "resource" && "text" in block.resource) {
    const { resource } = block;
    return { ...block, resource: { ...resource, text: redact(block.resource.text) } };
  }
  if (block.type !== "resource_link") return block;
  return { ...block, name: redact(block.name) };
}
