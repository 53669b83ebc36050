import { assertEquals, assertMatch } from "@std/assert";
import { ALL_SETTINGS, type ScopedSetting } from "../../src/config/settings.ts";

/** Names the settings that break a rule about variables. */
function complaints(rows: readonly ScopedSetting[]): string[] {
  return rows.flatMap(({ flag = "", env = [], isArgument = false, help }) => {
    const name = flag === "" ? help : `--${flag}`;
    if (isArgument) return env.length === 0 ? [] : [`${name} is an argument of a command`];
    if (env.length === 0) return [`${name} has no variable: add env to its row`];
    return env.flatMap((variable) =>
      /^[A-Z][A-Z0-9_]+$/.test(variable) ? [] : [`${name} has the odd variable ${variable}`]
    );
  });
}

Deno.test("every setting of the server and of the simulator has a variable", () => {
  assertEquals(complaints(ALL_SETTINGS), []);
  const users = new Set(
    ALL_SETTINGS.filter((row) => row.isArgument).flatMap((row) => row.commands),
  );
  const flags = ALL_SETTINGS.filter(({ commands, isArgument }) =>
    isArgument && (commands.includes("serve") || commands.includes("simulator"))
  ).map(({ flag }) => flag);
  // What a server and a simulator are asked instead of to run.
  assertEquals(flags, ["help", "version"]);
  assertEquals(users.has("serve"), true);
});

const example = ALL_SETTINGS.find(({ flag }) => flag === "max-waits");
const odd: readonly [string, Partial<ScopedSetting>, RegExp][] = [
  ["no variable", { env: [] }, /^--max-waits has no variable: add env to its row$/],
  ["no list of variables", { env: undefined }, /has no variable/],
  ["a variable in small letters", { env: ["max_waits"] }, /odd variable max_waits/],
  ["a variable for an argument", { isArgument: true }, /is an argument of a command/],
];
for (const [name, change, complaint] of odd) {
  Deno.test(`a row with ${name} is complained about`, () => {
    if (!example) throw new Error("There is no such row any more: take another");
    const [found = ""] = complaints([...ALL_SETTINGS, { ...example, ...change }]);
    assertMatch(found, complaint);
  });
}

Deno.test("a variable has the name of its flag, or is in this list of older names", () => {
  const others = ALL_SETTINGS.flatMap(({ flag, env: [name] = [] }) => {
    const usual = (flag ?? "").toUpperCase().replaceAll("-", "_");
    const isUsual = name === `CMA_MCP_${usual}` || name === `CMA_SIMULATOR_${usual}`;
    return flag === undefined || name === undefined || isUsual ? [] : [`--${flag} ${name}`];
  });
  assertEquals(others, [
    "--port PORT",
    "--host HOST",
    "--allowed-hosts ALLOWED_HOSTS",
    "--allowed-origins ALLOWED_ORIGINS",
    "--base-url CMA_BASE_URL",
    "--environment-id CLAUDE_ENVIRONMENT_ID",
    "--allowed-agents ALLOWED_AGENT_IDS",
    "--log-level CMA_LOG_LEVEL",
    "--log-format CMA_LOG_FORMAT",
  ]);
});
