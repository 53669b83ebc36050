/**
 * Identifiers as arguments.
 *
 * @module
 */

import * as z from "zod";
import { EVENT_ID } from "../api/read.ts";

/**
 * What an id may look like: anything that is safe in a URL path. Prefixes and lengths are not
 * documented as stable, so they are not checked.
 */
const ID_PATTERN = /^[A-Za-z0-9_-]{1,128}$/;

/** An id argument; `description` where its name does not say it all. */
export function idSchema(description?: string): z.ZodString {
  const schema = z.string().regex(ID_PATTERN);
  return description === undefined ? schema : schema.describe(description);
}

/** An event's id, or a cursor made of one, as an argument: whatever a result gave out as one. */
export function eventIdSchema(description: string): z.ZodString {
  return z.string().regex(EVENT_ID).describe(description);
}

const KINDS: readonly { readonly prefix: RegExp; readonly argument: string }[] = [
  { prefix: /^agent[_-]/, argument: "agent_id" },
  { prefix: /^(sesn|sess|session)[_-]/, argument: "session_id" },
  { prefix: /^env[_-]/, argument: "environment_id" },
  { prefix: /^(sevt|event)[_-]/, argument: "after_id" },
];

/**
 * What may be wrong with the ids of a call that failed: an id whose prefix belongs to another
 * argument. A hint only, since ids of other implementations look otherwise.
 */
export function idHint(args: Readonly<Record<string, unknown>>): string | undefined {
  for (const { argument } of KINDS) {
    const value = args[argument];
    if (typeof value !== "string") continue;
    const looksLike = KINDS.find(({ prefix }) => prefix.test(value));
    if (looksLike && looksLike.argument !== argument) {
      return `The ${argument} "${value}" looks like ${article(looksLike.argument)}.`;
    }
  }
  return undefined;
}

function article(argument: string): string {
  return argument === "after_id"
    ? "an event id"
    : `${/^[ae]/.test(argument) ? "an" : "a"} ${argument}`;
}
