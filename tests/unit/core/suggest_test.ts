import { assertEquals } from "@std/assert";
import { editDistance, nearest } from "../../../src/core/suggest.ts";

const distances: readonly [string, string, number][] = [
  ["", "", 0],
  ["port", "port", 0],
  ["", "abc", 3],
  ["prt", "port", 1],
  ["prot", "port", 1],
  ["host", "port", 2],
];
for (const [from, to, distance] of distances) {
  Deno.test(`editDistance() of '${from}' and '${to}' is ${distance}, both ways`, () => {
    assertEquals([editDistance(from, to), editDistance(to, from)], [distance, distance]);
  });
}

const meant: readonly [string, string | undefined][] = [
  ["prot", "port"],
  ["hots", "host"],
  ["allow-hosts", "allowed-hosts"],
  ["agents", "allowed-agents"],
  ["elephant", undefined],
  ["x", undefined],
];
for (const [typed, expected] of meant) {
  Deno.test(`nearest() answers ${expected ?? "nothing"} for '${typed}'`, () => {
    assertEquals(nearest(typed, ["port", "host", "allowed-hosts", "allowed-agents"]), expected);
  });
}
