/**
 * Identifiers as arguments.
 *
 * @module
 */

import * as z from "zod";
import { EVENT_ID } from "../api/read.ts";
import { ID, type IdKind, kindOfId } from "../core/ids.ts";

/** An id argument; `description` where its name does not say it all. */
export function idSchema(description?: string): z.ZodString {
  const schema = z.string().regex(ID);
  return description === undefined ? schema : schema.describe(description);
}

/** An event's id, or a cursor made of one, as an argument: whatever a result gave out as one. */
export function eventIdSchema(description: string): z.ZodString {
  return z.string().regex(EVENT_ID).describe(description);
}

/** Matches the type of an event. */
export const EVENT_TYPE = /^[a-z_.]{1,64}$/;

/** The argument that takes an id of each kind; no argument takes a file's. */
const ARGUMENTS: Readonly<Partial<Record<IdKind, string>>> = {
  agent: "agent_id",
  session: "session_id",
  environment: "environment_id",
  event: "after_id",
};

/**
 * Tells what may be wrong with the ids of a call that failed: an id whose prefix belongs to another
 * argument. A hint only, since ids of other implementations look otherwise.
 */
export function idHint(args: Readonly<Record<string, unknown>>): string | undefined {
  for (const argument of Object.values(ARGUMENTS)) {
    const value = args[argument];
    const kind = typeof value === "string" ? kindOfId(value) : undefined;
    const meant = kind && ARGUMENTS[kind];
    if (meant && meant !== argument) {
      return `The ${argument} "${value}" looks like ${article(meant)}.`;
    }
  }
  return undefined;
}

function article(argument: string): string {
  return argument === "after_id"
    ? "an event id"
    : `${/^[ae]/.test(argument) ? "an" : "a"} ${argument}`;
}
