/**
 * Links to files that expire: a person opens them in a browser, without a token.
 *
 * @module
 */

/** What a link opens, and for whom it was made. */
export interface LinkedFile {
  readonly fileId: string;
  readonly sessionId: string;
  /** Id of the principal for whom it was made: it must still exist, and may still reach the file. */
  readonly principalId: string;
}

/** A link, and its end. */
export interface FileLink {
  readonly url: string;
  /** RFC 3339. */
  readonly expires_at: string;
}

/** Makes links; only a server has it that knows its own address from `--public-url`. */
export interface FileLinks {
  make(file: LinkedFile): Promise<FileLink>;
}
