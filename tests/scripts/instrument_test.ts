import { assertEquals } from "@std/assert";
import { type Instrument, readArguments } from "../../scripts/instrument.ts";

const flags = { minutes: 10, json: false } as const;
const instrument: Instrument<typeof flags> = {
  usage: "sample [--minutes 10] [--json]",
  flags,
  run: () => Promise.resolve(true),
};

Deno.test("readArguments() gives flags that are absent their defaults", () => {
  const { options, words, complaints } = readArguments(instrument, []);
  assertEquals({ ...options }, { minutes: 10, json: false, help: false });
  assertEquals([words, complaints], [[], []]);
});

Deno.test("readArguments() takes numbers and switches", () => {
  const { options, complaints } = readArguments(instrument, ["--minutes=0.5", "--json", "-h"]);
  assertEquals({ ...options }, { minutes: 0.5, json: true, help: true });
  assertEquals(complaints, []);
});

const WRONG: readonly (readonly [string[], string])[] = [
  [["--minuets", "3"], "Unknown flag '--minuets'."],
  [["--json=no"], "Unknown flag '--json=no'."],
  [["--minutes", "ten"], "--minutes takes a number above 0, not 'ten'."],
  [["--minutes=-1"], "--minutes takes a number above 0, not '-1'."],
  [["--minutes"], "--minutes takes a number above 0, not ''."],
  [["3"], "Unknown argument '3'."],
];
for (const [args, complaint] of WRONG) {
  Deno.test(`readArguments() complains of '${args.join(" ")}'`, () => {
    assertEquals(readArguments(instrument, args).complaints, [complaint]);
  });
}

Deno.test("readArguments() leaves words to an instrument that takes some", () => {
  const taking: typeof instrument = {
    ...instrument,
    complaints: (_options, words) => words.filter((word) => word !== "7").map((word) => `${word}?`),
  };
  const { words, complaints } = readArguments(taking, ["7", "other"]);
  assertEquals([words, complaints], [["7", "other"], ["other?"]]);
});
