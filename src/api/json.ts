/**
 * Parses JSON text piece by piece, as it comes in, and hides its secrets.
 *
 * A long list is read entry by entry: however long it is, only one entry is held as text, and of
 * each entry no more than a reader can use. A session's events contain screenshots and whole files;
 * a page of them in one piece takes hundreds of megabytes.
 *
 * @module
 */

import { hiddenChars, type Redact, redactValue } from "../core/redact.ts";
import { BodyTooLargeError, type TextSink } from "./body.ts";
import { blockText, inputJsonOf, type SessionEvent, toolUseDigest, toolUseOf } from "./events.ts";
import { LIST_FIELDS } from "./pages.ts";
import { fieldsOf, isFields } from "./read.ts";

/** Bounds of the parts of a list that are kept. Lengths are UTF-16 units of JSON text. */
export interface ListBounds {
  /** Longest text that is kept; longer ones are left out of their entry. */
  readonly maxTextChars: number;
  /**
   * The same for readable texts, in fields named `text` and `content`; as `maxTextChars` when
   * absent. Of a longer one the end is kept.
   */
  readonly maxProseChars?: number;
  /** Longest entry that is kept whole; of a longer one only the short fields are kept. */
  readonly maxEntryChars: number;
  /** Longest list that is kept, all entries together. */
  readonly maxChars: number;
}

/** Longest text that is parsed in one piece, nothing left out, in UTF-16 units. */
const MAX_WHOLE_CHARS = 1024 * 1024;
/** Characters that are kept of the beginning of a body. */
const BEGINNING_CHARS = 64 * 1024;

/** Parses a JSON body as it comes; a long list is cut short within `bounds`. */
export class JsonParser implements TextSink {
  /** The beginning of the text, which shows what kind of body it is when it is not JSON. */
  beginning = "";
  readonly #bounds: ListBounds;
  readonly #parse: (json: string) => unknown;
  /** All of a short body. */
  #pieces: string[] = [];
  #chars = 0;
  /** The newest piece that is no white space. */
  #last = "";
  #scanner: ListScanner | undefined;

  /** @param parse parses JSON text: the whole, or each entry and the frame around the entries */
  constructor(bounds: ListBounds, parse: (json: string) => unknown) {
    this.#bounds = bounds;
    this.#parse = parse;
  }

  /** Number of complete entries of a long list. */
  get entries(): number {
    return this.#scanner?.entries.length ?? 0;
  }

  /** True when the text stops in the middle: its connection broke where no length was given. */
  get isCut(): boolean {
    return /^\s*[{[]/.test(this.beginning) && !/[}\]]\s*$/.test(this.#last);
  }

  push(text: string): void {
    if (this.beginning.length < BEGINNING_CHARS) this.beginning += text;
    if (text.trim() !== "") this.#last = text;
    this.#chars += text.length;
    if (!this.#scanner && this.#chars <= MAX_WHOLE_CHARS) {
      this.#pieces.push(text);
      return;
    }
    this.#scanner ??= new ListScanner(this.#bounds, this.#parse);
    for (const piece of this.#pieces) this.#scanner.push(piece);
    this.#pieces = [];
    this.#scanner.push(text);
  }

  skip(bytes: Uint8Array): number | undefined {
    return this.#scanner?.skip(bytes);
  }

  /**
   * Returns the value; undefined for an empty body.
   *
   * @throws `SyntaxError`
   */
  end(): unknown {
    if (this.#scanner) return this.#scanner.end();
    const text = this.#pieces.join("");
    return text.trim() === "" ? undefined : this.#parse(text);
  }
}

/** Names of fields with readable texts. */
const PROSE_FIELDS: readonly string[] = ["text", "content"];
/** Characters that are kept of the end of a longer text, as JSON text: more than a reply shows. */
const END_CHARS = 64 * 1024;
/** Longest secret, in characters. Half of one may follow a cut; no secret contains a blank. */
const MAX_SECRET_CHARS = 4_096;
/** Longest text that is kept of an entry that is too long. */
const SHORT_TEXT_CHARS = 1_000;
/** Deepest envelope in which a list is found. */
const MAX_LIST_DEPTH = 4;

/** Name of the fields that hold an image or a document in base64. */
const BYTES_FIELD = "data";

/** Key of the numbers of characters that were left out of an entry: of all, and of bytes. */
const LEFT_OUT = Symbol("left out");

/**
 * Returns the number of characters of JSON text that were left out of a list's entry; 0 where it is
 * whole.
 */
export function leftOutOf(entry: object): number {
  return numbersLeftOut(entry).all;
}

/** Does as {@linkcode leftOutOf} does, without the bytes of images and documents, which are no text. */
export function textLeftOutOf(entry: object): number {
  const { all, bytes } = numbersLeftOut(entry);
  return all - bytes;
}

function numbersLeftOut(entry: object): LeftOut {
  const value: unknown = Reflect.get(entry, LEFT_OUT);
  return value instanceof LeftOut ? value : new LeftOut();
}

/** Numbers of characters that were left out of an entry. */
class LeftOut {
  all = 0;
  /** Those of {@linkcode BYTES_FIELD}, in base64. */
  bytes = 0;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Takes the entries out of a list's text as it comes. */
export class ListScanner {
  readonly entries: unknown[] = [];
  readonly #bounds: ListBounds;
  readonly #parse: (json: string) => unknown;
  /** The text around the list. */
  readonly #frame: string[] = [];
  /** Number of open brackets. */
  #depth = 0;
  #list: "ahead" | "open" | "over" = "ahead";
  /** Depth of the list's entries. */
  #listDepth = 0;
  /** Names of the fields of the open brackets, outermost first. */
  readonly #path: string[] = [];
  /** The text that is being read. */
  #text: JsonText | undefined;
  /** True when the newest text in the list is the name of a field with readable text. */
  #namesProse = false;
  /** The same for a field with bytes. */
  #namesBytes = false;
  /** Open brackets, outermost first: true for those of objects. */
  #inObject: boolean[] = [];
  /** The newest text outside the list: the name of the field that follows. */
  #name = "";
  #entry: EntryText;
  #keptChars = 0;

  /** @param parse parses the text of an entry, and the frame around the entries */
  constructor(bounds: ListBounds, parse: (json: string) => unknown) {
    this.#bounds = bounds;
    this.#parse = parse;
    this.#entry = new EntryText(bounds.maxEntryChars);
  }

  push(text: string): void {
    let index = 0;
    while (index < text.length) {
      index = this.#text ? this.#readText(text, index) : this.#readFrame(text, index);
    }
  }

  /** Passes over the rest of a text that is left out; see {@linkcode TextSink}. */
  skip(bytes: Uint8Array): number | undefined {
    if (this.#bounds.maxTextChars === Infinity) return undefined;
    const text = this.#text;
    if (!text?.isLeftOut) return 0;
    const { end, escapes } = endOfText((at) => bytes.indexOf(QUOTE, at), bytes, text.escapes);
    text.escapes = escapes;
    text.chars += end ?? bytes.length;
    return end ?? bytes.length;
  }

  /** Returns the body's value, its list as far as it was kept; undefined for an empty body. */
  end(): unknown {
    const frame = this.#frame.join("");
    if (frame.trim() === "") return undefined;
    const value = this.#parse(frame);
    if (this.#list !== "over") return value;
    if (Array.isArray(value)) return this.entries;
    const path = this.#path.slice(0, this.#listDepth - 1);
    const last = path.pop() ?? "";
    const around = path.reduce((part: unknown, name) => fieldsOf(part)?.[name], value);
    Object.assign(Object(around), { [last]: this.entries });
    return value;
  }

  /** Reads up to the next text. @returns where to continue */
  #readFrame(text: string, from: number): number {
    let start = from;
    const flush = (end: number) => {
      if (end > start) this.#add(text.slice(start, end));
      start = end;
    };
    for (let index = from; index < text.length; index++) {
      switch (text.charCodeAt(index)) {
        case QUOTE:
          flush(index);
          this.#text = this.#newText();
          return index + 1;
        case OPEN_BRACE:
        case OPEN_BRACKET:
          if (this.#isNested(0)) flush(index);
          if (this.#list === "ahead") this.#open(text.charCodeAt(index));
          this.#depth++;
          if (text.charCodeAt(index) === OPEN_BRACKET && this.#beginsList()) {
            flush(index + 1);
            this.#list = "open";
            this.#listDepth = this.#depth;
          }
          break;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          if (this.#isBetweenEntries()) {
            flush(index);
            this.#endEntry();
            this.#list = "over";
          } else if (this.#isNested(1)) {
            flush(index + 1);
            this.#entry.omitNested();
          }
          this.#depth--;
          break;
        case COMMA:
          if (!this.#isBetweenEntries()) break;
          flush(index);
          this.#endEntry();
          start = index + 1;
          break;
      }
    }
    flush(text.length);
    return text.length;
  }

  #isBetweenEntries(): boolean {
    return this.#list === "open" && this.#depth === this.#listDepth;
  }

  /** True when a value at this depth, less `less`, is within a field of an entry. */
  #isNested(less: number): boolean {
    return this.#list === "open" && this.#depth - less === this.#listDepth + 1;
  }

  /**
   * True when the bracket that was just opened begins the list: a bare one, or that of its field.
   */
  #beginsList(): boolean {
    if (this.#list !== "ahead") return false;
    if (this.#depth === 1) return true;
    const path = this.#path.slice(0, this.#depth - 1);
    return this.#depth <= MAX_LIST_DEPTH && path.every((name) => LIST_FIELDS.includes(name));
  }

  /** Remembers the name of the field whose value begins here; an entry of a list has none. */
  #open(code: number): void {
    if (this.#depth === 0) this.#inObject = [];
    else this.#path[this.#depth - 1] = this.#inObject[this.#depth - 1] ? this.#name : "";
    this.#inObject[this.#depth] = code === OPEN_BRACE;
  }

  /** Reads a text to its end, or to the end of the piece. @returns where to continue */
  #readText(piece: string, from: number): number {
    const text = this.#text;
    if (!text) return from;
    const rest = from === 0 ? piece : piece.slice(from);
    const codes = { length: rest.length, at: (index: number) => rest.charCodeAt(index) };
    const { end, escapes } = endOfText((at) => rest.indexOf('"', at), codes, text.escapes);
    text.escapes = escapes;
    text.add(rest.slice(0, end));
    if (end === undefined) return piece.length;
    this.#endText();
    return from + end + 1;
  }

  #newText(): JsonText {
    const { maxTextChars, maxProseChars } = this.#bounds;
    if (this.#list !== "open") return new JsonText(Infinity, false);
    const isProse = this.#namesProse && maxProseChars !== undefined;
    return new JsonText(isProse ? maxProseChars : maxTextChars, isProse);
  }

  #endText(): void {
    const text = this.#text;
    this.#text = undefined;
    if (!text) return;
    const value = text.kept();
    if (this.#list !== "open") this.#name = value;
    const left = text.chars - value.length;
    this.#entry.leftOut.all += left;
    if (this.#namesBytes) this.#entry.leftOut.bytes += left;
    this.#namesProse = PROSE_FIELDS.includes(value);
    this.#namesBytes = value === BYTES_FIELD;
    this.#add(`"${value}"`);
  }

  #add(piece: string): void {
    if (this.#list === "open") {
      this.#entry.add(piece, this.#depth > this.#listDepth + 1);
      return;
    }
    this.#bound(piece.length);
    this.#frame.push(piece);
  }

  #endEntry(): void {
    const { text, leftOut } = this.#entry.kept();
    this.#entry = new EntryText(this.#bounds.maxEntryChars);
    if (text.trim() === "") return;
    this.#bound(text.length);
    const entry = this.#parse(text);
    if (leftOut.all > 0 && typeof entry === "object" && entry !== null) {
      Object.assign(entry, { [LEFT_OUT]: leftOut });
    }
    this.entries.push(entry);
  }

  #bound(chars: number): void {
    this.#keptChars += chars;
    const { maxChars } = this.#bounds;
    if (this.#keptChars > maxChars) throw new BodyTooLargeError(`More than ${maxChars} characters`);
  }
}

/** Most pieces of a text that is too long, before all but its end are dropped. */
const MAX_PIECES = 16;

/** A text that is being read, as JSON: the whole of it, or the end of a long one, or nothing. */
class JsonText {
  /** Its length so far. */
  chars = 0;
  /** True when the text so far ends with a backslash that escapes. */
  escapes = false;
  readonly #maxChars: number;
  readonly #leavesEnd: boolean;
  #isWhole = true;
  #pieces: string[] = [];

  /** @param leavesEnd true to keep the end of a text that is longer than `maxChars` */
  constructor(maxChars: number, leavesEnd: boolean) {
    this.#maxChars = maxChars;
    this.#leavesEnd = leavesEnd;
  }

  /** True once nothing of the text is kept. */
  get isLeftOut(): boolean {
    return !this.#isWhole && !this.#leavesEnd;
  }

  add(piece: string): void {
    this.chars += piece.length;
    if (this.chars > this.#maxChars) this.#isWhole = false;
    if (this.isLeftOut) {
      this.#pieces = [];
      return;
    }
    this.#pieces.push(piece);
    if (this.#isWhole || this.#pieces.length < MAX_PIECES) return;
    this.#pieces = [this.#pieces.join("").slice(-END_CHARS)];
  }

  kept(): string {
    const text = this.#pieces.join("");
    return this.#isWhole ? text : endOf(text);
  }
}

/** The text of an entry that is being read: the whole of it, or the short fields of a long one. */
class EntryText {
  /** What is left out of the entry's texts. */
  readonly leftOut = new LeftOut();
  readonly #maxChars: number;
  #chars = 0;
  /** The whole text; undefined once it is too long. */
  #whole: string[] | undefined = [];
  /** The text with its short fields only; built beside it, since it may grow too long. */
  readonly #short: string[] = [];

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  /**
   * Adds a piece.
   *
   * @param isNested true within a value of a field that is no text
   */
  add(piece: string, isNested: boolean): void {
    this.#chars += piece.length;
    if (this.#chars > this.#maxChars) this.#whole = undefined;
    this.#whole?.push(piece);
    if (isNested) return;
    const isText = piece.charCodeAt(0) === QUOTE;
    this.#short.push(isText && piece.length > SHORT_TEXT_CHARS ? '""' : piece);
  }

  /** Puts null in place of a nested value among the short fields. */
  omitNested(): void {
    this.#short.push("null");
  }

  kept(): { readonly text: string; readonly leftOut: LeftOut } {
    const { leftOut } = this;
    if (this.#whole) return { text: this.#whole.join(""), leftOut };
    const text = this.#short.join("");
    leftOut.all += this.#chars - text.length;
    return { text, leftOut };
  }
}

/**
 * Returns the end of a long text in JSON, without the rest that a cut has left of an escape or of a
 * secret.
 */
function endOf(json: string): string {
  const end = json.slice(-END_CHARS);
  const blank = end.slice(0, MAX_SECRET_CHARS).indexOf(" ");
  if (blank >= 0) return end.slice(blank + 1);
  // A backslash after another character begins an escape; without any, all places are alike.
  const rest = end.slice(MAX_SECRET_CHARS);
  const escape = rest.search(/(?<=[^\\])\\(?!u[dD][c-fC-F])/);
  if (escape >= 0) return rest.slice(escape);
  return rest.includes("\\") ? "" : rest.replace(/^[\udc00-\udfff]/, "");
}

/**
 * Finds the end of a text.
 *
 * @param nextQuote returns the place of the next quotation mark, -1 without one
 * @param codes the part of the text that has come
 * @param escapes true when the text before ends with a backslash that escapes
 * @returns the place of the mark that ends it; `escapes` for the text so far where there is none
 */
function endOfText(
  nextQuote: (from: number) => number,
  codes: { readonly length: number; at(index: number): number | undefined },
  escapes: boolean,
): { readonly end?: number; readonly escapes: boolean } {
  for (let from = 0;;) {
    const quote = nextQuote(from);
    const until = quote < 0 ? codes.length : quote;
    let first = until;
    while (first > 0 && codes.at(first - 1) === BACKSLASH) first--;
    const isOdd = (until - first) % 2 === 1;
    // A run of backslashes may have begun before.
    const isEscaped = first === 0 && escapes ? !isOdd : isOdd;
    if (quote < 0) return { escapes: isEscaped };
    if (!isEscaped) return { end: quote, escapes: false };
    from = quote + 1;
  }
}

/** Unneeded escapes that JSON permits, as Go and PHP write them: `\u003c`, `\/`. */
const ODD_ESCAPES = ["\\u", "\\/"] as const;

/**
 * Parses a response, or the data of a stream's frame. Known secrets and whole keys are hidden in
 * every text; in errors that sessions report, also values that only look like a credential.
 *
 * @throws `SyntaxError` when the text is not JSON
 */
export function parseClean(text: string, redact: Redact): unknown {
  const value: unknown = JSON.parse(text);
  const isOdd = ODD_ESCAPES.some((escape) => text.includes(escape));
  // First, because one part of a key that is cut in two may pass for a whole one.
  if (isOdd || text.includes('"content"') || text.includes('error"')) cleanEvents(value, redact);
  if (redact.isClean(text) && !isOdd) return value;
  const clean = redactValue(value, redact);
  noteHidden(value, clean, text.length);
  return clean;
}

/** What was hidden of a tool call. */
export interface HiddenOfCall {
  /** Characters of its name and its input that nobody sees. */
  readonly chars: number;
  /** {@linkcode toolUseDigest} of the call as it came, with what is hidden. */
  readonly digest: string;
}

/** Key of what was hidden of a tool call. */
const HIDDEN = Symbol("hidden");

/**
 * Returns what {@linkcode parseClean} hid of a tool call that may wait for an answer; undefined where
 * it hid nothing. An agent may write what looks like a key in order to hide what it does.
 */
export function hiddenOf(event: SessionEvent): HiddenOfCall | undefined {
  const value: unknown = Reflect.get(event, HIDDEN);
  if (!isFields(value)) return undefined;
  const { chars, digest } = value;
  return typeof chars === "number" && typeof digest === "string" ? { chars, digest } : undefined;
}

/**
 * Notes at each tool call what was hidden of it.
 *
 * @param maxChars counts as hidden where a value is too deep to be counted
 */
function noteHidden(value: unknown, clean: unknown, maxChars: number): void {
  const cleanCalls = waitingCallsIn(clean);
  for (const [index, call] of waitingCallsIn(value).entries()) {
    const cleanCall = cleanCalls[index];
    if (!cleanCall) continue;
    const input = inputJsonOf(call);
    const text = input === undefined ? undefined : textOfCall(call, input);
    const cleanText = textOfCall(cleanCall, inputJsonOf(cleanCall) ?? "");
    if (text === cleanText) continue;
    const hidden: HiddenOfCall = {
      chars: text === undefined ? maxChars : hiddenChars(text, cleanText),
      digest: toolUseDigest(call, input),
    };
    Object.assign(cleanCall, { [HIDDEN]: hidden });
  }
}

function textOfCall(call: SessionEvent, inputJson: string): string {
  const { name, server } = toolUseOf(call);
  return `${name} ${server} ${inputJson}`;
}

/** Lists the tool calls in a value that may wait for an answer. */
function waitingCallsIn(value: unknown, depth = 0): SessionEvent[] {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return [];
  if (!isEvent(value)) {
    return Object.values(value).flatMap((part) => waitingCallsIn(part, depth + 1));
  }
  const mayWait = value.type === "agent.custom_tool_use" || toolUseOf(value).permission === "ask";
  return mayWait ? [value] : [];
}

/** Deepest nesting of lists and wrappers in which events are found. */
const MAX_DEPTH = 5;

/** Cleans all events in a value: the value itself, the entries of a list, and those in wrappers. */
function cleanEvents(value: unknown, redact: Redact, depth = 0): void {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return;
  cleanEvent(value, redact);
  if (isEvent(value)) return;
  for (const part of Object.values(value)) cleanEvents(part, redact, depth + 1);
}

/** Returns true for an object that may be an event; events contain no other events. */
function isEvent(value: object): value is SessionEvent {
  return "type" in value && typeof value.type === "string" && value.type.includes(".");
}

/** Hides in place the secrets that reach beyond one text. */
function cleanEvent(event: unknown, redact: Redact): void {
  if (!isFields(event)) return;
  const { type, content } = event;
  if (typeof content === "object" && content !== null) cleanBlocks({ ...content }, content, redact);
  if (typeof type !== "string" || !type.endsWith("error")) return;
  // The API's own sentences, such as one with the address of an MCP server that cannot be reached.
  for (const [name, field] of Object.entries(event)) {
    Reflect.set(event, name, redactValue(field, redact.loose));
  }
}

/** Readers join text blocks, so a secret may begin in one and end in another. */
function cleanBlocks(
  blocks: Readonly<Record<string, unknown>>,
  content: object,
  redact: Redact,
): void {
  const texts = Object.entries(blocks)
    .map(([key, block]) => ({ key, block, text: blockText(block) }))
    .filter(({ text }) => text !== "");
  if (texts.length < 2) return;
  const joined = texts.map(({ text }) => text).join("");
  let left = redact(joined);
  if (left === joined) return;
  for (const { key, block } of texts) {
    Reflect.set(content, key, isFields(block) ? { ...block, text: left } : left);
    left = "";
  }
}
