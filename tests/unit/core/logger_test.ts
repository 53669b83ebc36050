import { assert, assertEquals } from "@std/assert";
import { createLogger, type LogLevel } from "../../../src/core/logger.ts";
import { createRedact } from "../../../src/core/redact.ts";

function logger(level: LogLevel, format: "text" | "json") {
  const lines: string[] = [];
  const redact = (text: string) => text.replaceAll("secret", "[redacted]");
  return {
    lines,
    log: createLogger({ level, format, redact, write: (l) => lines.push(l), now: () => 0 }),
  };
}

Deno.test("a log line in JSON has time, level and message, which no field can replace", () => {
  const { log, lines } = logger("info", "json");
  log.warn("It failed", { message: "forged", level: "debug", time: "never", status: 500 });
  const time = "1970-01-01T00:00:00.000Z";
  assertEquals(lines.map((line) => JSON.parse(line)), [
    { time, level: "warn", message: "It failed", status: 500 },
  ]);
});

Deno.test("a log line in text is one line, whatever its fields hold, and leaves out what is unknown", () => {
  const { log, lines } = logger("debug", "text");
  log.info("Done", { a: "x\ncma-mcp error: forged", b: undefined, c: ["secret"], d: 1 });
  assertEquals(lines, ['cma-mcp info: Done a=x cma-mcp error: forged c=["[redacted]"] d=1']);
});

Deno.test("a log line in JSON escapes what a terminal or a viewer acts on", () => {
  const { log, lines } = logger("info", "json");
  const error = "a\u2028b\u0085c\u009b31md\u202ee\u007f";
  log.info("Done", { error });
  assertEquals([/^[ -~]*$/.test(lines[0] ?? ""), JSON.parse(lines[0] ?? "").error], [true, error]);
});

Deno.test("a log drops what is below its level", () => {
  const { log, lines } = logger("warn", "text");
  log.debug("one");
  log.info("two");
  log.warn("three");
  log.error("four");
  assertEquals(lines, ["cma-mcp warn: three", "cma-mcp error: four"]);
});

Deno.test("a log line in text cannot be forged by a value", () => {
  const { log, lines } = logger("info", "text");
  log.info("Call", {
    outcome: "x level=error token=root",
    id: "a\r\nb\u001b[31m",
    plain: "two words",
    client: '"x',
  });
  assertEquals(lines, [
    'cma-mcp info: Call outcome="x level=error token=root" id=a b plain=two words client="\\"x"',
  ]);
});

for (const format of ["text", "json"] as const) {
  Deno.test(`a log line in ${format} hides a field that is a credential by its name, however short`, () => {
    const lines: string[] = [];
    const { loose: redact } = createRedact([]);
    const write = (line: string) => lines.push(line);
    const log = createLogger({ level: "info", format, redact, write, now: () => 0 });
    log.info("Sent", { authorization: "a;b", headers: { "X-API-Key": "k1" } });
    assert(!/a;b|k1/.test(lines.join()), lines.join());
    assertEquals(lines.join().split("[redacted]").length, 3);
  });
}

Deno.test("a log line in text hides a secret that is whole only without its invisible characters", () => {
  const lines: string[] = [];
  const { loose: redact } = createRedact(["hunter2-secret"]);
  const write = (line: string) => lines.push(line);
  const log = createLogger({ level: "info", format: "text", redact, write, now: () => 0 });
  log.info("It says hunter2\u200b-secret", { error: "hun\u001b[31mter2-secret" });
  assertEquals(lines, ["cma-mcp info: It says [redacted] error=[redacted]"]);
});
