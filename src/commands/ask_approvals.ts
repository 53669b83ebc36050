/**
 * Asks a person at the terminal about the agent's tool calls.
 *
 * @module
 */

import { type ByteLine, byteLines } from "../core/byte_lines.ts";
import { raceSignal } from "../core/abort.ts";
import { cutColumns } from "../core/columns.ts";
import { plainLine } from "../core/text.ts";
import type { Program } from "../runtime/program.ts";
import { COULD_NOT_DO_IT, MAX_REASON_CHARS, type Outcome } from "../session/answer_sender.ts";
import { isPlainName } from "../session/pending_actions.ts";
import type { AskedCall, Decision, Person } from "../session/person.ts";

/** Longest line that is read, in bytes: no longer one can be a reason, or an answer. */
const MAX_LINE_BYTES = 4 * MAX_REASON_CHARS;

/**
 * What was typed before the calls are shown comes within so many milliseconds, and counts for
 * nothing.
 */
const TYPED_AHEAD_MS = 200;

/** The parts of a program that speak with a person. */
type Asking = Pick<
  Program,
  "plainStdin" | "clock" | "note" | "liveLine" | "stopping" | "columns"
>;

/** The person at the terminal. */
export interface TerminalPerson extends Person {
  /** True while a question stands on the terminal. */
  readonly isAsking: boolean;
}

/**
 * Makes the way to ask on stderr and stdin. Only the word `allow` allows a call; Enter alone, and the
 * end of the input, put the decision off.
 */
export function askOnTerminal(program: Asking): TerminalPerson {
  const { liveLine, note, stopping, columns } = program;
  const lines = new TypedLines(program);
  let isAsking = false;
  return {
    channel: "terminal",
    get isAsking() {
      return isAsking;
    },
    ask: async ({ agent, calls }, _round, signal) => {
      isAsking = true;
      try {
        await liveLine.hide();
        await lines.dropTyped(signal);
        note(titleFor(calls));
        const inputColumns = (columns() ?? USUAL_COLUMNS) - BAR.length;
        calls.forEach((call, index) => show(call, agent, index, inputColumns, note));
        const decisions = new Map<string, Decision>();
        for (const [index, call] of calls.entries()) {
          const decision = await decide(call, index, lines, note, signal);
          if (decision === "end") break;
          if (decision !== "later") decisions.set(call.eventId, decision);
        }
        liveLine.show("sending");
        return { kind: "decided", decisions };
      } catch (error) {
        if (signal.aborted && !stopping.aborted) {
          note("The question is withdrawn: it was answered elsewhere, or given up");
        }
        throw error;
      } finally {
        isAsking = false;
      }
    },
  };
}

function titleFor(calls: readonly AskedCall[]): string {
  if (calls.every(({ kind }) => kind === "custom_tool_result")) {
    return "The agent asks for the answer of a tool; type no password, for it goes to the agent:";
  }
  return calls.length === 1
    ? "The agent asks for your approval of a tool call:"
    : `The agent asks for your approval of ${calls.length} tool calls:`;
}

type Note = Program["note"];

/** Columns of a terminal that does not tell. */
const USUAL_COLUMNS = 80;
/** Stands before each line of an input. */
const BAR = "   | ";
/** An input takes at least so many columns, however narrow the terminal is. */
const MIN_COLUMNS = 20;

/**
 * Shows one call: what runs, and for whom. An agent chooses the input, so each of its lines stands
 * behind a bar, and is cut here: the terminal would let it begin a line, and speak as this program.
 */
function show(
  call: AskedCall,
  agent: string | undefined,
  index: number,
  inputColumns: number,
  note: Note,
): void {
  const { subagent, server, leftOut } = call;
  const by = subagent !== undefined
    ? `subagent ${nameInTitle(subagent)}`
    : agent !== undefined
    ? `agent ${nameInTitle(agent)}`
    : "the agent";
  const from = server === undefined ? "" : ` of MCP server ${nameInTitle(server)}`;
  note(`${titleOf(call, index)}${from}, by ${by}`);
  const parts = call.input.split("\n");
  for (const [at, part] of parts.entries()) {
    // Of a long input, the second of three lines is this program's.
    if (parts.length === 3 && at === 1) note(`   ${part}`);
    else for (const line of cutColumns(part, Math.max(inputColumns, MIN_COLUMNS))) note(BAR + line);
  }
  if (leftOut > 0) note(`   (${leftOut} characters of this input are not shown)`);
}

function titleOf({ tool }: AskedCall, index: number): string {
  return `${index + 1}. ${nameInTitle(tool)}`;
}

/** Returns a name as it stands among words of this program: in quotes where it could say more. */
function nameInTitle(name: string): string {
  return isPlainName(name) ? name : JSON.stringify(name);
}

/** Asks about one call until the person gives one of the answers. */
async function decide(
  call: AskedCall,
  index: number,
  lines: TypedLines,
  note: Note,
  signal: AbortSignal,
): Promise<Decision | "later" | "end"> {
  for (;;) {
    note(`${titleOf(call, index)}: ${choicesFor(call)}`);
    const line = await lines.next(signal);
    if (!line) return "end";
    const word = textOf(line)?.trim();
    if (word === "" || word === "later") return "later";
    const decision = call.kind === "custom_tool_result"
      ? await readResult(word, lines, note, signal)
      : await readApproval(word, call, lines, note, signal);
    if (decision) return decision;
  }
}

function choicesFor({ kind, mayAllow }: AskedCall): string {
  if (kind === "custom_tool_result") return "type answer, fail or later (Enter is later)";
  return mayAllow
    ? "type allow, deny or later (Enter is later)"
    : "type deny or later (Enter is later); too little of it is shown to allow it here";
}

async function readApproval(
  word: string | undefined,
  { mayAllow }: AskedCall,
  lines: TypedLines,
  note: Note,
  signal: AbortSignal,
): Promise<Decision | "end" | undefined> {
  if (word === "allow" && mayAllow) return { result: "allow" };
  if (word !== "deny") return undefined;
  const reason = await readText("The reason, for the agent (Enter for none)", lines, note, signal);
  return reason === undefined ? "end" : { result: "deny", reason };
}

/** Reads the result of a custom tool; an empty answer is none. */
async function readResult(
  word: string | undefined,
  lines: TypedLines,
  note: Note,
  signal: AbortSignal,
): Promise<Decision | "later" | "end" | undefined> {
  if (word === "answer") {
    const text = await readText("The answer, in one line", lines, note, signal);
    if (text === undefined) return "end";
    return text === "" ? "later" : { result: "answer", text, isError: false };
  }
  if (word !== "fail") return undefined;
  const why = await readText("Why, for the agent (Enter for none)", lines, note, signal);
  if (why === undefined) return "end";
  return { result: "answer", text: why === "" ? COULD_NOT_DO_IT : why, isError: true };
}

/** Reads a line for the agent; undefined at the end of the input: then nothing is decided. */
async function readText(
  what: string,
  lines: TypedLines,
  note: Note,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (;;) {
    note(`   ${what}:`);
    const line = await lines.next(signal);
    if (!line) return undefined;
    const typed = textOf(line);
    const text = typed === undefined ? undefined : plainLine(typed).trim();
    if (text !== undefined && text.length <= MAX_REASON_CHARS) return text;
    note(`   That is too long: type at most ${MAX_REASON_CHARS} characters`);
  }
}

/** Returns the text of a line; undefined for one that is too long. */
function textOf(line: ByteLine): string | undefined {
  return line.kind === "line" ? new TextDecoder().decode(line.bytes) : undefined;
}

/** Reads what a person types, from the first question on. */
class TypedLines {
  readonly #program: Pick<Program, "plainStdin" | "clock">;
  #lines: ByteLine[] = [];
  #isOpen = false;
  #isAtEnd = false;
  #wake = () => {};

  constructor(program: Pick<Program, "plainStdin" | "clock">) {
    this.#program = program;
  }

  /** Drops what was typed before: nobody can have meant what comes now. */
  async dropTyped(signal: AbortSignal): Promise<void> {
    if (!this.#isOpen) {
      this.#isOpen = true;
      void this.#read();
    }
    await this.#program.clock.sleep(TYPED_AHEAD_MS, signal);
    this.#lines = [];
  }

  /** Returns the next line; undefined at the end of the input. */
  async next(signal: AbortSignal): Promise<ByteLine | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const line = this.#lines.shift();
      if (line || this.#isAtEnd) return line;
      await raceSignal(new Promise<void>((resolve) => this.#wake = resolve), signal);
    }
  }

  async #read(): Promise<void> {
    try {
      for await (const line of byteLines(this.#program.plainStdin(), MAX_LINE_BYTES)) {
        this.#lines.push(line);
        this.#wake();
      }
    } catch {
      // A terminal that is gone is the end of the input.
    }
    this.#isAtEnd = true;
    this.#wake();
  }
}

const DONE: Readonly<Record<Decision["result"], string>> = {
  allow: "allowed",
  deny: "denied",
  answer: "answered",
};

/** Says what became of a decision. */
export function noteOutcome(
  outcome: Outcome,
  { note, redact }: Pick<Program, "note" | "redact">,
): void {
  const { shown: { eventId }, decision, tool } = outcome;
  const call = `${tool === undefined ? "a tool" : nameInTitle(tool)} (${eventId})`;
  switch (outcome.kind) {
    case "sent":
    case "repeated":
      return note(`${DONE[decision.result]}: ${call}`);
    case "answered_elsewhere":
      return note(`answered elsewhere: ${call}; your answer does not count`);
    case "dropped":
      return note(`not sent: ${call}`);
    case "changed":
      return note(`changed since it was shown: ${call}; nothing was sent`);
    case "gone":
      return note(`no longer waits: ${call}; nothing was decided`);
    case "unknown":
      return note(`it is not known if your answer arrived: ${call}; it is not sent again`);
    case "failed": {
      const reason = redact.thorough(plainLine(outcome.error.message));
      return note(`not sent: ${call}; ${reason}`);
    }
  }
}
