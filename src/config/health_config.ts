/**
 * The configuration of `cma-mcp health`.
 *
 * @module
 */

import { SETTINGS } from "./settings.ts";
import { type Sources, valueOf } from "./sources.ts";

/** Whom to ask. */
export interface HealthConfig {
  readonly command: "health";
  /** Where the server listens. */
  readonly host: string;
  readonly port: number;
  /** File of its certificate chain, where it serves TLS. */
  readonly certFile?: string;
}

/**
 * The settings of the server beside it.
 *
 * @throws UsageError one line that says what is wrong and what to type
 */
export function healthConfig(sources: Sources): HealthConfig {
  return {
    command: "health",
    host: valueOf(sources, SETTINGS.host),
    port: valueOf(sources, SETTINGS.port),
    certFile: valueOf(sources, SETTINGS.tlsCert),
  };
}
