/**
 * Takes the notes of a release from the changelog.
 *
 * @module
 */

/**
 * Returns the section of a version: the text between its heading (`## 1.2.3`, with or without a
 * date behind it) and the next heading.
 *
 * @throws Error when the version has no section, or an empty one
 */
export function releaseNotes(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => /^\S+/.exec(text)?.[0] === version);
  const notes = section?.slice(section.indexOf("\n")).trim();
  if (notes) return `${notes}\n`;
  throw new Error(`CHANGELOG.md says nothing of ${version}: add a section '## ${version}'`);
}
