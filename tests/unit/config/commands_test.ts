import { assert, assertEquals } from "@std/assert";
import { commandNamed, COMMANDS, HELP_TOPICS, isCommand } from "../../../src/config/commands.ts";

Deno.test("commandNamed() and isCommand() know the commands and no other word", () => {
  for (const [name, command] of Object.entries(COMMANDS)) {
    assert(isCommand(name));
    assertEquals(commandNamed(name), command);
  }
  for (const word of ["serve", "Doctor", "toString", "constructor", "__proto__", "valueOf", ""]) {
    assert(!isCommand(word), word);
    assertEquals(commandNamed(word), undefined);
  }
});

Deno.test("HELP_TOPICS has each command, and no topic twice", () => {
  assertEquals(new Set(HELP_TOPICS).size, HELP_TOPICS.length);
  for (const name of Object.keys(COMMANDS)) assert(HELP_TOPICS.includes(name), name);
});
