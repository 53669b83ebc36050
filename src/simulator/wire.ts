/**
 * Shapes that the parts of the simulator share. Wire objects keep the API's snake_case.
 *
 * @module
 */

/** A JSON object whose fields are not read here. */
export type WireObject = Readonly<Record<string, unknown>>;

/** An event before the history gives it an id and a time. */
export interface EventBody {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** An event of a session's history. `processed_at` is null while it is queued. */
export interface WireEvent extends EventBody {
  readonly id: string;
  readonly processed_at: string | null;
}

/** The status of a session in `GET /v1/sessions/{id}`. */
export type SessionStatus = "idle" | "running" | "rescheduling" | "terminated";

/** Returns true for a JSON object. */
export function isWireObject(value: unknown): value is WireObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the text of a content value: its text blocks, joined by line ends. */
export function joinedText(content: unknown): string {
  if (!Array.isArray(content)) return "";
  return content
    .map((block) => isWireObject(block) && typeof block.text === "string" ? block.text : "")
    .filter((text) => text !== "")
    .join("\n");
}
