/**
 * Runs every unit test in one process, on one thread: `deno task test:unit`. A test file by itself
 * costs the runtime 0.1 s, mostly for loading the same modules again, which is more than its tests
 * take. `deno task test` runs each file by itself, so that none comes to rely on another.
 *
 * @module
 */

/** Returns the test files in a folder and its subfolders, in the order of their paths. */
function testFilesIn(folder: URL): URL[] {
  const entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) => {
    if (isDirectory) return testFilesIn(new URL(`${name}/`, folder));
    return name.endsWith("_test.ts") ? [new URL(name, folder)] : [];
  });
}

for (const { href } of testFilesIn(new URL(".", import.meta.url))) await import(href);
