/**
 * Finds the browser of the tests, and says loudly where there is none.
 *
 * @module
 */

/** Where systems put Chromium, most likely first. */
const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/snap/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const named = Deno.env.get("CHROMIUM") ?? "";

/** Path of the browser, the one that `CHROMIUM` names or one of the system; undefined without any. */
export const CHROMIUM: string | undefined = (named === "" ? PLACES : [named]).find(isFile);

/**
 * What the names of the tests begin with where no browser runs them, because a quiet run prints
 * nothing but names; undefined where there is one.
 */
export const SKIPPED: string | undefined = CHROMIUM === undefined
  ? "SKIPPED for want of Chromium (apt-get install chromium, or CHROMIUM=/path/to/chromium)"
  : undefined;
