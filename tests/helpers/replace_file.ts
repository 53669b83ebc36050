/**
 * Puts a text into a file that a program follows, in one step, as operators do: a program that reads
 * in between gets the old text or the new one, and never a half of it.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, text);
  await Deno.rename(`${path}.new`, path);
}
