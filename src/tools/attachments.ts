/**
 * Images and documents in the arguments of tools: their schemas, and the blocks that they become.
 *
 * @module
 */

import * as z from "zod";
import type { AttachmentBlock } from "../api/types.ts";
import { HTTPS_URL } from "./arguments.ts";
import { idSchema } from "./ids.ts";

/** Most images, or documents, by URL, and as many by file id. */
const MAX_ATTACHMENTS = 10;
const MAX_URL_CHARS = 2_048;

const urls = () =>
  z.array(z.string().regex(HTTPS_URL).max(MAX_URL_CHARS)).max(MAX_ATTACHMENTS)
    .optional();
const fileIds = () => z.array(idSchema()).max(MAX_ATTACHMENTS).optional();

/** Schemas of the arguments. */
interface AttachmentShape {
  readonly image_urls: ReturnType<typeof urls>;
  readonly document_urls: ReturnType<typeof urls>;
  readonly image_file_ids: ReturnType<typeof fileIds>;
  readonly document_file_ids: ReturnType<typeof fileIds>;
}

/** Makes the schemas of the arguments of a tool that sends images and documents. */
export function attachmentShape(): AttachmentShape {
  return {
    image_urls: urls(),
    document_urls: urls(),
    image_file_ids: fileIds(),
    document_file_ids: fileIds(),
  };
}

/** What the arguments name, for the `reaches` of the tool: the files are checked before it runs. */
export const ATTACHMENT_REACHES = { image_file_ids: "file", document_file_ids: "file" } as const;

/** Makes the content blocks of the arguments: images first, of each kind those by URL first. */
export function attachmentsOf(
  given: { readonly [Name in keyof AttachmentShape]?: readonly string[] | undefined },
): AttachmentBlock[] {
  return [
    ...blocks("image", given.image_urls, given.image_file_ids),
    ...blocks("document", given.document_urls, given.document_file_ids),
  ];
}

function blocks(
  type: AttachmentBlock["type"],
  urls: readonly string[] = [],
  fileIds: readonly string[] = [],
): AttachmentBlock[] {
  return [
    ...urls.map((url): AttachmentBlock => ({ type, source: { type: "url", url } })),
    ...fileIds.map((file_id): AttachmentBlock => ({ type, source: { type: "file", file_id } })),
  ];
}
