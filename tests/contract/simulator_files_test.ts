// The official SDK lists and downloads the files of a simulated session.
import { assert, assertEquals, assertRejects } from "@std/assert";
import Anthropic from "@anthropic-ai/sdk";
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

Deno.test("the SDK gets the files of a report as they were written", async () => {
  const { client, clock, simulator } = sdkBench();
  const id = simulator.createSession({ agent: "script" });
  await client.beta.sessions.events.send(id, { events: [userMessage("make report")] });
  await clock.advance(10_000);
  const betas = ["managed-agents-2026-04-01"];
  const files = await collect(client.beta.files.list({ scope_id: id, betas }));
  const beginnings = await Promise.all(files.map(async ({ id, filename, size_bytes }) => {
    const response = await client.beta.files.download(id, { betas });
    const bytes = new Uint8Array(await response.arrayBuffer());
    assertEquals(bytes.byteLength, size_bytes);
    return [filename, String.fromCharCode(...bytes.subarray(0, 5))];
  }));
  assertEquals(beginnings, [
    ["report.pdf", "%PDF-"],
    ["summary.json", '{\n  "'],
    ["report.md", "# Sal"],
    ["chart.png", "\x89PNG\r"],
    ["sales.csv", "month"],
  ]);
  simulator.close();
});

Deno.test("the SDK gets a large table whole", async () => {
  const { client, clock, simulator } = sdkBench();
  const id = simulator.createSession({ agent: "script" });
  await client.beta.sessions.events.send(id, {
    events: [userMessage("table data.csv 200000\ntable more.csv 900000")],
  });
  await clock.advance(10_000);
  const betas = ["managed-agents-2026-04-01"];
  const files = await collect(client.beta.files.list({ scope_id: id, betas }));
  for (const { id } of files) {
    const text = await (await client.beta.files.download(id, { betas })).text();
    assertEquals(text.split("\n").length, 200_002);
  }
  assertEquals(files.length, 2);
  simulator.close();
});

Deno.test("the SDK reads the errors of files that nobody gets", async () => {
  const { client, simulator } = sdkBench();
  const id = simulator.createSession({ agent: "script" });
  const betas = ["managed-agents-2026-04-01"];
  const expired = simulator.writeFile(id, "old.csv", new TextEncoder().encode("1,2"));
  simulator.expireFile(expired);
  const uploaded = simulator.uploadFile("in.csv", new TextEncoder().encode("1,2"));
  for (const [file, status] of [[expired, 404], [uploaded, 400], ["file_unknown", 404]] as const) {
    const error = await assertRejects(() => client.beta.files.download(file, { betas }));
    assert(error instanceof Anthropic.APIError);
    assertEquals(error.status, status);
  }
  simulator.close();
});

Deno.test("the SDK mounts a file into a session, as a copy with an id of its own", async () => {
  const { client, clock, simulator } = sdkBench();
  const { sessions } = client.beta;
  const csv = simulator.uploadFile("in.csv", new TextEncoder().encode("a,b\n1,2"));
  const made = await sessions.create({
    agent: simulator.agentId("script"),
    environment_id: simulator.environmentId,
    resources: [
      { type: "file", file_id: csv, mount_path: "/workspace/in.csv" },
      { type: "file", file_id: csv },
    ],
    initial_events: [userMessage("mounts")],
  });
  const paths = ["/workspace/in.csv", `/mnt/session/uploads/${csv}`];
  const mounted = made.resources.flatMap((one) => one.type === "file" ? [one] : []);
  assertEquals(mounted.map(({ mount_path }) => mount_path), paths);
  assertEquals((await sessions.retrieve(made.id)).resources, made.resources);
  await clock.advance(5_000);
  const said = (await collect(sessions.events.list(made.id))).flatMap((event) =>
    event.type === "agent.message" ? event.content : []
  );
  assertEquals(said, [{ type: "text", text: paths.map((path) => `${path}: a,b`).join("\n") }]);
  // The copies are files of the session that nobody can download.
  const betas = ["managed-agents-2026-04-01"];
  const files = await collect(client.beta.files.list({ scope_id: made.id, betas }));
  assertEquals(
    files.map(({ id }) => id).toSorted(),
    mounted.map(({ file_id }) => file_id).toSorted(),
  );
  assertEquals(files.map(({ downloadable }) => downloadable), [false, false]);
  for (
    const resources of [
      [{ type: "file" as const, file_id: "file_unknown" }],
      [{ type: "file" as const, file_id: csv, mount_path: "in.csv" }],
      [0, 1].map(() => ({ type: "file" as const, file_id: csv, mount_path: "/in.csv" })),
    ]
  ) {
    const creating = sessions.create({
      agent: simulator.agentId("script"),
      environment_id: simulator.environmentId,
      resources,
    });
    assertEquals(await creating.then(() => 200, ({ status }) => status), 400);
  }
  simulator.close();
});
