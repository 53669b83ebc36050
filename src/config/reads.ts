/**
 * Which files a command goes on to read once it knows its settings.
 *
 * @module
 */

import { commandNamed } from "./commands.ts";
import type { Config } from "./config.ts";

/**
 * Whether a command will read files: such as the command always does, or such as an option names
 * and that are read again when they change. Without, the process needs no permission to read.
 */
export function readsFiles(config: Config): boolean {
  if (config.command === "health") return config.certFile !== undefined;
  if (config.command !== "serve") return commandNamed(config.command)?.readsFiles ?? false;
  const { credential, http } = config;
  return credential?.file !== undefined || http?.tokenFile !== undefined || http?.tls !== undefined;
}
