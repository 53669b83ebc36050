/** Reads `NAME=value` lines, as kustomize, Docker and systemd read them from a file. */
export function settingsOf(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => {
    const equals = line.indexOf("=");
    if (equals < 1) throw new Error(`'${line}' sets nothing`);
    return [line.slice(0, equals), line.slice(equals + 1)];
  }));
}
