/**
 * Decisions of a person in the session view: what the agent gets, and what the model is told.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { clickAllowAtOnce } from "./host/inside.js";
import type { Received } from "./host/settings.ts";
import { PlayedSession } from "./played_session.ts";
import { closeStage, inBrowser, type World } from "./stage.ts";
import { View } from "./view.ts";

Deno.test.afterAll(closeStage);

const args = ["--tools=core,ask,files,actions"];

/** Begins a turn of the agent that does what the message says. */
async function ask(
  { host, simulator }: World,
  message: string,
): Promise<{ readonly call: number; readonly view: View; readonly session_id: string }> {
  const session_id = simulator.createSession({ agent: "script" });
  await host.say("person", "Please clean up the old build.");
  const call = await host.call("ask_agent", { session_id, message });
  return { call, view: new View(host, call), session_id };
}

/** Returns the fields of a call's result. */
async function fieldsOf({ host }: World, call: number): Promise<Record<string, unknown>> {
  const { structuredContent, isError, content } = await host.result(call);
  assert(!isError, JSON.stringify(content));
  return { ...structuredContent as Record<string, unknown> };
}

for (const way of ["http", "stdio"] as const) {
  for (const era of ["auto", "legacy"] as const) {
    Deno.test(inBrowser(
      `a call is allowed, and the agent goes on (${way}, ${era})`,
      { way, args, host: { era } },
      async (world) => {
        const { view, call } = await ask(
          world,
          "say I remove it.\nask bash rm -r build\nsay The build is gone.",
        );
        await view.shows("wants to use");
        await view.shows(/rm -r build/);
        await world.shot(`approval-${way}-${era}`);
        // The call's result tells that a person must decide: the host has no form.
        const { status } = await fieldsOf(world, call);
        assertEquals(status, "requires_action");
        await view.button("Allow bash").click();
        await view.shows(/You allowed bash/);
        await view.stands("Done");
        await view.replies("The build is gone.");
        await world.shot(`allowed-${way}-${era}`);
      },
    ));
  }
}

Deno.test(
  inBrowser("a call is denied with a reason, which the agent gets", { args }, async (world) => {
    const { host } = world;
    const { view, call, session_id } = await ask(
      world,
      "ask bash rm -r build\nask bash echo after\nsay Over.",
    );
    await fieldsOf(world, call);
    await view.frame.getByRole("textbox", { name: /Reason/ }).fill("Keep it until Friday.");
    await view.button(/^Deny bash/).click();
    await view.shows(/You denied bash/);
    await view.button(/^Deny bash/).click();
    await view.stands("Done");
    const wait = await host.call("list_events", { session_id });
    assertStringIncludes(JSON.stringify(await host.result(wait)), "Keep it until Friday.");
    await world.shot("denied");
  }),
);

Deno.test(
  inBrowser("a click that comes with the buttons decides nothing", { args }, async (world) => {
    const session = new PlayedSession(world.simulator);
    session.start("Go.");
    const call = await world.host.call("wait_for_idle", { session_id: session.id });
    const view = new View(world.host, call);
    await view.stands("Working");
    await view.frame.locator("html").evaluate(clickAllowAtOnce);
    session.ask({ name: "bash", input: { command: "rm -r build" } });
    await view.stands("Waiting for you");
    await view.frame.locator("html[data-clicked]").waitFor();
    // The button is on some time later, and takes a click that is meant for it.
    await view.frame.locator("button.allow:not([aria-disabled])").waitFor();
    assertEquals(
      (await world.host.received()).calls.filter((name) => name !== "watch_session"),
      [],
    );
    await view.button("Allow bash").click();
    await view.shows(/You allowed bash/);
  }),
);

Deno.test(inBrowser("two calls at once are decided one by one", { args }, async (world) => {
  const { view, call } = await ask(
    world,
    'ask bash git push --force\nand ask crm/delete_customer {"id":7}\nsay All of it is decided.',
  );
  await fieldsOf(world, call);
  await view.shows("2 calls need your decision");
  await world.shot("two-approvals");
  await view.button(/^Deny bash/).click();
  await view.shows(/You denied bash/);
  await view.shows("Needs your decision");
  assertEquals(await view.button("Allow delete_customer").count(), 1);
  await view.button("Allow delete_customer").click();
  await view.stands("Done");
  await view.replies("All of it is decided.");
}));

Deno.test(
  inBrowser("two calls of one tool have buttons that tell them apart", { args }, async (world) => {
    const { view, call } = await ask(world, "ask bash one\nand ask bash two\nsay Over.");
    await fieldsOf(world, call);
    await view.button("Allow bash (2 of 2)").click();
    await view.shows(/You allowed bash/);
    await view.button(/^Deny bash/).click();
    await view.stands("Done");
  }),
);

Deno.test(inBrowser("an answer from elsewhere takes the buttons away", { args }, async (world) => {
  const { host } = world;
  const { view, call, session_id } = await ask(
    world,
    "ask bash rm -r build\nsay Somebody decided.",
  );
  const { pending_actions } = await fieldsOf(world, call);
  assert(Array.isArray(pending_actions));
  await view.button("Allow bash").waitFor();
  // A call that no read of the page has listed, but the result alone, would go without a word.
  const readsIn = ({ calls }: Received) => calls.filter((name) => name === "watch_session").length;
  const before = readsIn(await host.received());
  await host.until((received) => readsIn(received) > before + 1, "another read after one");
  const event_id = pending_actions[0]?.event_id;
  const answer = await host.call("confirm_tool_use", {
    ...{ session_id, event_id, tool_name: "bash" },
    result: "deny",
  });
  assert(!(await host.result(answer)).isError);
  await view.button("Allow bash").waitFor({ state: "hidden" });
  await view.shows(/answered elsewhere/);
  await view.stands("Done");
  await world.shot("answered-elsewhere");
}));

Deno.test(
  inBrowser("two pages of one session: one decides, the other follows", { args }, async (world) => {
    const { host } = world;
    const { view, call, session_id } = await ask(world, "ask bash rm -r build\nsay Over.");
    await fieldsOf(world, call);
    const other = await host.call("wait_for_idle", { session_id });
    const beside = new View(host, other);
    const live = ":not([aria-disabled])";
    for (const one of [view, beside]) {
      await one.button("Deny bash").and(one.frame.locator(live)).waitFor();
    }
    // Both click before either can know of the other.
    await host.setPageCalls("held");
    await view.button("Deny bash").click();
    await beside.button("Allow bash").click();
    await host.setPageCalls("pass");
    await view.stands("Done");
    await beside.stands("Done");
    const said = [await view.text(), await beside.text()];
    const decided = said.filter((text) => /You (?:denied|allowed) bash\./.test(text));
    const followed = said.filter((text) => /answered elsewhere|waits no longer/.test(text));
    assertEquals([decided.length, followed.length], [1, 1], said.join("\n---\n"));
    const { calls } = await host.received();
    assert(calls.filter((name) => name === "answer_tool_use").length <= 2);
  }),
);

Deno.test(inBrowser("a call that was clicked twice is answered once", { args }, async (world) => {
  const { host } = world;
  const { view, call } = await ask(world, "ask bash rm -r build\nsay Over.");
  await fieldsOf(world, call);
  await view.button("Allow bash").dblclick();
  await view.stands("Done");
  const { calls } = await host.received();
  assertEquals(calls.filter((name) => name === "answer_tool_use").length, 1);
}));

Deno.test(inBrowser("a question of the agent is answered by a form", {
  args: [...args, "--ask-custom-tools"],
}, async (world) => {
  const { view, call } = await ask(world, 'custom get_weather {"city":"Lisbon"}\nsay Thank you.');
  await fieldsOf(world, call);
  await view.shows(/asks you for the result of/);
  await view.shows(/Lisbon/);
  await view.shows(/Never put a password/);
  await world.shot("custom-tool");
  await view.frame.getByRole("textbox", { name: "Your answer" }).fill("Sunny, 24 degrees.");
  await view.button("Send answer: get_weather").click();
  await view.stands("Done");
  await view.shows(/get_weather gave: Sunny, 24 degrees\./);
}));

Deno.test(inBrowser("a person says that they could not do what the agent asks", {
  args: [...args, "--ask-custom-tools"],
}, async (world) => {
  const { view, call } = await ask(world, 'custom get_weather {"city":"Lisbon"}');
  await fieldsOf(world, call);
  await view.frame.getByRole("textbox", { name: "Your answer" }).fill("No thermometer.");
  await view.button("Could not do it: get_weather").click();
  await view.stands("Done");
  await view.shows(/get_weather failed: No thermometer\./);
}));

Deno.test(
  inBrowser(
    "a custom tool has no form where the operator did not allow one",
    { args },
    async (world) => {
      const { view, call } = await ask(world, 'custom get_weather {"city":"Lisbon"}');
      await fieldsOf(world, call);
      await view.shows(/asks you for the result of/);
      await view.shows(/can't be answered here/);
      await world.shot("custom-tool-elsewhere");
      await assertDead(view, /get_weather/);
    },
  ),
);

/** Asserts that no button of this name does anything, where one is there at all. */
async function assertDead(view: View, name: RegExp): Promise<void> {
  for (const button of await view.button(name).all()) {
    assertEquals(await button.getAttribute("aria-disabled"), "true");
  }
}

Deno.test(
  inBrowser("the model is told once, and the next wait tells all", { args }, async (world) => {
    const { host } = world;
    const { view, call, session_id } = await ask(
      world,
      "ask bash rm -r build\nask bash git push\nsay Both are decided.",
    );
    await fieldsOf(world, call);
    await view.button("Allow bash").click();
    await view.shows(/You allowed bash/);
    await view.button(/^Deny bash/).click();
    await view.stands("Done");
    const { messages, contexts } = await host.until(
      ({ messages }) => messages.length >= 2 || messages.some((text) => text.includes(" and ")),
      "what was decided",
    );
    for (const text of [...messages, ...contexts]) {
      assertMatch(
        text,
        /^In the session view, I [a-z0-9 ]+\. Call wait_for_idle with session_id "sesn_\w+" to hear from the agent\.$/,
      );
      assertStringIncludes(text, session_id);
    }
    const told = messages.join(" ");
    assertEquals(told.match(/allowed 1 tool call/g)?.length, 1);
    assertEquals(told.match(/denied 1 tool call/g)?.length, 1);
    await view.shows(/The chat was told/);
    await world.shot("model-told");
    const wait = await host.call("wait_for_idle", { session_id });
    const { status, decisions } = await fieldsOf(world, wait);
    assertEquals(status, "idle");
    assert(Array.isArray(decisions), "the wait tells no decisions");
    assertEquals(
      decisions.map(({ result, name, outcome }) => [result, name, outcome]),
      [["allow", "bash", "sent"], ["deny", "bash", "sent"]],
    );
  }),
);

Deno.test(inBrowser("a host that passes nothing on leaves the sentence to the person", {
  args,
  host: { habits: { refusesTelling: true } },
}, async (world) => {
  const { view, call } = await ask(world, "ask bash rm -r build\nsay Over.");
  await fieldsOf(world, call);
  await view.button("Allow bash").click();
  await view.shows(/Send it this sentence yourself/);
  await view.shows(/I allowed 1 tool call\. Call wait_for_idle/);
  assertEquals(await view.button("Copy").count(), 1);
  await world.shot("model-not-told");
  assertEquals((await world.host.received()).messages, []);
}));

Deno.test(inBrowser("a host like goose, which says yes to everything, leaves the sentence too", {
  args,
  host: {
    capabilities: { openLinks: {}, serverTools: {} },
    habits: { answersUnknownWithSuccess: true },
  },
}, async (world) => {
  const { view, call } = await ask(world, "ask bash rm -r build\nsay Over.");
  await fieldsOf(world, call);
  await view.button("Allow bash").click();
  await view.stands("Done");
  await view.shows(/I allowed 1 tool call\. Call wait_for_idle/);
}));

for (
  const [what, options] of Object.entries({
    "a token that may only read": { args, token: () => ({ read_only: true, sessions: "all" }) },
    "--view-actions off": { args: [...args, "--view-actions=off"] },
  })
) {
  Deno.test(inBrowser(`${what} shows calls and no live buttons`, options, async (world) => {
    const { host, simulator } = world;
    const played = new PlayedSession(simulator);
    played.start("Clean up, please.");
    played.ask({ name: "bash", input: { command: "rm -r build" } });
    const call = await host.call("wait_for_idle", { session_id: played.id });
    await fieldsOf(world, call);
    const view = new View(host, call);
    await view.shows(/rm -r build/);
    await view.shows(/can't be answered here/);
    await assertDead(view, /Allow|Deny/);
    await world.shot(what.replaceAll(/\W+/g, "-"));
    const { calls } = await host.received();
    assertEquals(calls.includes("answer_tool_use"), false);
  }));
}

Deno.test(inBrowser("the host's form comes first, and the view's buttons wait", {
  args,
  host: { elicits: true },
}, async (world) => {
  const { host } = world;
  const { view, call } = await ask(world, "ask bash rm -r build\nask bash git push\nsay Over.");
  await host.until(({ forms }) => forms.length === 1, "a form");
  await view.shows(/asks about this in a form of its own/);
  await assertDead(view, /Allow|Deny/);
  await world.shot("form-first");
  const [form] = (await host.received()).forms;
  const keys = form?.requestedSchema.required ?? [];
  await host.answerForm({
    action: "accept",
    content: Object.fromEntries(keys.map((key) => [key, "allow"])),
  });
  // The second form is put away: now the view is the way to decide.
  await host.until(({ forms }) => forms[0] !== undefined && forms[0] !== form, "a second form");
  await host.answerForm({ action: "cancel" });
  const { status } = await fieldsOf(world, call);
  assertEquals(status, "requires_action");
  await view.button("Deny bash (2 of 2)").click();
  await view.stands("Done");
}));

Deno.test(inBrowser("a caller bound to one agent decides about its calls", {
  args,
  token: (simulator) => ({ agent: simulator.agentId("script") }),
}, async (world) => {
  const { host, tools } = world;
  assert(tools.includes("ask_agent"), tools.join());
  const call = await host.call("ask_agent", { message: "ask bash rm -r build\nsay Over." });
  await fieldsOf(world, call);
  const view = new View(host, call);
  await view.button("Allow bash").click();
  await view.stands("Done");
}));

Deno.test(inBrowser("a published agent has the view as well", {
  args: [...args, "--publish=all"],
}, async (world) => {
  const { host, tools } = world;
  const name = tools.find((tool) => /script/i.test(tool)) ?? "";
  const call = await host.call(name, { message: "ask bash rm -r build\nsay Over." });
  await fieldsOf(world, call);
  const view = new View(host, call);
  await view.button("Allow bash").click();
  await view.stands("Done");
}));
