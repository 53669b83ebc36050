// Files of a new session as hosts give them: the agent finds them in its container.
import { assert, assertEquals } from "@std/assert";
import { openApp, WAYS } from "./support.ts";
import { entry, openTeam } from "./tokens_support.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`an agent finds the files that its session was made with: ${way}`, async () => {
    const app = openApp();
    const { client, close } = await connect(app);
    const call = async (tool: string, args: Record<string, unknown>) => {
      const { isError, text, structured } = await app.until(client.call(tool, args));
      assertEquals(isError, false, text);
      return { ...structured };
    };
    const [csv, notes] = [
      app.simulator.uploadFile("sales.csv", bytes("month,sum\n10,7\n")),
      app.simulator.uploadFile("notes.txt", bytes("Mind the returns.")),
    ];
    const made = await call("create_session", {
      agent_id: app.simulator.agentId("script"),
      message: "mounts",
      files: { "in.csv": csv, "/workspace/notes.txt": notes },
    });
    const paths = ["/mnt/session/uploads/in.csv", "/workspace/notes.txt"];
    assertEquals([made.mount_paths, made.next], [paths, undefined]);
    const { reply } = await call("wait_for_idle", { session_id: made.session_id });
    assertEquals(reply, `${paths[0]}: month,sum\n${paths[1]}: Mind the returns.`);
    const refused = await app.until(client.call("create_session", {
      agent_id: app.simulator.agentId("script"),
      files: { "in.csv": "file_unknown" },
    }));
    assert(refused.isError && refused.text.includes("file_unknown not found"), refused.text);
    await close();
    app.close();
  });
}

Deno.test("a token's caller mounts no file of another's session, nor an upload that is not listed", async () => {
  const team = openTeam([entry("mia"), entry("noah")]);
  const { simulator } = team.app;
  const agent_id = simulator.agentId("quick");
  const session = async (token: string) =>
    String((await team.call(token, "create_session", { agent_id })).result.session_id);
  const [own, foreign] = [await session("mia"), await session("noah")];
  const [mine, theirs] = [own, foreign].map((id) => simulator.writeFile(id, "a.txt", bytes("a")));
  const upload = simulator.uploadFile("b.txt", bytes("b"));
  const create = (id: unknown) =>
    team.call("mia", "create_session", { agent_id, files: { "a.txt": id } });
  assertEquals((await create(mine)).isError, false);
  const unknown = await create("file_unknown");
  for (const id of [theirs, upload]) {
    const { isError, text } = await create(id);
    assertEquals([isError, text], [true, unknown.text]);
  }
  await team.close();
});
