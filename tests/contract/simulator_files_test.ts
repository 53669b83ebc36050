// The official SDK lists and downloads the files of a simulated session.
import { assertEquals } from "@std/assert";
import { collect, sdkBench, userMessage } from "./simulator_client.ts";

Deno.test("the SDK lists a session's files, with the fields of its types, and downloads one", async () => {
  const { client, clock, simulator } = sdkBench();
  const id = simulator.createSession({ agent: "script" });
  await client.beta.sessions.events.send(id, {
    events: [userMessage("file one.txt First\nfile two.csv 1,2")],
  });
  await clock.advance(5_000);
  const betas = ["managed-agents-2026-04-01"];
  const files = await collect(client.beta.files.list({ scope_id: id, limit: 1, betas }));
  assertEquals(files.map(({ filename, size_bytes }) => [filename, size_bytes]), [
    ["two.csv", 4],
    ["one.txt", 6],
  ]);
  const [{ id: fileId = "", scope, mime_type } = {}] = files;
  assertEquals([scope, mime_type], [{ id, type: "session" }, "text/csv"]);
  const uploaded = simulator.uploadFile("in.csv", new TextEncoder().encode("1,2"));
  for (const one of [fileId, uploaded]) {
    const { size_bytes, scope } = await client.beta.files.retrieveMetadata(one, { betas });
    assertEquals(scope, one === uploaded ? null : { id, type: "session" });
    assertEquals(size_bytes, one === uploaded ? 3 : 4);
  }
  const response = await client.beta.files.download(fileId, { betas });
  assertEquals(await response.text(), "1,2\n");
  simulator.close();
});
