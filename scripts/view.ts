/**
 * `deno task view`: makes the page of the session view, one file without any other, as a module that
 * the program loads when a client asks for the page.
 *
 * @module
 */

import { run } from "./compile/tools.ts";

const ROOT = new URL("../", import.meta.url);

/** The module that holds the page. */
export const PAGE_MODULE = "src/mcp/session_page.ts";

/**
 * Makes the text of {@linkcode PAGE_MODULE} from `src/view`: the same every time.
 *
 * @throws Error when the bundler fails
 */
export async function pageModule(): Promise<string> {
  const script = await bundleScript();
  const style = await Deno.readTextFile(new URL("src/view/style.css", ROOT));
  const page = await Deno.readTextFile(new URL("src/view/page.html", ROOT));
  // A replacement text would give a meaning to `$`.
  const html = page.replace("/*STYLE*/", () => minifyCss(style))
    .replace("/*SCRIPT*/", () => script);
  return `// Made by 'deno task view' from src/view. Do not change it by hand.

/** The page of the session view: HTML that loads nothing else. */
export const SESSION_PAGE: string =
  ${JSON.stringify(html)};
`;
}

async function bundleScript(): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const out = `${folder}/view.js`;
    const { success, stderr } = await run(
      Deno.execPath(),
      [
        ...["bundle", "--quiet", "--frozen", "--platform", "browser", "--format", "iife"],
        ...["--minify", "-o", out, "src/view/main.ts"],
      ],
      { cwd: ROOT },
    );
    if (!success) throw new Error(`Cannot make the page: ${stderr.trim()}`);
    return (await Deno.readTextFile(out)).trim();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Takes comments, and spaces at line ends, out of a style sheet. */
function minifyCss(css: string): string {
  return css.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\s*\n\s*/g, "").trim();
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL(PAGE_MODULE, ROOT), await pageModule());
}
