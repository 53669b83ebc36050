import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { list } from "../../../src/commands/lists.ts";
import type { ListConfig } from "../../../src/config/config.ts";
import { columnsOf } from "../../../src/core/columns.ts";
import { openTerminal, type Terminal } from "../../helpers/terminal.ts";
import type { RecordedProgram } from "../../helpers/program.ts";

async function listed(
  terminal: Terminal,
  config: Partial<ListConfig>,
  overrides: Partial<RecordedProgram> = {},
): Promise<RecordedProgram> {
  const program = terminal.program(overrides);
  const log = { level: "info", format: "text" } as const;
  const defaults = { command: "agents", limit: 50, json: false, log } as const;
  assertEquals(
    await terminal.run(list({ ...terminal.access, ...defaults, ...config }, program)),
    0,
  );
  return program;
}

/** A workspace with sessions of three agents, the last of which works. */
async function withSessions(): Promise<Terminal> {
  const terminal = openTerminal();
  const { simulator, clock } = terminal;
  const start = async (agent: "quick" | "slow" | "long", title: string) => {
    const response = await simulator.fetch(
      new Request("http://api.invalid/v1/sessions", {
        method: "POST",
        headers: { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" },
        body: JSON.stringify({
          agent: simulator.agentId(agent),
          environment_id: simulator.environmentId,
          title,
          ...(agent === "long" && {
            initial_events: [{ type: "user.message", content: [{ type: "text", text: "Go" }] }],
          }),
        }),
      }),
    );
    assertEquals(response.status, 200);
    await clock.advance(120_000);
  };
  await start("quick", "First of all, a session with a title that is long");
  await start("slow", "二番目");
  await start("long", "Third");
  return terminal;
}

Deno.test("list() prints an agent a line off a terminal: id, name, model, version", async () => {
  const terminal = openTerminal();
  const { printed, noted } = await listed(terminal, {});
  assertEquals(printed.length, 14);
  assertEquals(printed[0]?.split(/ {2,}/), [
    terminal.simulator.agentId("quick"),
    "Simulated Quick Answer",
    "claude-opus-4-8",
    "1",
  ]);
  assertEquals(printed.filter((line) => line.includes("\t") || line.includes("\x1b")), []);
  assertEquals(noted, []);
});

Deno.test("list() prints titles on a terminal, and fits its width with ids whole", async () => {
  const terminal = await withSessions();
  const onTerminal = { stdoutIsTerminal: true, columns: () => 80 };
  const { printed } = await listed(terminal, { command: "sessions" }, onTerminal);
  assertEquals(printed[0]?.split(/ +/), ["ID", "STATUS", "AGE", "AGENT", "TITLE"]);
  for (const line of printed) assert(columnsOf(line) <= 80, line);
  assertEquals(printed.filter((line) => /^sesn_\w{26} /.test(line)).length, 3);
});

Deno.test("list() prints the newest sessions first, and says that there are more", async () => {
  const terminal = await withSessions();
  const { printed, noted } = await listed(terminal, { command: "sessions", limit: 2 });
  assertEquals(printed.map((line) => line.split(/ {2,}/).slice(1)), [
    ["idle", "2m", "Simulated Long Wait", "Third"],
    ["idle", "4m", "Simulated Slow Answer", "二番目"],
  ]);
  assertEquals(noted, [
    "These are the newest 2; there are more: add --limit with a larger number",
  ]);
  const all = await listed(terminal, { command: "sessions", limit: 3 });
  assertEquals([all.printed.length, all.noted], [3, []]);
});

Deno.test("list() prints only sessions of an agent, by name or id, and of a status", async () => {
  const terminal = await withSessions();
  const { simulator } = terminal;
  for (const agent of ["simulated slow answer", simulator.agentId("slow")]) {
    const { printed } = await listed(terminal, { command: "sessions", agent });
    assertEquals(printed.length, 1);
    assertStringIncludes(printed[0] ?? "", "二番目");
  }
  const running = await listed(terminal, { command: "sessions", status: "running" });
  assertEquals([running.printed, running.noted], [[], ["There is no such session"]]);
});

Deno.test("list() prints JSON with the names that tools use", async () => {
  const terminal = await withSessions();
  const json = async (command: ListConfig["command"]) => {
    const { printed } = await listed(terminal, { command, json: true, limit: 1 });
    return JSON.parse(printed.join("\n"));
  };
  const [agent, ...others] = await json("agents");
  assertEquals(others, []);
  assertEquals(
    Object.keys(agent),
    ["id", "name", "description", "model", "version", "created_at"],
  );
  const [session] = await json("sessions");
  assertEquals(session.agent, {
    id: terminal.simulator.agentId("long"),
    name: "Simulated Long Wait",
    version: 1,
  });
  assertEquals(
    Object.keys(session),
    ["session_id", "status", "title", "agent", "environment_id", "created_at", "updated_at"],
  );
  const [environment] = await json("environments");
  assertEquals(Object.keys(environment), ["id", "name", "created_at"]);
});

Deno.test("list() prints an empty array, and says what to do, where there is no session", async () => {
  const terminal = openTerminal();
  const { printed, noted } = await listed(terminal, { command: "sessions", json: true });
  assertEquals([printed, noted], [["[]"], ["There is no session: 'cma-mcp ask' starts one"]]);
});
