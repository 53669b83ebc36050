/**
 * Days and times as people and programs write them.
 *
 * @module
 */

/**
 * Returns true for a time that there is. `Date` takes 30 February for 2 March.
 *
 * @param text in the syntax of RFC 3339
 */
export function isTimeThatThereIs(text: string): boolean {
  const day = text.slice(0, 10);
  const startOfDay = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(startOfDay) || Number.isNaN(Date.parse(text))) return false;
  return new Date(startOfDay).toISOString().startsWith(day);
}
