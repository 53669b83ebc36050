/**
 * From JSON to the shapes of the schemas.
 *
 * @module
 */

import type * as z from "zod";
import { ApiError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { SessionEvent } from "./events.ts";
import type { JsonAnswer } from "./http.ts";

/**
 * @param what names the answer in the message, such as `session`
 * @throws `ApiError` of kind `decode` that names the first field that does not fit, not its value
 */
export function decodeAnswer<T>(schema: z.ZodType<T>, answer: JsonAnswer, what: string): T {
  const parsed = schema.safeParse(answer.value);
  if (parsed.success) return parsed.data;
  const path = fieldPath(parsed.error.issues[0]?.path ?? []);
  throw new ApiError(
    `The API's answer does not fit: the ${what}'s ${path} is missing or of another type`,
    { kind: "decode", status: answer.status, requestId: answer.requestId },
  );
}

function fieldPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "body";
  return path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`).join("")
    .replace(/^\./, "");
}

/**
 * An event, if the value is one: an object with a `type`. An `id` or `processed_at` that is not a
 * string reads as absent.
 *
 * @param fallbackType used where the object has none, such as the `event:` name of its frame
 */
export function decodeEvent(value: unknown, fallbackType?: string): SessionEvent | undefined {
  if (!isRecord(value)) return undefined;
  // Nearly every event fits as it is, and logs are long.
  if (isEvent(value)) return value;
  const type = isText(value.type) && value.type !== "" ? value.type : fallbackType;
  if (type === undefined) return undefined;
  const { id, processed_at: processedAt } = value;
  return {
    ...value,
    type,
    id: isText(id) ? id : null,
    processed_at: isText(processedAt) ? processedAt : null,
  };
}

/** The events of a list; what is none is left out, with a line in the log. */
export function decodeEvents(values: readonly unknown[], log: Logger): SessionEvent[] {
  const events = values.flatMap((value) => decodeEvent(value) ?? []);
  const skipped = values.length - events.length;
  if (skipped > 0) log.debug("Skipped entries of a list that are no events", { skipped });
  return events;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isEvent(value: Record<string, unknown>): value is SessionEvent {
  const { type, id, processed_at: processedAt } = value;
  return isText(type) && type !== "" && (id == null || isText(id)) &&
    (processedAt == null || isText(processedAt));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
