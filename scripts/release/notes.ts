/**
 * The changelog, and what of it belongs to a version.
 *
 * @module
 */

/**
 * The section of a version: what is between its heading, `## 1.2.3`, with or without a date behind
 * it, and the next.
 *
 * @throws Error when the version has no section, or an empty one
 */
export function releaseNotes(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => /^\S+/.exec(text)?.[0] === version);
  const notes = section?.slice(section.indexOf("\n")).trim();
  if (notes) return `${notes}\n`;
  throw new Error(`The changelog says nothing of ${version}: add a section '## ${version}'`);
}
