/**
 * Schemas of ids as arguments.
 *
 * @module
 */

import * as z from "zod";
import { EVENT_ID } from "../api/read.ts";
import { ID, type IdKind, kindOfId } from "../core/ids.ts";

/** Makes the schema of an id argument; pass `description` where its name does not say it all. */
export function idSchema(description?: string): z.ZodString {
  return described(z.string().regex(ID), description);
}

/**
 * Makes the schema of an event's id, or of a cursor made of one: any text that a result gave out as
 * such.
 */
export function eventIdSchema(description?: string): z.ZodString {
  return described(z.string().regex(EVENT_ID), description);
}

function described(schema: z.ZodString, description: string | undefined): z.ZodString {
  return description === undefined ? schema : schema.describe(description);
}

/** Matches the type of an event. */
export const EVENT_TYPE = /^[a-z_.]{1,64}$/;

/** The arguments that take one id of each kind; those that take a file's take several. */
const ARGUMENTS: Readonly<Record<IdKind, readonly string[]>> = {
  agent: ["agent_id"],
  session: ["session_id", "session_ids"],
  environment: ["environment_id"],
  thread: ["thread_id"],
  event: ["after_id", "event_id"],
  file: [],
};

/**
 * Returns a hint about the ids of a failed call: an id whose prefix belongs to another argument.
 * Only a hint, since ids of other implementations differ.
 *
 * @param isBound true where no tool of the caller takes an `agent_id`
 */
export function idHint(
  args: Readonly<Record<string, unknown>>,
  isBound = false,
): string | undefined {
  for (const argument of Object.values(ARGUMENTS).flat()) {
    for (const value of [args[argument]].flat()) {
      const kind = typeof value === "string" ? kindOfId(value) : undefined;
      if (kind && !ARGUMENTS[kind].includes(argument)) {
        return `The ${argument.replace(/ids$/, "id")} "${value}" looks like ${
          article(kind, isBound)
        }.`;
      }
    }
  }
  return undefined;
}

/** Names a kind by its argument, or in words where the argument is not named after it. */
function article(kind: IdKind, isBound: boolean): string {
  const isArgument = kind !== "event" && !(isBound && kind === "agent");
  const named = isArgument && ARGUMENTS[kind].includes(`${kind}_id`);
  return `${/^[ae]/.test(kind) ? "an" : "a"} ${kind}${named ? "_id" : " id"}`;
}
