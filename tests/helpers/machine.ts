import type { Machine } from "../../src/runtime/program.ts";

/** Makes a machine with these files, text by path, and no others. */
export function machineWith(
  files: Readonly<Record<string, string | Error>>,
  overrides: Partial<Machine> = {},
): Machine {
  return {
    os: "linux",
    executable: () => ({ command: "/opt/cma-mcp", args: [] }),
    readText: (path) => {
      const content = files[path];
      return content instanceof Error ? Promise.reject(content) : Promise.resolve(content);
    },
    exists: (path) =>
      Promise.resolve(
        Object.keys(files).some((name) =>
          name === path || name.startsWith(`${path}/`) || name.startsWith(`${path}\\`)
        ),
      ),
    listFolder: (folder) =>
      Promise.resolve(
        Object.keys(files).filter((name) => name.startsWith(folder))
          .map((name) => name.slice(folder.length)),
      ),
    setEnv: () => {},
    ...overrides,
  };
}
