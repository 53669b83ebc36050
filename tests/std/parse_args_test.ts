import { assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";

const OPTIONS = {
  boolean: ["http", "help"],
  string: ["port", "name", "_"],
  alias: { help: "h" },
};

const cases: readonly [string, readonly string[], Record<string, unknown>][] = [
  ["nothing", [], { _: [], http: false, help: false }],
  ["a switch", ["--http"], { _: [], http: true, help: false }],
  ["a switch turned off", ["--http=false"], { _: [], http: false, help: false }],
  ["a switch with its value apart", ["--http", "false", "x"], {
    _: ["x"],
    http: false,
    help: false,
  }],
  ["a switch before a word", ["--http", "demo"], { _: ["demo"], http: true, help: false }],
  ["a value apart", ["--port", "1"], { _: [], http: false, help: false, port: "1" }],
  ["a value attached", ["--name=a=b"], { _: [], http: false, help: false, name: "a=b" }],
  ["no value at the end", ["--port"], { _: [], http: false, help: false, port: "" }],
  ["no value before a flag", ["--port", "--http"], { _: [], http: true, help: false, port: "" }],
  ["the last of several", ["--port=1", "--port=2"], {
    _: [],
    http: false,
    help: false,
    port: "2",
  }],
  ["words after --", ["--port", "--", "--http"], {
    _: ["--http"],
    http: false,
    help: false,
    port: "",
  }],
  ["an empty value", ["--port="], { _: [], http: false, help: false, port: "" }],
];
for (const [name, args, expected] of cases) {
  Deno.test(`parseArgs() reads ${name}`, () => {
    const { h: _, ...parsed } = parseArgs([...args], OPTIONS);
    assertEquals({ ...parsed }, expected);
  });
}

Deno.test("parseArgs() gives an alias the value of its flag, both ways", () => {
  assertEquals(parseArgs(["-h"], OPTIONS).help, true);
  assertEquals(parseArgs(["--help"], OPTIONS).h, true);
});

Deno.test("parseArgs() turns words that are numbers into numbers unless '_' is text", () => {
  assertEquals(parseArgs(["7", "x"])._, [7, "x"]);
  assertEquals(parseArgs(["7", "x"], OPTIONS)._, ["7", "x"]);
});

Deno.test("parseArgs() reports what it does not know and leaves out what is refused", () => {
  const told: unknown[] = [];
  const parsed = parseArgs(["--what", "now", "-x", "word", "--port", "1"], {
    ...OPTIONS,
    unknown: (arg: string, key?: string, value?: unknown) => {
      told.push([arg, key, value]);
      return false;
    },
  });
  assertEquals(told, [["--what", "what", "now"], ["-x", "x", "word"]]);
  assertEquals([parsed.what, parsed.x, parsed._, parsed.port], [undefined, undefined, [], "1"]);
});
