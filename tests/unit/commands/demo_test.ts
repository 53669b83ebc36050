import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { demo } from "../../../src/commands/demo.ts";
import type { DemoConfig } from "../../../src/config/config.ts";
import { UsageError } from "../../../src/core/errors.ts";
import "../../../src/simulator/mod.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import { recordProgram } from "../../helpers/program.ts";
import { openTerminal, type Terminal } from "../../helpers/terminal.ts";

const SIMULATED = {
  command: "demo",
  simulate: true,
  server: { baseUrl: "http://unused" },
} as const;

/** Moves the clock in small steps for as long as the demo takes; what is not timed may take its time. */
async function runUntilDone(clock: ManualClock, demo: Promise<number>): Promise<number> {
  let done = false;
  const end = demo.finally(() => done = true);
  while (!done) await (clock.pendingTimers > 0 ? clock.advance(50) : settle());
  return await end;
}

Deno.test("demo() plays a whole turn, with progress on the way and the reply at the end", async () => {
  const clock = new ManualClock();
  const program = recordProgram({ clock });
  const start = clock.now();
  await runUntilDone(clock, demo(SIMULATED, program));

  const text = program.printed.join("\n");
  const calls = [...text.matchAll(/host → (\w+)/g)].map(([, name]) => name);
  assertEquals(calls, ["list_agents", "create_session", "send_message", "wait_for_idle"]);
  assertEquals(text.match(/host ← \{/g)?.length, 4);
  assertStringIncludes(text, "… using web_search");
  assert(text.indexOf("The reply (status: idle)") > text.indexOf("… using bash"));
  const seconds = (clock.now() - start) / 1000;
  assert(seconds > 3 && seconds < 12, `It takes ${seconds} s`);
});

Deno.test("demo() leaves no timer behind and says that nothing is real", async () => {
  const clock = new ManualClock();
  const program = recordProgram({ clock });
  await runUntilDone(clock, demo(SIMULATED, program));
  assertEquals(clock.pendingTimers, 0);
  assertStringIncludes(program.printed.join("\n"), "simulated: no key, no network");
  assertEquals(program.logged, []);
});

Deno.test("demo() ends at once, without a complaint, when it is told to stop", async () => {
  const clock = new ManualClock();
  const print = (line: string) => {
    if (line.includes("… ")) program.stop();
    program.printed.push(line);
  };
  const program = recordProgram({ clock, print });
  assertEquals(await runUntilDone(clock, demo(SIMULATED, program)), 130);
  assertEquals(program.noted, []);
  assert(program.stopping.aborted && !program.printed.join("\n").includes("The reply"));
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("demo() ends at once, without a complaint, when nobody reads on", async () => {
  const clock = new ManualClock();
  const failed = Promise.withResolvers<void>();
  const output = { write: () => true, failure: undefined, failed: failed.promise };
  const { protocol } = recordProgram();
  const print = (line: string) => {
    if (line.includes("… ")) failed.resolve();
    program.printed.push(line);
  };
  const program = recordProgram({ clock, print, protocol: { ...protocol, output } });
  await runUntilDone(clock, demo(SIMULATED, program));
  assert(!program.printed.join("\n").includes("The reply"));
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("demo() colours only where it is told to", async () => {
  const codes = async (color: boolean) => {
    const clock = new ManualClock();
    const program = recordProgram({ clock, color });
    await runUntilDone(clock, demo(SIMULATED, program));
    return program.printed.join("\n").split("\x1b[").length - 1;
  };
  assertEquals(await codes(false), 0);
  assert(await codes(true) > 10);
});

Deno.test("demo() plays the turn with the agent that is named, and waits as long as it takes", async () => {
  const clock = new ManualClock();
  const program = recordProgram({ clock });
  await runUntilDone(clock, demo({ ...SIMULATED, agent: "simulated long wait" }, program));
  const text = program.printed.join("\n");
  const calls = [...text.matchAll(/host → (\w+)/g)].map(([, name]) => name);
  const waits = ["wait_for_idle", "wait_for_idle"];
  assertEquals(calls, ["get_agent", "create_session", "send_message", ...waits]);
  assertStringIncludes(text, '"name":"Simulated Long Wait"');
  assertStringIncludes(text, "The reply (status: idle)");
});

Deno.test("demo() names agents that may be meant when there is no such agent", async () => {
  const program = recordProgram({ clock: new ManualClock() });
  const wrong = { ...SIMULATED, agent: "long" };
  await assertRejects(() => demo(wrong, program), UsageError, "No agent is called 'long'");
  assertStringIncludes(program.noted.join("\n"), "Simulated Long Wait");
});

/** Plays the demo with an agent behind the API of a terminal. */
function demoOf({ access }: Terminal, agent: string): DemoConfig {
  return { ...access, command: "demo", agent };
}

Deno.test("demo() says how to wait on for a real agent that it leaves at work", async () => {
  const terminal = openTerminal();
  const program = terminal.program();
  const running = demo(demoOf(terminal, "Simulated Long Wait"), program);
  // On a busy machine the clock runs ahead of what takes real time.
  const stopOnceSent = () => {
    const isSent = terminal.requests.some((request) => /^POST .*\/events$/.test(request));
    void terminal.clock.after(5_000, isSent ? () => program.stop() : stopOnceSent);
  };
  stopOnceSent();
  assertEquals(await terminal.run(running), 130);
  assertMatch(program.noted.at(-1) ?? "", /To wait for its reply: cma-mcp ask --session sesn_\w+$/);
});

Deno.test("demo() sends nobody on with a text where the agent waits for an approval", async () => {
  const terminal = openTerminal();
  const program = terminal.program();
  await terminal.run(demo(demoOf(terminal, "Simulated Approval Needed"), program));
  assertMatch(program.printed.at(-1) ?? "", /'cma-mcp ask --session sesn_\w+' shows what waits/);
});

Deno.test("demo() says what a failure of the API means, and what to do", async () => {
  const terminal = openTerminal();
  terminal.simulator.faults.add({ match: {}, fault: { kind: "status", status: 401 } });
  const playing = demo(demoOf(terminal, "Simulated Long Wait"), terminal.program());
  await assertRejects(() => terminal.run(playing), Error, "does not accept this server's key");
});

Deno.test("demo() starts nothing where it has to be told the environment", async () => {
  const terminal = openTerminal({ environments: 2 });
  const program = terminal.program();
  const playing = demo(demoOf(terminal, terminal.simulator.agentId("quick")), program);
  await assertRejects(() => terminal.run(playing), UsageError, "add --environment-id");
  assertEquals([program.noted.length, program.printed.length], [2, 0]);
});

Deno.test("demo() shows no secret that an agent has parted with what does not show", async () => {
  const terminal = openTerminal();
  const secret = "sk-ant-not-a-real-key";
  const parted = secret.replaceAll("-", "-\u200b");
  const withSecret = () =>
    new TransformStream<string, string>({
      transform: (text, controller) =>
        controller.enqueue(text.replaceAll("A real agent would answer.", parted)),
    });
  const client = {
    fetch: async (url: string, init: RequestInit) => {
      const response = await terminal.simulator.fetch(new Request(url, init));
      const body = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(withSecret())
        .pipeThrough(new TextEncoderStream());
      return new Response(body, { status: response.status, headers: response.headers });
    },
    close: () => {},
  };
  const program = terminal.program({ openHttpClient: () => client });
  await terminal.run(demo(demoOf(terminal, "Simulated Quick Answer"), program));
  const shown = program.printed.join("\n");
  assertStringIncludes(shown.slice(shown.indexOf("The reply")), "[redacted]");
  assert(!shown.includes(secret), shown);
});
