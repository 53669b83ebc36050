/**
 * The MCP session ids of the older protocol. The server keeps nothing under them, and any replica
 * accepts any id: an id shows to whom a `notifications/cancelled` belongs, and carries what the client
 * declared once, when it initialized.
 *
 * @module
 */

import type { Sealer } from "../access/sealing.ts";

/** Longest id that is opened, in characters: one that carries something has 125. */
const MAX_ID_CHARS = 200;

/** Makes and reads MCP session ids. */
export interface McpSessionIds {
  /**
   * Makes the id of a client.
   *
   * @param showsView true for one that shows the session view: its id carries that, sealed, so that
   *   every replica with the same sealing key knows it again
   */
  make(showsView: boolean): Promise<string>;
  /**
   * Returns true if the id is of a client that shows the session view. An id grants nothing, so
   * false is the answer for every other text.
   */
  showsView(id: string): Promise<boolean>;
}

/** Makes the ids of one server. */
export function createMcpSessionIds(sealer: Sealer): McpSessionIds {
  return {
    async make(showsView) {
      const id = crypto.randomUUID();
      return showsView ? `${id}.${await sealer.seal("client extension", id)}` : id;
    },
    async showsView(id) {
      const end = id.indexOf(".");
      if (end === -1 || id.length > MAX_ID_CHARS) return false;
      return await sealer.open("client extension", id.slice(end + 1)) === id.slice(0, end);
    },
  };
}
