/**
 * Reads what is typed at a terminal or piped into a command.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { Program } from "../runtime/program.ts";

/** The parts of the program that reading stdin needs. */
export type StdinProgram = Pick<Program, "plainStdin" | "stdinIsTerminal" | "os" | "note">;

/**
 * Reads stdin to its end, or until there are more bytes than wanted.
 *
 * @param what what belongs there, such as `message`: a person at a terminal is told
 * @throws UsageError when nothing comes
 */
export async function readStdin(
  { plainStdin, stdinIsTerminal, os, note }: StdinProgram,
  { what, maxBytes }: { readonly what: string; readonly maxBytes: number },
): Promise<string> {
  if (stdinIsTerminal) {
    const end = os === "windows" ? "Ctrl+Z and Enter" : "Ctrl+D";
    note(`Type the ${what}, then ${end} on a line of its own:`);
  }
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of plainStdin()) {
    text += decoder.decode(chunk, { stream: true });
    bytes += chunk.byteLength;
    if (bytes > maxBytes) break;
  }
  text = (text + decoder.decode()).trimEnd();
  if (text === "") throw new UsageError(`Stdin has no text: pipe the ${what} into it`);
  return text;
}
