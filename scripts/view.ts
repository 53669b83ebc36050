/**
 * `deno task view`: makes the page of the session view, one file without any other, as a module that
 * the program loads when a client asks for the page.
 *
 * @module
 */

import { run } from "./compile/tools.ts";
import type { Finding, TextFile } from "./house/tree.ts";
import { MAX_PAGE_BYTES } from "./sizes/limits.ts";

const ROOT = new URL("../", import.meta.url);

/** The module that holds the page. */
export const PAGE_MODULE = "src/mcp/session_page.ts";

/** The module at which the page's script begins. */
export const PAGE_ENTRY = "src/view/main.ts";

/**
 * Makes the page from `src/view`: the same every time.
 *
 * @throws Error when the bundler fails
 */
async function makePage(): Promise<string> {
  const script = await bundleScript();
  const style = await Deno.readTextFile(new URL("src/view/style.css", ROOT));
  const page = await Deno.readTextFile(new URL("src/view/page.html", ROOT));
  // A replacement text would give a meaning to `$`.
  return page.replace("/*STYLE*/", () => minifyCss(style)).replace("/*SCRIPT*/", () => script);
}

/** Returns the text of {@linkcode PAGE_MODULE} with a page in it. */
export function pageModule(page: string): string {
  return `// Made by 'deno task view' from src/view. Do not change it by hand.

/** The page of the session view: HTML that loads nothing else. */
export const SESSION_PAGE: string =
  ${JSON.stringify(page)};
`;
}

/**
 * The page is the one that `src/view` makes, and no larger than it may be.
 *
 * @param page as it is made now
 */
export function pageIsCurrent(files: readonly TextFile[], page: string): Finding[] {
  const path = PAGE_MODULE;
  const size = new Blob([page]).size;
  return [
    ...(files.some((file) => file.path === path && file.text === pageModule(page)) ? [] : [{
      path,
      message: "does not hold the page that src/view makes",
      mend: "run 'deno task view'",
    }]),
    ...(size <= MAX_PAGE_BYTES ? [] : [{
      path,
      message: `has a page of ${size} bytes: at most ${MAX_PAGE_BYTES}`,
      mend: "make the code or the style in src/view shorter, then run 'deno task view'",
    }]),
  ];
}

/** Complains as {@linkcode pageIsCurrent} does of the page that `src/view` makes now. */
export async function checkPage(files: readonly TextFile[]): Promise<Finding[]> {
  try {
    return pageIsCurrent(files, await makePage());
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [{ path: PAGE_ENTRY, message, mend: "mend what the bundler names" }];
  }
}

async function bundleScript(): Promise<string> {
  const { success, stdout, stderr } = await run(
    Deno.execPath(),
    [
      ...["bundle", "--quiet", "--frozen", "--platform", "browser", "--format", "iife"],
      ...["--minify", PAGE_ENTRY],
    ],
    { cwd: ROOT },
  );
  if (!success) throw new Error(`Cannot make the page: ${stderr.trim()}`);
  return stdout.trim();
}

/**
 * Takes comments out of a style sheet, and spaces that mean nothing: those at line ends, around
 * braces, semicolons and commas, and behind the colon of a declaration.
 */
export function minifyCss(css: string): string {
  const parts = css.replace(/\/\*[\s\S]*?\*\//g, "").split(/("[^"]*")/);
  const shorter = (text: string) =>
    text.replace(/\s+/g, " ").replace(/ ?([{};,]) ?/g, "$1").replace(/([{;][\w-]+): /g, "$1:")
      .replaceAll(";}", "}");
  // Every other part is a text in quotes.
  return parts.map((part, index) => index % 2 === 0 ? shorter(part) : part).join("").trim();
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL(PAGE_MODULE, ROOT), await pageModule(await makePage()));
}
