import { assert, assertEquals, assertRejects } from "@std/assert";
import { findAgent, withApp } from "../../../src/commands/workspace.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { openTerminal, type Terminal } from "../../helpers/terminal.ts";

/** Looks an agent up; returns its id, and what was noted. */
async function found(wanted: string, { access, program, run }: Terminal) {
  const recorded = program();
  let id: string | undefined;
  await run(withApp(access, recorded, async (app) => {
    id = (await findAgent(wanted, app, recorded)).id;
  }));
  return { id, noted: recorded.noted };
}

Deno.test("findAgent() takes an id as it is, without a request", async () => {
  const terminal = openTerminal();
  assertEquals(await found("agent_1", terminal), { id: "agent_1", noted: [] });
  assertEquals(terminal.requests, []);
});

Deno.test("findAgent() finds an agent by its whole name, in any case", async () => {
  const terminal = openTerminal();
  const id = terminal.simulator.agentId("slow");
  assertEquals((await found("  simulated SLOW  answer ", terminal)).id, id);
});

Deno.test("findAgent() finds an agent whose name begins like an id", async () => {
  const terminal = openTerminal();
  const recorded = terminal.program();
  const named = { id: "agent_1", name: "agent_support" };
  const looking = withApp(terminal.access, recorded, async ({ api }) => {
    const agents = { ...api.agents, list: () => Promise.resolve({ data: [named] }) };
    const { id } = await findAgent("agent_support", { api: { ...api, agents } }, recorded);
    assertEquals(id, "agent_1");
  });
  assertEquals(await terminal.run(looking), 0);
});

Deno.test("findAgent() takes no part of a name for an agent, and notes who may be meant", async () => {
  const terminal = openTerminal();
  const recorded = terminal.program();
  const finding = withApp(terminal.access, recorded, async (app) => {
    await findAgent("answer", app, recorded);
  });
  const message = "No agent is called 'answer': type one of these, or its id";
  await assertRejects(() => terminal.run(finding), UsageError, message);
  assertEquals(recorded.noted, [
    `  ${terminal.simulator.agentId("quick")}  Simulated Quick Answer`,
    `  ${terminal.simulator.agentId("slow")}  Simulated Slow Answer`,
  ]);
});

Deno.test("findAgent() guesses which agent a misspelt name means", async () => {
  const terminal = openTerminal();
  const recorded = terminal.program();
  const finding = withApp(terminal.access, recorded, async (app) => {
    await findAgent("Simulated Refusel", app, recorded);
  });
  await assertRejects(() => terminal.run(finding), UsageError, "No agent is called");
  assertEquals(recorded.noted, [`  ${terminal.simulator.agentId("refusal")}  Simulated Refusal`]);
});

Deno.test("findAgent() does not choose between two agents of one name", async () => {
  const terminal = openTerminal();
  const recorded = terminal.program();
  const twin = { id: "agent_twin", name: "simulated refusal" };
  const finding = withApp(terminal.access, recorded, async ({ api }) => {
    const { data } = await api.agents.list({});
    const list = () => Promise.resolve({ data: [...data, twin] });
    const agents = { ...api.agents, list };
    await findAgent("Simulated Refusal", { api: { ...api, agents } }, recorded);
  });
  const message = "2 agents are called 'Simulated Refusal': type the id of one";
  await assertRejects(() => terminal.run(finding), UsageError, message);
  assertEquals(recorded.noted.map((line) => line.trim().split("  ")[0]), [
    terminal.simulator.agentId("refusal"),
    "agent_twin",
  ]);
});

Deno.test("withApp() says what a failure of the API means, and what to do", async () => {
  const { access, program, run } = openTerminal();
  const recorded = program({
    openHttpClient: () => ({
      fetch: () =>
        Promise.resolve(Response.json({ error: { type: "authentication_error" } }, {
          status: 401,
        })),
      close: () => {},
    }),
  });
  const { message } = await assertRejects(() =>
    run(withApp(access, recorded, async ({ api }) => void await api.agents.list({})))
  );
  assert(/key/.test(message) && !message.includes("\n"), message);
});

Deno.test("withApp() ends with 130 when the process is asked to end", async () => {
  const { access, program, run } = openTerminal();
  const recorded = program();
  const code = await run(withApp(access, recorded, async ({ api }) => {
    recorded.stop();
    await api.agents.list({}, { signal: recorded.stopping });
  }));
  assertEquals(code, 130);
});
