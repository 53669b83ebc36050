/**
 * What the tests of signing in share: the program as a resource server, and people with a browser.
 *
 * @module
 */

import type { Browser } from "playwright-core";
import { CHROMIUM } from "../browser/chromium.ts";
import type { AuthorizationServer } from "../helpers/authorization_server.ts";
import { freePort } from "../helpers/free_port.ts";
import { FormBrowser } from "../helpers/sign_in.ts";
import { Spawned } from "../helpers/spawned.ts";
import { replaceFile } from "../helpers/replace_file.ts";

/** All scopes of this server. */
export const ALL_SCOPES = "agents:read sessions:read sessions:write actions";

/** The program, to which people sign in. */
export interface ResourceServer extends AsyncDisposable {
  readonly program: Spawned;
  /** What people type, which is also the resource. */
  readonly url: string;
  /** Port on which it listens. */
  readonly port: number;
  /** Writes another access file in place of the one with which it was started. */
  rewriteAccess(access: object): Promise<void>;
  /** Asks the program to end. @returns its exit code */
  stop(): Promise<number>;
  /** Resolves with the first line of the log that has all of these texts. */
  logged(...texts: readonly string[]): Promise<string>;
}

/** How the program is started. */
export interface ResourceServerOptions {
  readonly issuers: readonly AuthorizationServer[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The content of its access file. */
  readonly access?: object;
  /** Its public URL, where that is not its own address. */
  readonly publicUrl?: string;
  /** Path of its public URL, such as `/team`. */
  readonly path?: string;
}

/** Starts the program with HTTP and OAuth on a free port; resolves when it listens. */
export async function startResourceServer(
  options: ResourceServerOptions,
): Promise<ResourceServer> {
  const { issuers, args = [], env = {}, access, publicUrl, path = "" } = options;
  const port = freePort();
  const file = access && await Deno.makeTempFile({ suffix: ".json" });
  if (file !== undefined) await Deno.writeTextFile(file, JSON.stringify(access));
  const base = (publicUrl ?? `http://127.0.0.1:${port}`) + path;
  const program = new Spawned([
    ...["--http", `--port=${port}`, `--public-url=${base}`],
    ...issuers.map(({ issuer }) => `--oauth-issuer=${issuer}`),
    ...file === undefined ? [] : [`--access-file=${file}`],
    ...args,
  ], env);
  const removeFile = async () => {
    if (file !== undefined) await Deno.remove(file).catch(() => {});
  };
  const stop = async () => {
    program.kill("SIGTERM");
    const { code } = await program.ending();
    await removeFile();
    return code;
  };
  try {
    await program.listening();
  } catch (error) {
    await program.ending();
    await removeFile();
    throw error;
  }
  return {
    program,
    url: `${base}/mcp`,
    port,
    async rewriteAccess(content) {
      if (file === undefined) throw new Error("The program has no access file");
      await replaceFile(file, JSON.stringify(content));
      // Windows has no such signal; there the next read finds the change, within seconds.
      if (Deno.build.os !== "windows") program.kill("SIGHUP");
    },
    stop,
    logged: (...texts) => program.logged(...texts),
    async [Symbol.asyncDispose]() {
      // One that has ended cannot be asked; the call that it failed tells more.
      await stop().catch(() => {});
    },
  };
}

/** Opens the pages of authorization servers, and signs in there. */
export interface Visitor extends AsyncDisposable {
  readonly kind: "Chromium" | "redirects";
  /** Opens a page, signs in, consents, and stays until the client has answered. @returns its page's text */
  visit(address: string | URL, account: string): Promise<string>;
}

/** Follows redirects, and fills in forms, without a browser. */
export const redirects: Visitor = {
  kind: "redirects",
  visit: (address, account) => new FormBrowser().visit(address, account),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** Most milliseconds that a page may take. */
const PATIENCE_MS = 20_000;

/** Opens Chromium; each visit has a profile of its own. */
export async function openChromium(): Promise<Visitor> {
  // See `tests/browser/stage.ts`.
  Deno.env.set("__IS_WSL_TEST__", "true");
  const { chromium } = await import("playwright-core");
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM });
  return {
    kind: "Chromium",
    async visit(address, account) {
      const context = await browser.newContext();
      try {
        context.setDefaultTimeout(PATIENCE_MS);
        const page = await context.newPage();
        await page.goto(String(address));
        const { origin } = new URL(address);
        const prompt = page.locator("input[name=prompt]");
        while (new URL(page.url()).origin === origin) {
          const asked = await prompt.getAttribute("value");
          if (asked === "login") {
            await page.fill("input[name=login]", account);
            await page.fill("input[name=password]", "any");
          }
          await Promise.all([
            page.waitForEvent("load"),
            page.click("button[type=submit]"),
          ]);
        }
        return await page.innerText("body");
      } finally {
        await context.close();
      }
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
