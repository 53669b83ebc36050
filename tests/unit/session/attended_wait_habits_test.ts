import { assert, assertEquals } from "@std/assert";
import { AttendedWorld, decides } from "../../helpers/attended_world.ts";
import { HABIT_NAMES, HABITS } from "../../helpers/habit_world.ts";

/** Ids are what an answer names: without them nobody can be asked. */
const names = HABIT_NAMES.filter((name) => name !== "no_ids");

for (const name of names) {
  Deno.test(`a person is asked once, and the wait goes on, before a server with the habit ${name}`, async () => {
    const world = new AttendedWorld({ habits: HABITS[name] });
    await world.begin("ask bash one", "and ask bash two", "sleep 1s", "say Done.");
    const person = world.person(async (question) => {
      await world.clock.sleep(20_000);
      return decides({ result: "allow" }, { result: "deny" })(question);
    });
    const result = await world.wait(person);
    assertEquals([result.status, world.asked.length], ["idle", 1], result.next);
    assert(result.reply.endsWith("Done."), result.reply);
    assertEquals(world.posted.map(({ decision }) => decision), ["deny", "allow"]);
    assertEquals(await world.close(), []);
  });
}
