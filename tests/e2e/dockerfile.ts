/** An instruction of a Dockerfile, with its lines joined. */
export interface Instruction {
  /** In capitals. */
  readonly name: string;
  readonly text: string;
}

/** The stages of a Dockerfile, each from its FROM on. */
export function stagesOf(dockerfile: string): Instruction[][] {
  const stages: Instruction[][] = [];
  const lines = dockerfile.replace(/^\s*#.*\n/gm, "").replace(/\\\n/g, " ").split("\n");
  for (const line of lines) {
    const [, word, text] = /^\s*([A-Z]+)\s+(.*)$/i.exec(line) ?? [];
    if (word === undefined || text === undefined) continue;
    const instruction = { name: word.toUpperCase(), text: text.replace(/\s+/g, " ").trim() };
    if (instruction.name === "FROM") stages.push([]);
    stages.at(-1)?.push(instruction);
  }
  return stages;
}

/** The text of an instruction that there is exactly once. */
export function single(stage: readonly Instruction[], name: string): string {
  const found = stage.filter((instruction) => instruction.name === name);
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Error(`${name} is there ${found.length} times`);
  }
  return only.text;
}

/**
 * `NAME=value` of ENV and of ARG with a default, as the builder sets them; a value may name one that
 * stands before it.
 */
export function variablesOf(stage: readonly Instruction[]): Record<string, string> {
  const pairs = stage.filter(({ name }) => name === "ENV" || name === "ARG")
    .flatMap(({ text }) => text.split(" "))
    .filter((pair) => pair.includes("="))
    .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)] as const)
    .map(([name, value]) => [name, value.replace(/^"(.*)"$/, "$1")] as const);
  const variables: Record<string, string> = {};
  for (const [name, value] of pairs) {
    variables[name] = value.replace(/\$\{?(\w+)\}?/g, (_, named) => variables[named] ?? "");
  }
  return variables;
}

/** The words of an instruction in JSON form, such as `CMD ["--http"]`. */
export function wordsOf(text: string): string[] {
  const words: unknown = JSON.parse(text.slice(text.indexOf("[")));
  if (!Array.isArray(words)) throw new Error(`${text} is not in JSON form`);
  return words.map(String);
}
