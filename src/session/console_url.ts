/**
 * Addresses of sessions in the API's web console.
 *
 * @module
 */

/**
 * Returns the address at which the console shows a session.
 *
 * @param base the address of the console's sessions, without a slash at its end
 * @param eventId the event that the page is to open at
 */
export function consoleUrlOf(base: string, sessionId: string, eventId?: string): string {
  // Source: platform.claude.com/workspaces/default/sessions/<id>?event=<event id>, November 2026.
  const page = `${base}/${encodeURIComponent(sessionId)}`;
  return eventId === undefined ? page : `${page}?event=${encodeURIComponent(eventId)}`;
}
