/**
 * A program that starts like the server and then tries everything that the server must not do. It
 * prints a line of JSON per attempt, with the name of the error, or null where it got through.
 *
 * @module
 */

import { readsFiles, resolveConfig } from "../../src/config/resolve.ts";
import { denoRuntime } from "../../src/runtime/deno.ts";

/** What is tried, by what it would be. */
const ATTEMPTS: Readonly<Record<string, (place: string) => unknown>> = {
  "write a file": (place) => Deno.writeTextFileSync(`${place}/written`, "x"),
  "write to a temporary folder": () => Deno.makeTempFileSync(),
  "make a folder": (place) => Deno.mkdirSync(`${place}/made`),
  "remove a file": (place) => Deno.removeSync(`${place}/file`),
  "run a program": () => new Deno.Command("sh", { args: ["-c", "true"] }).outputSync(),
  "run itself": () => new Deno.Command(Deno.execPath()).outputSync(),
  "load a native library": (place) => Deno.dlopen(`${place}/file`, {}),
  "read a file": (place) => Deno.readTextFileSync(`${place}/file`),
  "read through node:fs": async (place) =>
    (await import("node:fs")).readFileSync(`${place}/file`, "utf8"),
  "list a folder": (place) => [...Deno.readDirSync(place)],
  "read another variable": () => Deno.env.get("PATH"),
  "read all variables": () => Deno.env.toObject(),
  "read a named variable": () => Deno.env.get("PORT"),
  "ask for the host's name": () => Deno.hostname(),
  "ask for the user": () => Deno.uid(),
  "import from a network": () => import(`http://127.0.0.1:1/${crypto.randomUUID()}.ts`),
  "ask for permission to write": async () => {
    const { state } = await Deno.permissions.request({ name: "write" });
    if (state !== "granted") throw new Deno.errors.NotCapable(state);
  },
  "ask for permission to read": async () => {
    const { state } = await Deno.permissions.request({ name: "read" });
    if (state !== "granted") throw new Deno.errors.NotCapable(state);
  },
  "listen on a port": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
};

if (import.meta.main) {
  const [place = "", ...args] = Deno.args;
  const config = await resolveConfig(
    args,
    (name) => Deno.env.get(name),
    (path) => Deno.readTextFile(path),
  );
  if (!readsFiles(config)) denoRuntime.giveUpReading();
  const lines = [];
  for (const [attempt, act] of Object.entries(ATTEMPTS)) {
    let error: string | null = null;
    try {
      await act(place);
    } catch (caught) {
      error = caught instanceof Error ? caught.name : String(caught);
    }
    lines.push(JSON.stringify({ attempt, error }));
  }
  Deno.stdout.writeSync(new TextEncoder().encode(`${lines.join("\n")}\n`));
}
