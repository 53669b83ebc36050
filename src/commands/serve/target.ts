/**
 * Names what stands behind the server.
 *
 * @module
 */

import type { ServeConfig } from "../../config/config.ts";

/** Returns the address that the server's requests go to, for the operator. */
export function targetOf(
  { simulate, server }: {
    readonly simulate: boolean;
    readonly server: Pick<ServeConfig["server"], "baseUrl">;
  },
): string {
  return simulate ? "the built-in SIMULATOR" : server.baseUrl;
}
