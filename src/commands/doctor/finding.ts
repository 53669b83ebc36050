/**
 * The findings of the doctor.
 *
 * @module
 */

/** How it stands: `skip` was not looked at, for the reason given. */
export type Status = "ok" | "warn" | "fail" | "skip";

/** One line of the doctor's. */
export interface Finding {
  /** The check that found it: `key`, `network`, … */
  readonly check: string;
  readonly status: Status;
  /** One line. */
  readonly message: string;
  /** The cure; absent where the message says it, or nothing has to be done. */
  readonly cure?: string;
}

/** Makes a finding, of what was found and what to do about it. */
export type MakeFinding = (message: string, cure?: string) => Finding;

/** Makes findings of one check. */
export function findings(check: string): Readonly<Record<Status, MakeFinding>> {
  const make = (status: Status): MakeFinding => (message, cure) => ({
    check,
    status,
    message,
    ...(cure !== undefined && { cure }),
  });
  return { ok: make("ok"), warn: make("warn"), fail: make("fail"), skip: make("skip") };
}
