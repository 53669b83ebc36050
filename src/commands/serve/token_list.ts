/**
 * The tokens of a running server, as its token file has them.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { HttpConfig } from "../../config/config.ts";
import { fileError } from "../../core/errors.ts";
import { parseTokenFile, type TokenEntry } from "../../access/token_file.ts";
import { createTokenRegistry, plainTokens, type TokenRegistry } from "../../access/tokens.ts";
import type { Program } from "../../runtime/program.ts";

/** Tokens that follow their file until they are closed. */
export interface TokenList {
  readonly registry: TokenRegistry;
  close(): void;
}

/**
 * Opens the tokens of a configuration. A list is read again when its file changes, or when the
 * operator asks for it (SIGHUP). A list that cannot be used leaves the tokens as they are; running
 * calls go on either way.
 */
export function openTokenList(
  { tokens, tokenFile }: Pick<HttpConfig, "tokens" | "tokenFile">,
  program: Pick<Program, "clock" | "log" | "readFile" | "onReload">,
): TokenList {
  const { log } = program;
  if (!tokenFile) {
    // Without a listener the signal would end the process.
    const unsubscribe = program.onReload(() =>
      log.warn("Nothing was read again: only a list of tokens in --token-file can change")
    );
    return { registry: plainTokens(tokens), close: unsubscribe };
  }
  const { path } = tokenFile;
  const registry = createTokenRegistry(tokenFile.entries);
  let current = tokenFile.entries;
  const fail = (error: unknown) =>
    log.error("The token file cannot be used: the tokens stay as they were", {
      error: error instanceof Error ? error.message : String(error),
    });
  const file = watchFile({
    ...program,
    path,
    onUnreadable: (error) => fail(fileError(error, path, "--token-file")),
    onContent(content) {
      try {
        const entries = parseTokenFile(content, `'${path}' (--token-file)`);
        if (JSON.stringify(entries) === JSON.stringify(current)) return;
        registry.replace(entries);
        log.info("The token file was read again", changes(current, entries));
        if (entries.length === 0) log.warn("No token is left: every call is refused");
        current = entries;
      } catch (error) {
        fail(error);
      }
    },
  });
  const unsubscribe = program.onReload(() => void file.check());
  return {
    registry,
    close() {
      unsubscribe();
      file.close();
    },
  };
}

/** Compares two lists, for the log: names only, since the file has the rest. */
function changes(before: readonly TokenEntry[], after: readonly TokenEntry[]) {
  const text = new Map(before.map((entry) => [entry.name, JSON.stringify(entry)]));
  const names = (entries: readonly TokenEntry[]) => entries.map(({ name }) => name);
  const left = new Set(names(after));
  return {
    tokens: after.length,
    added: names(after.filter(({ name }) => !text.has(name))),
    removed: names(before.filter(({ name }) => !left.has(name))),
    changed: names(after.filter((entry) => {
      const known = text.get(entry.name);
      return known !== undefined && known !== JSON.stringify(entry);
    })),
  };
}

/** A file to watch, and its listeners. */
export interface WatchOptions {
  readonly path: string;
  readonly readFile: (path: string) => Promise<string>;
  readonly clock: Clock;
  /** Gets the first content, and each that differs from the one before. */
  readonly onContent: (content: string) => void;
  /** Called once when the file cannot be read, and again after it could be in between. */
  readonly onUnreadable: (error: unknown) => void;
}

/** A file that is being watched. */
export interface WatchedFile {
  /** Reads the file now instead of in its turn. */
  check(): Promise<void>;
  close(): void;
}

/** How often a file is read, in milliseconds. */
const POLL_MS = 3_000;

/**
 * Reads a small file every three seconds. Comparing contents also notices what times of change do
 * not show, such as a mounted volume whose links are exchanged.
 */
export function watchFile(options: WatchOptions): WatchedFile {
  const { path, readFile, clock, onContent, onUnreadable } = options;
  const closing = new AbortController();
  let last: string | undefined;
  let readable = true;

  const read = async () => {
    try {
      const content = await readFile(path);
      if (closing.signal.aborted) return;
      readable = true;
      if (content !== last) onContent(last = content);
    } catch (error) {
      if (readable && !closing.signal.aborted) onUnreadable(error);
      readable = false;
    }
  };
  // One after the other, so that an old content never comes last.
  let reading = Promise.resolve();
  const check = () => reading = reading.then(read);
  const poll = async () => {
    while (!closing.signal.aborted) {
      await check();
      await clock.sleep(POLL_MS, closing.signal);
    }
  };
  // Ends by the signal only.
  poll().catch(() => {});
  return { check, close: () => closing.abort() };
}
