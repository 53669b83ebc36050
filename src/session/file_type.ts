/**
 * The type of a file, by its first bytes: what a server or an agent says about it is only a hint.
 *
 * @module
 */

/** How a file can be shown: an image, a PDF document, a text, or not at all. */
export type FileKind = "image" | "pdf" | "text" | "binary";

/** The type of a file. */
export interface FileType {
  readonly kind: FileKind;
  /** In lower case and without parameters, such as `text/csv`. */
  readonly mimeType: string;
}

/** Bytes from a file's beginning that tell its type. */
export const HEAD_BYTES = 4_096;

/** Beginnings of files, with a dot for any byte, of those types that models and browsers show. */
const SIGNATURES: readonly (FileType & { readonly beginning: string })[] = [
  { kind: "image", mimeType: "image/png", beginning: "\x89PNG\r\n\x1a\n" },
  { kind: "image", mimeType: "image/jpeg", beginning: "\xff\xd8\xff" },
  { kind: "image", mimeType: "image/gif", beginning: "GIF87a" },
  { kind: "image", mimeType: "image/gif", beginning: "GIF89a" },
  { kind: "image", mimeType: "image/webp", beginning: "RIFF....WEBP" },
  { kind: "pdf", mimeType: "application/pdf", beginning: "%PDF-" },
];

function beginsWith(head: Uint8Array, beginning: string): boolean {
  return beginning.split("").every((char, at) => char === "." || char.charCodeAt(0) === head[at]);
}

const MIME_TYPE = /^[a-z]{1,20}\/[a-z0-9][a-z0-9.+-]{0,99}$/;

/** Types whose files are text. HTML and SVG are among them: neither is ever shown as an image. */
const TEXT_TYPE =
  /^text\/|[/+](?:json|xml|yaml)$|^application\/(?:x-)?(?:csv|javascript|jsonl|ndjson|python|sh|sql|toml|typescript)$/;

/** Types of texts by the end of their names, where no other hint is of use. */
const TEXT_TYPES_BY_END: Readonly<Record<string, string>> = {
  csv: "text/csv",
  htm: "text/html",
  html: "text/html",
  json: "application/json",
  md: "text/markdown",
  svg: "image/svg+xml",
  xml: "application/xml",
};

/** Returns a type from the API in lower case and without parameters; undefined for other texts. */
export function plainMimeType(type: string | undefined): string | undefined {
  const plain = type?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return MIME_TYPE.test(plain) ? plain : undefined;
}

/** Returns true for a type whose files are text. */
export function isTextType(mimeType: string): boolean {
  return TEXT_TYPE.test(mimeType);
}

/** What is said of a file. */
export interface FileHints {
  readonly mime_type?: string;
  readonly filename?: string;
}

/**
 * Returns the type of a file.
 *
 * @param head its first bytes, {@linkcode HEAD_BYTES} or more unless it is shorter
 */
export function fileTypeOf(head: Uint8Array, { mime_type, filename }: FileHints = {}): FileType {
  const known = SIGNATURES.find(({ beginning }) => beginsWith(head, beginning));
  if (known) return { kind: known.kind, mimeType: known.mimeType };
  const hint = plainMimeType(mime_type);
  if (isText(head.subarray(0, HEAD_BYTES))) {
    const end = /\.([a-z]+)$/i.exec(filename ?? "")?.[1]?.toLowerCase() ?? "";
    const byEnd = Object.hasOwn(TEXT_TYPES_BY_END, end) ? TEXT_TYPES_BY_END[end] : undefined;
    const isUsable = hint !== undefined && isTextType(hint);
    return { kind: "text", mimeType: isUsable ? hint : byEnd ?? "text/plain" };
  }
  // A hint that the bytes disprove says nothing.
  const isDisproved = hint === undefined || isTextType(hint) ||
    SIGNATURES.some(({ mimeType }) => mimeType === hint);
  return { kind: "binary", mimeType: isDisproved ? "application/octet-stream" : hint };
}

/** Returns true for UTF-8 without NULs. The last character of a longer file may be cut off. */
function isText(bytes: Uint8Array): boolean {
  try {
    const stream = bytes.byteLength >= HEAD_BYTES;
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream });
    return !bytes.includes(0);
  } catch {
    return false;
  }
}
