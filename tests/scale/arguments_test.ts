import { assertEquals } from "@std/assert";
import * as z from "zod";
import { parseArguments } from "../../src/tools/arguments.ts";

Deno.test("parseArguments() names few of many unknown arguments, in bounded time", () => {
  const many = Object.fromEntries(
    Array.from({ length: 200_000 }, (_, at) => [`k${at}${"y".repeat(at === 0 ? 5_000 : 5)}`, at]),
  );
  const { ignored } = parseArguments(z.strictObject({ session_id: z.string() }), {
    session_id: "s",
    ...many,
  });
  assertEquals([ignored.length, ignored[0]?.length], [5, 60]);
});
