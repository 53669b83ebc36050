import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseCommandLine } from "../../../src/config/command_line.ts";
import { COMMANDS } from "../../../src/config/commands.ts";
import { resolveConfig } from "../../../src/config/resolve.ts";
import { ALL_SETTINGS, REMOVED_FLAGS } from "../../../src/config/settings.ts";
import { UsageError } from "../../../src/core/errors.ts";

const understood: readonly [string, string, Record<string, string>][] = [
  ["", "serve", {}],
  ["--simulate", "serve", { simulate: "true" }],
  ["--simulate=false", "serve", { simulate: "false" }],
  ["--simulate=0", "serve", { simulate: "false" }],
  ["--expose-tool-inputs=off", "serve", { "expose-tool-inputs": "false" }],
  ["--expose-tool-inputs=YES", "serve", { "expose-tool-inputs": "true" }],
  ["--http --port 8080 --host=::1", "serve", { http: "true", port: "8080", host: "::1" }],
  ["--port 8080 --http --port 9090", "serve", { http: "true", port: "9090" }],
  ["--log-level debug simulator", "simulator", { "log-level": "debug" }],
  ["simulator --fault reset", "simulator", { fault: "reset" }],
  ["--fault=a simulator --fault b,c --habit=x=1", "simulator", { fault: "a,b,c", habit: "x=1" }],
  ["--tools -core,actions", "serve", { tools: "-core,actions" }],
  ["--tools=-core --simulate", "serve", { tools: "-core", simulate: "true" }],
  ["demo", "demo", {}],
  ["version", "version", {}],
  ["demo --version", "version", {}],
  ["demo extra --help", "help", {}],
  ["doctor --json", "doctor", { json: "true" }],
  ["doctor --http --port 8080", "doctor", { http: "true", port: "8080" }],
  ["config vscode --merge --name x", "config", { merge: "true", name: "x" }],
];
for (const [line, command, flags] of understood) {
  Deno.test(`parseCommandLine() reads '${line}' as ${command}`, () => {
    const parsed = parseCommandLine(line.split(" ").filter((word) => word !== ""));
    assertEquals(parsed.command, command);
    assertEquals(Object.fromEntries(parsed.flags), flags);
  });
}

for (const command of Object.keys(COMMANDS)) {
  Deno.test(`parseCommandLine() knows '${command}', and what it was when it is misspelt`, () => {
    assertEquals(parseCommandLine([command]).command, command);
    const misspelt = `${command.slice(0, -2)}${command.at(-1)}`;
    assertThrows(() => parseCommandLine([misspelt]), UsageError, `did you mean '${command}'?`);
  });
}

Deno.test("parseCommandLine() refuses a switch that is neither on nor off", () => {
  const message = "Cannot use 'maybe' as --simulate: type true or false";
  assertThrows(() => parseCommandLine(["--simulate=maybe"]), UsageError, message);
});

for (const word of ["toString", "constructor", "__proto__", "valueOf"]) {
  Deno.test(`parseCommandLine() does not accept '${word}' as a command`, () => {
    assertThrows(() => parseCommandLine([word]), UsageError, "Unknown command");
  });
}

const secrets = ["--api-key", "--API-KEY", "--apikey", "--key", "--token", "--bearer-token"];
for (const flag of [...secrets, "--auth-token", "--anthropic-api-key"]) {
  Deno.test(`parseCommandLine() takes no secret from ${flag}, and does not repeat it`, () => {
    const { message } = assertThrows(() => parseCommandLine([flag, "s3cret"]), UsageError);
    assertEquals(message.includes("s3cret"), false);
    assertEquals(/^Secrets are not taken from the command line: (set|name) /.test(message), true);
  });
}

Deno.test("parseCommandLine() does not repeat the value of a flag that it does not know", () => {
  const { message } = assertThrows(() => parseCommandLine(["--sekret=s3cret"]), UsageError);
  assertEquals(message.includes("s3cret"), false);
});

for (const [flag, instead] of REMOVED_FLAGS) {
  Deno.test(`parseCommandLine() names what replaces --${flag}, and so does the changelog`, async () => {
    for (const args of [[`--${flag}`, "x"], [`--${flag}=x`], ["doctor", "--http", `--${flag}=x`]]) {
      const { message } = assertThrows(() => parseCommandLine(args), UsageError);
      assertEquals(message, `'--${flag}' was removed: ${instead}`);
    }
    const changelog = await Deno.readTextFile(new URL("../../../CHANGELOG.md", import.meta.url));
    const [, row = ""] = changelog.split(`| \`--${flag}\``);
    assertEquals(
      row.split("|")[1]?.replaceAll("`", "").trim().toLowerCase(),
      instead.toLowerCase(),
    );
  });
}

const topics: readonly [string, string | undefined][] = [
  ["--help", undefined],
  ["help", undefined],
  ["help doctor", "doctor"],
  ["doctor --help", "doctor"],
  ["-h config vscode", "config"],
  ["--http --help", "http"],
  ["help http", "http"],
  ["toString --help", undefined],
];
for (const [line, topic] of topics) {
  Deno.test(`parseCommandLine() reads '${line}' as a request for help on ${topic ?? "all"}`, () => {
    const { command, operands } = parseCommandLine(line.split(" "));
    assertEquals([command, ...operands], topic === undefined ? ["help"] : ["help", topic]);
  });
}

Deno.test("parseCommandLine() gives the doctor HTTP flags only together with --http", () => {
  assertThrows(() => parseCommandLine(["doctor", "--port=1"]), UsageError, "add --http");
  assertThrows(() => parseCommandLine(["doctor", "--merge"]), UsageError, "not apply to 'doctor'");
});

Deno.test("parseCommandLine() takes HTTP flags without --http where a variable stands for it", () => {
  for (const args of [["--port=1"], ["doctor", "--port=1"], ["--port=1", "--http"]]) {
    assertEquals(parseCommandLine(args, () => true).flags.get("port"), "1");
  }
  for (const off of ["--http=off", "--http=false"]) {
    assertThrows(() => parseCommandLine([off, "--port=1"], () => true), UsageError, "add --http");
  }
});

Deno.test("parseCommandLine() reads no variable for a command without flags of HTTP", () => {
  const read = () => {
    throw new Error("read a variable");
  };
  for (const args of [["demo"], ["demo", "--agent=agent_1"], ["doctor"], ["--simulate"]]) {
    parseCommandLine(args, read);
  }
  assertThrows(() => parseCommandLine(["--port=1"], read), Error, "read a variable");
});

Deno.test("parseCommandLine() takes the word after a command only where it means something", () => {
  assertEquals(parseCommandLine(["token", "new"]).operands, ["new"]);
  assertEquals(parseCommandLine(["demo"]).operands, []);
  assertEquals(parseCommandLine(["ask", "An agent", "help"]).operands, ["An agent", "help"]);
  const wrong: [string[], string][] = [
    [["token", "old"], "Cannot use 'old' after 'token'"],
    [["token", "new", "more"], "Cannot use 'more' after 'token'"],
    [["demo", "new"], "Cannot use 'new'"],
    [["config", "vs-code"], "did you mean 'config vscode'?"],
    [["config", "notepad"], "type one of claude-desktop, claude-code, cursor, vscode"],
    [["help", "me"], "Cannot use 'me' after 'help': 'cma-mcp help' lists the commands"],
    [
      ["ask", "it", "two", "words"],
      "Cannot use 'words' after 'ask': put what belongs together into quotes",
    ],
  ];
  for (const [args, message] of wrong) {
    assertThrows(() => parseCommandLine(args), UsageError, message);
  }
});

for (const setting of ALL_SETTINGS) {
  const { flag, valueName, commands: [command] } = setting;
  if (flag === undefined || !valueName) continue;
  const place = command === "serve"
    ? ["--http"]
    : [command ?? "", ...command === "config" ? ["codex"] : []];
  const start = (...rest: string[]) =>
    resolveConfig(
      [...place, ...rest],
      (name) => name === "ANTHROPIC_API_KEY" ? "a-key" : undefined,
      () => Promise.resolve(""),
    );

  Deno.test(`--${flag} says itself what is wrong with an empty value`, async () => {
    for (const empty of [[`--${flag}`, ""], [`--${flag}=`], [`--${flag}`]]) {
      await assertRejects(() => start(...empty), UsageError, `--${flag} needs a value`);
    }
  });

  Deno.test(`--${flag} takes a negative number for its value`, async () => {
    for (const value of ["-1", "-0.5", "-.5"]) {
      const told = async (args: string[]) => {
        try {
          return JSON.stringify(await start(...args));
        } catch (error) {
          return String(error);
        }
      };
      assertEquals(await told([`--${flag}`, value]), await told([`--${flag}=${value}`]));
      assertEquals((await told([`--${flag}`, value])).includes("Unknown flag"), false);
    }
  });
}

Deno.test("parseCommandLine() takes nothing behind -- for a flag", () => {
  for (const text of ["--help", "--simulate=maybe", "-1", "--version", "--"]) {
    const { command, operands, flags } = parseCommandLine(["ask", "--json", "a", "--", text]);
    assertEquals([command, operands, [...flags.keys()]], ["ask", ["a", text], ["json"]]);
  }
});

Deno.test("parseCommandLine() takes no flag for the value of another", () => {
  assertThrows(() => parseCommandLine(["--port", "--http"]), UsageError, "--port needs a value");
  assertThrows(() => parseCommandLine(["--simulate", "-1"]), UsageError, "Unknown flag '-1'");
});
