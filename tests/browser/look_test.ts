/**
 * The look of the session view: widths, themes, contrast, sizes, keyboard, names, motion.
 */

import { assert, assertEquals } from "@std/assert";
import type { McpUiHostContext } from "@modelcontextprotocol/ext-apps/app-bridge";
import type { HostOptions } from "./browser_host.ts";
import { outlineOf, spoilPage } from "./host/inside.js";
import { measure } from "./measures.ts";
import { PlayedSession } from "./played_session.ts";
import { closeStage, inBrowser, type World } from "./stage.ts";
import { View } from "./view.ts";

Deno.test.afterAll(closeStage);

const args = ["--tools=core,ask,files,actions", "--ask-custom-tools"];

/** Colours of the host behind the page, as its style sheet has them. */
const BACKGROUNDS = { light: "#ffffff", dark: "#262624" } as const;

/** Some variables of a host's theme, as the specification names them. */
const VARIABLES = {
  light: {
    "--color-background-primary": "#ffffff",
    "--color-background-secondary": "#f5f4ed",
    "--color-text-primary": "#141413",
    "--color-text-secondary": "#5e5d59",
    "--color-border-primary": "#d1cfc5",
    "--border-radius-md": "8px",
    "--font-sans": "system-ui, sans-serif",
  },
  dark: {
    "--color-background-primary": "#262624",
    "--color-background-secondary": "#30302e",
    "--color-text-primary": "#faf9f5",
    "--color-text-secondary": "#c2c0b6",
    "--color-border-primary": "#5e5d59",
    "--border-radius-md": "8px",
    "--font-sans": "system-ui, sans-serif",
  },
} as const;

/** Hosts send any of the variables; the type wants all of them. */
function stylesOf(theme: "light" | "dark"): McpUiHostContext["styles"] {
  return JSON.parse(JSON.stringify({ variables: VARIABLES[theme] }));
}

const LONG_WORD = "x".repeat(400);

/** The stages that are looked at, each of which stands still. */
const STAGES: Readonly<Record<string, (session: PlayedSession) => string>> = {
  running(session) {
    session.start(`Write the sales report, with ${LONG_WORD}`);
    session.result(session.tool("web_search", { query: "sales" }));
    session.result(session.tool("bash", { command: "cat" }), "No such file", true);
    session.say(`I found some figures, and ${LONG_WORD}.`);
    session.tool("bash", { command: "ls -1" });
    return "Working";
  },
  deciding(session) {
    session.start("Clean up.");
    session.ask(
      { name: "bash", input: { command: `rm -r build/${LONG_WORD}` } },
      { name: "write", input: { path: "/etc/hosts", text: "127.0.0.1 localhost" } },
    );
    return "Waiting for you";
  },
  done(session) {
    session.start("Write the sales report.");
    session.result(session.tool("bash", { command: "ls -1" }));
    session.end(
      "# Sales\n\nThe year was **good**; see [the figures](https://example.com/figures).\n\n" +
        "| Month | Sales | Remark |\n| --- | ---: | --- |\n| January | 900 | " +
        `${LONG_WORD} |\n\n1. One\n2. Two\n\n\`\`\`sh\necho ${LONG_WORD}\n\`\`\`\n\n> A quotation.`,
    );
    return "Done";
  },
};

async function openStage(
  { host, simulator }: World,
  stage: (session: PlayedSession) => string,
): Promise<{ readonly view: View; readonly session: PlayedSession }> {
  const session = new PlayedSession(simulator);
  const word = stage(session);
  const call = await host.call("wait_for_idle", { session_id: session.id });
  const view = new View(host, call);
  await view.stands(word);
  return { view, session };
}

Deno.test(inBrowser("what is measured can be wrong", { args }, async (world) => {
  const { view, session } = await openStage(world, STAGES.running!);
  const right = await measure(view, BACKGROUNDS.light);
  assertEquals([right.faint, right.small, right.wide], [[], [], 0]);
  assert(right.moving.length > 0, "nothing moves while the agent works");
  await view.frame.locator("html").evaluate(spoilPage);
  const wrong = await measure(view, BACKGROUNDS.light);
  assert(wrong.faint.length > 0 && wrong.small.length > 0 && wrong.wide > 0, JSON.stringify(wrong));
  session.end();
}));

for (const [name, stage] of Object.entries(STAGES)) {
  for (const width of [320, 700, 1_200]) {
    for (const theme of ["light", "dark"] as const) {
      // The host's own colours at one width, the page's at the others.
      const styles = width === 700 ? stylesOf(theme) : undefined;
      const displayMode = width === 1_200 ? "fullscreen" as const : "inline" as const;
      const host: HostOptions = {
        context: { theme, displayMode, ...(styles && { styles }) },
      };
      const browser = { viewport: { width, height: 900 }, colorScheme: theme };
      Deno.test(inBrowser(
        `${name} is legible at ${width} px, ${theme}`,
        { args, host, browser },
        async (world) => {
          const { view, session } = await openStage(world, stage);
          if (name === "deciding") await view.button(/^Allow bash/).waitFor();
          const { faint, small, wide } = await measure(view, BACKGROUNDS[theme]);
          await world.shot(`${name}-${width}-${theme}`);
          if (name === "running") session.end();
          assertEquals({ faint, small, wide }, { faint: [], small: [], wide: 0 });
        },
      ));
    }
  }
}

Deno.test(inBrowser("the page follows the host from light to dark", { args }, async (world) => {
  const { view, session } = await openStage(world, STAGES.running!);
  await world.host.setContext({ theme: "dark" });
  const { faint } = await measure(view, BACKGROUNDS.dark);
  assertEquals(faint, []);
  session.end();
}));

Deno.test(inBrowser("nothing moves for those who ask for that", {
  args,
  browser: { reducedMotion: "reduce" },
}, async (world) => {
  const { view, session } = await openStage(world, STAGES.running!);
  assertEquals((await measure(view, BACKGROUNDS.light)).moving, []);
  session.end();
}));

Deno.test(inBrowser("a person decides by keyboard alone", { args }, async (world) => {
  const { page, host, simulator } = world;
  const session_id = simulator.createSession({ agent: "script" });
  const call = await host.call("ask_agent", {
    session_id,
    message: "ask bash rm -r build\nsay Over.",
  });
  const view = new View(host, call);
  await view.button("Allow bash").waitFor();
  const focused = view.frame.locator(":focus");
  assertEquals(await focused.count(), 0, "the page has taken the focus by itself");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Space");
  const tabTo = async (name: string | RegExp, role: "button" | "textbox" = "button") => {
    const wanted = view.frame.getByRole(role, { name }).and(focused);
    for (let presses = 0; presses < 40; presses++) {
      if (await wanted.count() > 0) return wanted;
      await page.keyboard.press("Tab");
    }
    throw new Error(`The Tab key does not reach ${name}`);
  };
  const reason = await tabTo(/Reason/, "textbox");
  await page.keyboard.type("Not today.");
  assertEquals(await reason.inputValue(), "Not today.");
  await page.keyboard.press("Enter");
  const deny = await tabTo("Deny bash");
  const ring = await deny.evaluate(outlineOf);
  assert(ring !== "none", "the focus cannot be seen");
  await page.keyboard.press("Enter");
  await view.shows(/You denied bash/);
  await view.stands("Done");
  assertEquals(await focused.count(), 1, "the focus is lost");
  assertEquals((await host.received()).calls.filter((one) => one === "answer_tool_use").length, 1);
}));

Deno.test(inBrowser("everything that can be used has a name", { args }, async (world) => {
  for (const stage of Object.values(STAGES)) {
    const { view, session } = await openStage(world, stage);
    const tree = await view.frame.locator("body").ariaSnapshot();
    const nameless = tree.split("\n").filter((line) =>
      /^\s*- (button|textbox|link|heading|region|img|group)(?!\s*"| \[|\s*\/)/.test(line)
    );
    assertEquals(nameless, [], tree);
    assertEquals(await view.frame.getByRole("heading", { level: 1 }).count(), 1);
    if (stage === STAGES.running) session.end();
  }
}));

Deno.test(inBrowser("full screen shows all, and comes back", { args }, async (world) => {
  const { view, session } = await openStage(world, STAGES.running!);
  await view.button("Full screen").click();
  await view.button("Leave full screen").waitFor();
  await world.shot("fullscreen");
  await view.button("Leave full screen").click();
  await view.button("Full screen").waitFor();
  session.end();
}));

Deno.test(inBrowser("what a person has typed survives every update", { args }, async (world) => {
  const { host, simulator } = world;
  const session_id = simulator.createSession({ agent: "script" });
  const call = await host.call("ask_agent", {
    session_id,
    message: "ask bash one\nand ask write two\nsay Over.",
  });
  const view = new View(host, call);
  const field = view.frame.getByRole("textbox", { name: /Reason/ });
  await field.first().fill("Because of that");
  await field.first().press("End");
  await view.button("Allow write").click();
  await view.shows(/You allowed write/);
  const polls = (await host.received()).calls.length;
  await host.until(({ calls }) => calls.length > polls + 1, "further polls");
  assertEquals(await field.first().inputValue(), "Because of that");
  await view.button("Deny bash").click();
  await view.stands("Done");
}));
