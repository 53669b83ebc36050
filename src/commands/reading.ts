/**
 * Gives up what the process no longer needs.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { readsFiles } from "../config/reads.ts";

/** Gives up reading for the rest of the process, unless an option or the command needs it. */
export function giveUpReading(config: Config): void {
  if (!readsFiles(config)) Deno.permissions.revokeSync({ name: "read" });
}
