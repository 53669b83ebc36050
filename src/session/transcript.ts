/**
 * Writes a part of a session's transcript as Markdown.
 *
 * A transcript has a section for each speaker in turn. Headings and list items at the beginning of a
 * line are this program's; what people, agents and tools wrote stands behind `> `, so that no text
 * can pass for another speaker's.
 *
 * @module
 */

import { answeredToolUse, type SessionEvent } from "../api/events.ts";
import { instantMs, textOf } from "../api/read.ts";
import { quoteMarkdown } from "../core/markdown.ts";
import { jsonLength } from "../core/text.ts";
import { tellEvent } from "./event_types.ts";
import type { TellContext, TranscriptEntry } from "./transcript_entry.ts";

/** Says how to write a part. */
export interface TranscriptOptions
  extends Pick<TellContext, "subagents" | "exposeToolInputs" | "redact"> {
  /** Bound of the part as JSON, in UTF-16 units: at least some hundred, or it may be exceeded. */
  readonly roomChars: number;
  /** Where the first event's text begins, in UTF-16 units; 0 by default. */
  readonly textFrom?: number;
}

/** A part of a transcript. */
export interface TranscriptPart {
  readonly markdown: string;
  /** Number of events that it tells whole, or the rest of. */
  readonly told: number;
  /** Where the text of the event after those goes on; absent where the part ends between events. */
  readonly textTo?: number;
}

/** A section goes on for so long before a new heading gives the time again. */
const SECTION_MS = 60_000;

/** Tells the first of the events, as many as there is room for, and at least a part of one. */
export function writeTranscript(
  events: readonly SessionEvent[],
  { roomChars, textFrom = 0, ...options }: TranscriptOptions,
): TranscriptPart {
  const context = { ...options, ...callsIn(events) };
  const part = new Part(roomChars);
  for (const [index, event] of events.entries()) {
    const entry = tellEvent(event, context);
    if (!entry) continue;
    const from = index === 0 ? textFrom : 0;
    const text = entry.text?.trimEnd() ?? "";
    if (from > 0 && from >= text.length) continue;
    const rest = { ...entry, text: text.slice(from) };
    const chars = part.add(rest, event, from > 0);
    if (chars === undefined) return { markdown: part.markdown, told: index };
    const textTo = from + chars;
    if (textTo < text.length) return { markdown: part.markdown, told: index, textTo };
  }
  return { markdown: part.markdown, told: events.length };
}

/** Finds the calls of tools, and the results that are told with them. */
function callsIn(events: readonly SessionEvent[]): Pick<TellContext, "toolUses" | "results"> {
  const toolUses = new Map<string, SessionEvent>();
  const results = new Map<string, SessionEvent>();
  for (const event of events) {
    if (event.id && /^agent\..*tool_use$/.test(event.type)) toolUses.set(event.id, event);
    const call = answeredToolUse(event);
    if (call !== undefined && event.type.endsWith("_result")) results.set(call, event);
  }
  return { toolUses, results };
}

/** Names the subagents whose threads began in these events, by their thread. */
export function subagentsIn(events: readonly SessionEvent[]): Map<string, string> {
  return new Map(
    events.flatMap(({ type, session_thread_id, agent_name }): [string, string][] => {
      const [id, name] = [textOf(session_thread_id), textOf(agent_name)];
      return type === "session.thread_created" && id !== undefined ? [[id, name ?? "unnamed"]] : [];
    }),
  );
}

/** The blocks of a part, with what is known of its last section. */
class Part {
  readonly #blocks: string[] = [];
  #left: number;
  #speaker: string | undefined;
  #sectionAt: number | undefined;
  #endsWithItem = false;

  constructor(roomChars: number) {
    this.#left = roomChars;
  }

  get markdown(): string {
    return this.#blocks.join("");
  }

  /**
   * Adds an entry. Where there is no room for it, it is left for another part, unless it is the
   * first: then the beginning of its text is added.
   *
   * @param goesOn true if the text begins in its middle: what stands before it has been told
   * @returns characters of its text that were added; undefined if there was no room
   */
  add(entry: TranscriptEntry, event: SessionEvent, goesOn: boolean): number | undefined {
    const { text = "", attachments = [] } = entry;
    const line = goesOn ? undefined : entry.line;
    if (text === "" && attachments.length === 0 && line === undefined) return 0;
    const section = this.#sectionOf(entry, event, goesOn);
    const items = (lines: readonly string[]) => lines.map((item) => `- ${item}\n`).join("");
    const before = section.heading + (line === undefined ? "" : items([line]));
    const after = items(attachments);
    const room = this.#left - jsonLength(before + after) - BLANK_LINES_CHARS;
    const { markdown, chars } = quoteMarkdown(text, Math.max(room, 1));
    const isWhole = chars === text.length;
    if (this.#blocks.length > 0 && (room < 0 || !isWhole)) return undefined;
    const isItem = section.heading === "" && line !== undefined && this.#endsWithItem;
    const block = joined([
      this.#blocks.length === 0 || isItem ? before : `\n${before}`,
      markdown === "" ? "" : `${markdown}\n`,
      isWhole ? after : "",
    ]);
    this.#blocks.push(block);
    this.#left -= jsonLength(block);
    this.#speaker = section.speaker;
    this.#sectionAt = section.at;
    this.#endsWithItem = block.slice(block.lastIndexOf("\n", block.length - 2) + 1).startsWith(
      "- ",
    );
    return chars;
  }

  /** Returns the section that an entry belongs to, with a heading where it begins one. */
  #sectionOf({ speaker }: TranscriptEntry, event: SessionEvent, goesOn: boolean) {
    const at = instantMs(event.processed_at);
    const isSame = speaker === this.#speaker &&
      (at === undefined || Math.abs(at - (this.#sectionAt ?? at)) < SECTION_MS);
    if (isSame) return { speaker, at: this.#sectionAt ?? at, heading: "" };
    const time = at === undefined ? "" : ` · ${utcTime(at)}`;
    return { speaker, at, heading: `## ${speaker}${time}${goesOn ? " (continued)" : ""}\n\n` };
  }
}

/** Room for the blank lines within and before a block, as JSON. */
const BLANK_LINES_CHARS = 10;

/** Joins parts of Markdown with a blank line between those that need one. */
function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").reduce(
    (all, part) =>
      all === "" || all.endsWith("\n\n") || all === "\n" ? all + part : `${all}\n${part}`,
    "",
  );
}

/** Returns a time as people read it, such as `2026-11-26 19:05:01 UTC`. */
export function utcTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
