import { assertEquals } from "@std/assert";
import { createLogger, type LogLevel } from "../../../src/core/logger.ts";

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
  });
  assertEquals(lines, [
    'cma-mcp info: Call outcome="x level=error token=root" id=a b plain=two words',
  ]);
});
