/**
 * Texts of agents that try to be more than texts. They stand in a page without any policy of the
 * host's as well, so that nothing but the page itself stops them.
 */

import { assert, assertEquals } from "@std/assert";
import { findHarm } from "./host/inside.js";
import { PlayedSession } from "./played_session.ts";
import { closeStage, inBrowser, type World } from "./stage.ts";
import { showFiles, View } from "./view.ts";

Deno.test.afterAll(closeStage);

const args = ["--tools=core,ask,files,actions", "--ask-custom-tools"];

const RUN = "globalThis.hacked=true";

/** What executes, loads or leads away where it is taken for HTML. */
const ATTACKS = [
  `<script>${RUN}</script>`,
  `<img src=https://evil.example/i.png onerror=${RUN}>`,
  `<svg onload=${RUN}><script>${RUN}</script></svg>`,
  `<iframe srcdoc="<script>parent.hacked=true</script>"></iframe>`,
  `<iframe src=https://evil.example/></iframe>`,
  `<details open ontoggle=${RUN}><summary>x</summary></details>`,
  `<body onload=${RUN}>`,
  `<style>@import "https://evil.example/s.css"; body{display:none}</style>`,
  `<link rel=stylesheet href=https://evil.example/l.css>`,
  `<meta http-equiv=refresh content="0;url=https://evil.example/">`,
  `<base href=https://evil.example/>`,
  `<form action=https://evil.example/><input name=q><button>Allow bash</button></form>`,
  `<a href="javascript:${RUN}">click</a>`,
  `<a href="https://evil.example/" target=_blank>leave</a>`,
  `<object data=https://evil.example/o></object><embed src=https://evil.example/e>`,
  `<video src=https://evil.example/v autoplay></video><audio src=https://evil.example/a></audio>`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${RUN}&gt;">`,
  `<noscript><p title="</noscript><img src=x onerror=${RUN}>"></noscript>`,
  `![image](https://evil.example/m.png)`,
  `[link](javascript:${RUN})`,
  `[data](data:text/html,<script>${RUN}</script>)`,
  `<button onclick=${RUN}>Allow bash</button>`,
  `" onmouseover=${RUN} x="`,
  `'-${RUN}-'`,
  "</script><script>" + RUN + "</script>",
  "${" + RUN + "}",
];

/** Reads as another text than it is. */
const UNSEEN = "safe\u202egnp.exe\u2066\u200b\u0000\u0007\u001b[31m\u00ad\ufeff";

async function assertHarmless(view: View): Promise<void> {
  const state = await view.frame.locator("html").evaluate(findHarm);
  assertEquals(state, {
    ...{ hacked: "undefined", loads: [], scripts: 1, handlers: [], wide: 0, shown: "block" },
  });
}

/** Clicks everything that an agent's text could have made clickable. */
async function clickLinks({ host }: World, view: View): Promise<void> {
  for (const link of await view.frame.getByRole("link").all()) await link.click({ force: true });
  for (const url of (await host.received()).links) assert(/^https?:\/\//.test(url), url);
}

/** A session whose every text is one of these. */
function playHostile(session: PlayedSession, texts: readonly string[]): void {
  const [one = ""] = texts;
  session.start(texts.join("\n"));
  for (const text of texts) {
    session.result(session.tool(text, { text }), text, true);
    session.emit("agent.mcp_tool_use", {
      ...{ name: text, mcp_server_name: text, input: { [text]: text } },
      evaluated_permission: "allow",
    });
    session.emit("session.error", {
      error: { type: "model_request_failed_error", message: text, retry_status: { type: text } },
    });
  }
  const thread = { session_thread_id: "sthr_0000000000000000000000", agent_name: one };
  session.emit("session.thread_created", { ...thread, workflow_run_id: null });
  session.emit("session.thread_status_running", thread);
  session.say(texts.join("\n\n"));
}

for (
  const [policy, csp] of Object.entries({ "with the host's policy": undefined, "without one": "" })
) {
  const host = csp === undefined ? {} : { csp };
  const options = { args, host: { ...host, context: { displayMode: "fullscreen" as const } } };

  Deno.test(inBrowser(`an agent's HTML stays text, ${policy}`, options, async (world) => {
    const session = new PlayedSession(world.simulator, { title: ATTACKS[0] });
    playHostile(session, ATTACKS);
    const call = await world.host.call("wait_for_idle", { session_id: session.id });
    const view = new View(world.host, call);
    await view.stands("Working");
    await assertHarmless(view);
    session.end();
    await view.stands("Done");
    await view.shows(/evil\.example/);
    await world.shot(`hostile-${csp ?? "policy"}`);
    await assertHarmless(view);
    // What leads elsewhere than into the web is no link at all.
    await view.shows(/^data \(data:text\/html/);
    assertEquals(await view.frame.getByRole("link", { name: /^(?:link|data)\b/ }).count(), 0);
    await clickLinks(world, view);
    await assertHarmless(view);
  }));

  Deno.test(inBrowser(`a hostile call can be denied, ${policy}`, options, async (world) => {
    const session = new PlayedSession(world.simulator);
    session.start("Go.");
    const [html = ""] = ATTACKS;
    session.ask(
      ...ATTACKS.slice(0, 4).map((text) => ({ name: text, input: { [text]: text } })),
      { name: `Allow everything ${UNSEEN}`, input: { command: UNSEEN } },
    );
    const call = await world.host.call("wait_for_idle", { session_id: session.id });
    const view = new View(world.host, call);
    await view.stands("Waiting for you");
    await assertHarmless(view);
    const text = await view.text();
    for (const character of UNSEEN.replaceAll(/[ -~]/g, "")) {
      assert(!text.includes(character), `U+${character.charCodeAt(0).toString(16)} is in the page`);
    }
    assert(text.includes(html));
    await world.shot(`hostile-call-${csp ?? "policy"}`);
  }));
}

Deno.test(inBrowser("nothing hides in an agent's code", { args }, async (world) => {
  const session = new PlayedSession(world.simulator);
  session.start("Go.");
  session.end(`Run \`${UNSEEN}\`:\n\n\`\`\`sh\n${UNSEEN}\n\`\`\`\n`);
  const call = await world.host.call("wait_for_idle", { session_id: session.id });
  const view = new View(world.host, call);
  await view.stands("Done");
  const codes = await view.frame.locator(".markdown code").allInnerTexts();
  assertEquals(codes.length, 2);
  for (const code of codes) {
    assertEquals(/[^ -~\n]/.exec(code), null);
    assert(code.startsWith("safe\\u202egnp.exe\\u2066\\u200b\\u0000\\u0007"), code);
  }
}));

Deno.test(inBrowser("huge texts neither stop the page nor widen it", {
  args,
  host: { context: { displayMode: "fullscreen" } },
}, async (world) => {
  const session = new PlayedSession(world.simulator);
  session.start("w".repeat(20_000));
  for (let count = 0; count < 300; count++) session.result(session.tool("n".repeat(5_000)));
  session.end(`${"x".repeat(100_000)}\n\n${"* [y](https://example.com/y)\n".repeat(5_000)}`);
  const call = await world.host.call("wait_for_idle", { session_id: session.id });
  const view = new View(world.host, call);
  await view.stands("Done");
  await assertHarmless(view);
  await world.shot("huge");
}));

Deno.test(inBrowser("the names of files stay names", { args }, async (world) => {
  const { host, simulator } = world;
  const session = new PlayedSession(simulator);
  session.start("Go.");
  const bytes = new TextEncoder().encode(`<script>${RUN}</script>`);
  for (const name of [`<img src=x onerror=${RUN}>.html`, `${UNSEEN}.txt`, "a".repeat(250)]) {
    simulator.writeFile(session.id, name, bytes);
  }
  session.end("Written.");
  const call = await host.call("wait_for_idle", { session_id: session.id });
  const view = new View(host, call);
  await view.stands("Done");
  await showFiles(view, 3);
  // Of the others the page says no more than what they are: they are of no type that it shows.
  await view.button(/^Show safe/).click();
  await view.shows("<script>");
  await world.shot("hostile-files");
  await assertHarmless(view);
}));

Deno.test(
  inBrowser("messages of windows other than the host's change nothing", { args }, async (world) => {
    const { host, page, simulator } = world;
    const session = new PlayedSession(simulator);
    session.start("Go.");
    session.ask({ name: "bash", input: { command: "ls" } });
    const call = await host.call("wait_for_idle", { session_id: session.id });
    const view = new View(host, call);
    await view.stands("Waiting for you");
    const forged = { session_id: session.id, status: "terminated", reply: "FORGED", pending: [] };
    const result = { content: [], structuredContent: forged };
    const notification = (method: string, params: unknown) => ({
      ...{ jsonrpc: "2.0", method: `ui/notifications/${method}`, params },
    });
    const messages = [
      notification("tool-result", result),
      notification("host-context-changed", { theme: "dark", displayMode: "fullscreen" }),
      // The page counts its requests: one of these is under way.
      ...Array.from({ length: 100 }, (_, id) => ({ jsonrpc: "2.0", id, result })),
      { jsonrpc: "2.0", id: "x", method: "ui/resource-teardown", params: {} },
    ];
    // The host's own window is not the one that shows the page: between them stands the sandbox.
    const post = `for (const message of ${JSON.stringify(messages)}) {
    document.querySelector("#call-${call}").contentWindow.frames[0].postMessage(message, "*");
  }`;
    for (let time = 0; time < 5; time++) {
      await page.evaluate(post);
      await page.waitForTimeout(300);
    }
    assert(!(await view.text()).includes("FORGED"));
    const shown = view.frame.locator("html");
    assertEquals(await shown.getAttribute("data-mode"), "inline");
    // It still reads the session, and hears its host.
    session.say("Still here.");
    session.end();
    await view.stands("Done");
    await view.shows("Still here.");
    await host.setContext({ displayMode: "fullscreen" });
    await view.frame.locator("html[data-mode=fullscreen]").waitFor();
  }),
);
