// What docs/simulator.md says is what the simulator has and does.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { fixtures, hostedHabits, parseFault, parseHabit } from "../../src/simulator/mod.ts";
import { HABIT_VALUES } from "../helpers/habits.ts";
import { collect, sdkBench, userMessage } from "./simulator_client.ts";

const DOCS = await Deno.readTextFile(new URL("../../docs/simulator.md", import.meta.url));

/** The first cells of the table under a heading. */
function cellsUnder(heading: string): string[] {
  const [, section = ""] = DOCS.split(`\n## ${heading}\n`);
  const [text = ""] = section.split("\n## ");
  return [...text.matchAll(/^\| (.+?) +\|/gm)].map(([, cell = ""]) => cell);
}

/** Texts in code within other text. */
function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

Deno.test("docs/simulator.md lists every agent, by its name and its short name", () => {
  const listed = cellsUnder("Agents").slice(2);
  const has = Object.entries(fixtures).map(([key, { init }]) => `${init.name}, \`${key}\``);
  assertEquals(listed.sort(), has.sort());
});

Deno.test("docs/simulator.md lists every habit with the hosted API's value", () => {
  const listed = cellsUnder("Habits").slice(2).flatMap(codeIn);
  const has = Object.entries(hostedHabits).map(([name, value]) => `${name}=${value}`);
  assertEquals(listed.sort(), has.sort());
  for (const text of listed) if (!text.endsWith("=")) parseHabit(text);
});

Deno.test("docs/simulator.md names every other value of each habit", () => {
  const rows = new Map(
    [...DOCS.matchAll(/^\| `(\w+)=.*$/gm)].map(([row, name = ""]) => [name, row]),
  );
  for (const [name, values] of Object.entries(HABIT_VALUES)) {
    const words = values.filter((value) => typeof value !== "number" && !Array.isArray(value));
    for (const word of words) assertStringIncludes(rows.get(name) ?? "", String(word));
  }
});

Deno.test("docs/simulator.md lists every kind of fault, as the flag takes it", () => {
  const kinds = assertThrows(() => parseFault("none"), RangeError).message
    .replace(/^.*type one of /, "").split(", ");
  const read = cellsUnder("Faults").flatMap(codeIn)
    .filter((text) => kinds.includes(text.split("=")[0] ?? ""));
  assertEquals(read.map((text) => parseFault(text).fault.kind).sort(), kinds.sort());
});

Deno.test("docs/simulator.md shows faults and habits that the flags take", () => {
  const lists = [...DOCS.matchAll(/--(fault|habit) ([\w]+[:=]\S+)/g)];
  assert(lists.length >= 4);
  for (const [, flag, list = ""] of lists) {
    for (const text of list.split(",")) flag === "fault" ? parseFault(text) : parseHabit(text);
  }
});

/** Sends a message to the Script agent; comes to the types of the events, and the stop reason. */
async function play(text: string): Promise<{ types: string[]; stop: unknown }> {
  const { client, clock, simulator } = sdkBench();
  const id = simulator.createSession({ agent: "script" });
  await client.beta.sessions.events.send(id, { events: [userMessage(text)] });
  await clock.advance(100_000);
  const events = await collect(client.beta.sessions.events.list(id));
  simulator.close();
  const last = events.findLast((event) => event.type === "session.status_idle");
  return { types: events.map(({ type }) => type), stop: last?.stop_reason?.type };
}

const SCRIPTS = [...DOCS.matchAll(/^```script\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
const OUTCOMES = [
  ...["requires_action", "requires_action", "end_turn", "end_turn", "retries_exhausted"],
];

Deno.test("docs/simulator.md shows scripts that end as it says", async () => {
  const stops = await Promise.all(SCRIPTS.map(async (text) => (await play(text)).stop));
  assertEquals(stops, OUTCOMES);
});

Deno.test("docs/simulator.md shows the events of a turn in their order", async () => {
  const [, shown = ""] = /The stream then shows[\s\S]*?```text\n([\s\S]*?)```/.exec(DOCS) ?? [];
  const [queued, ...streamed] = shown.trim().split(/\s+/);
  assertEquals(queued, "user.message");
  assertEquals((await play("say Hello")).types, streamed);
});
