/**
 * What all browser tests share: one browser, one simulated API, the host's page, and a program for
 * each command line that the tests ask for.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { createSimulator, type Simulator } from "../../src/simulator/mod.ts";
import { apiAt, type HttpProgram, startHttp, TOKEN } from "../helpers/http_program.ts";
import { Spawned } from "../helpers/spawned.ts";
import { BrowserHost, type HostOptions } from "./browser_host.ts";
import { CHROMIUM, SKIPPED } from "./chromium.ts";
import { Watch } from "./watch.ts";

const ROOT = new URL("../../", import.meta.url);
const HOST = new URL("host/", import.meta.url);

/** Folder of the screenshots; none are made when it is empty. */
const SHOTS = Deno.env.get("CMA_MCP_SHOTS") ?? "";

/** Fields of a token in a token file, beside its name and its secret. */
type TokenFields = Readonly<Record<string, unknown>>;

/** How a test wants its world. */
export interface WorldOptions {
  /** Arguments of the program beside those that every test needs. */
  readonly args?: readonly string[];
  /** `stdio`: the host starts the program itself. `http` when absent. */
  readonly way?: "http" | "stdio";
  /** Returns the entry of the only token in a token file; one with all rights when absent. */
  readonly token?: (simulator: Simulator) => TokenFields;
  readonly host?: HostOptions;
  readonly browser?: BrowserContextOptions;
  /** A complaint of the browser that the test means to cause. */
  readonly complaint?: RegExp;
}

/** What a test works with. */
export interface World {
  readonly host: BrowserHost;
  readonly page: Page;
  readonly simulator: Simulator;
  /** Names of the tools that the host's model sees. */
  readonly tools: readonly string[];
  /** Keeps a picture of the host's page, where the run keeps pictures. */
  shot(name: string): Promise<void>;
}

/** The shared parts, which live as long as the test file runs. */
class Stage {
  readonly simulator: Simulator = createSimulator({ habits: { takeUpMs: 0, statusLagMs: 0 } });
  readonly browser: Browser;
  readonly #api: Deno.HttpServer<Deno.NetAddr>;
  readonly #pages: Deno.HttpServer<Deno.NetAddr>;
  readonly #programs = new Map<string, Promise<HttpProgram>>();

  constructor(browser: Browser, script: string) {
    this.browser = browser;
    this.#api = serve((request) => this.simulator.fetch(request));
    this.#pages = serve((request) => servePages(request, script, this.apiUrl));
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.#api.addr.port}`;
  }

  /** Origin of the host's page. */
  get origin(): string {
    return `http://127.0.0.1:${this.#pages.addr.port}`;
  }

  /** Address of the sandbox: the same server under another name, which is another origin. */
  get sandboxUrl(): string {
    return `http://localhost:${this.#pages.addr.port}/sandbox`;
  }

  /** Returns the program with these arguments, which is started once. */
  program(args: readonly string[], token?: TokenFields): Promise<HttpProgram> {
    const key = JSON.stringify([args, token]);
    const known = this.#programs.get(key);
    if (known) return known;
    const started = this.#start(args, token);
    this.#programs.set(key, started);
    return started;
  }

  async #start(args: readonly string[], token?: TokenFields): Promise<HttpProgram> {
    const all = [`--allowed-origins=${this.origin}`, ...args];
    if (!token) return await startHttp(all, apiAt(this.apiUrl));
    const path = await Deno.makeTempFile({ suffix: ".json" });
    const sha256 = createHash("sha256").update(TOKEN).digest("hex");
    const tokens = [{ name: "viewer", sha256, ...token }];
    await Deno.writeTextFile(path, JSON.stringify({ tokens }));
    try {
      return await startHttp([...all, `--token-file=${path}`], apiAt(this.apiUrl), "");
    } finally {
      await Deno.remove(path);
    }
  }

  async close(): Promise<void> {
    await this.browser.close();
    for (const program of this.#programs.values()) await (await program).stop();
    this.simulator.close();
    await this.#api.shutdown();
    await this.#pages.shutdown();
  }
}

function serve(handle: (request: Request) => Response | Promise<Response>) {
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  // A fault cuts a connection: to the client it is an error of the server.
  const onError = () => new Response(null, { status: 500 });
  return Deno.serve({ ...options, onError }, handle);
}

const HTML = { "content-type": "text/html; charset=utf-8" };

async function servePages(request: Request, script: string, apiUrl: string): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  switch (pathname) {
    case "/":
      return new Response(await Deno.readTextFile(new URL("page.html", HOST)), { headers: HTML });
    case "/sandbox":
      return new Response(await Deno.readTextFile(new URL("sandbox.html", HOST)), {
        headers: HTML,
      });
    case "/host.js":
      return new Response(script, { headers: { "content-type": "text/javascript" } });
    case "/stdio":
      return relay(request, searchParams.getAll("arg"), apiUrl);
    default:
      return new Response(null, { status: 404 });
  }
}

/** Starts the program on stdio, and passes messages between it and a WebSocket. */
function relay(request: Request, args: readonly string[], apiUrl: string): Response {
  const { socket, response } = Deno.upgradeWebSocket(request);
  const program = new Spawned(args, apiAt(apiUrl));
  const passOn = async () => {
    for (let seen = 0;; seen++) {
      const line = await program.until(() => program.stdout[seen], Infinity);
      if (socket.readyState === WebSocket.OPEN) socket.send(line);
    }
  };
  socket.onmessage = ({ data }) => void program.sendText(`${String(data).trim()}\n`);
  socket.onopen = () => void passOn().catch(() => socket.close());
  socket.onclose = async () => {
    await program.closeStdin().catch(() => {});
    await program.ending();
  };
  return response;
}

/** Makes the host's script, as the browser runs it. */
async function bundleHost(): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const out = `${folder}/host.js`;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--frozen", "--platform", "browser", "--format", "iife"],
        ...["-o", out, "tests/browser/host/host.ts"],
      ],
      cwd: ROOT,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return await Deno.readTextFile(out);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Loads what drives the browser. On loading it looks in `/proc` for Windows' Linux, for which Deno
 * wants all permissions, unless this variable says that it is a test of that very look.
 */
async function loadPlaywright(): Promise<typeof import("playwright-core")> {
  Deno.env.set("__IS_WSL_TEST__", "true");
  return await import("playwright-core");
}

let stage: Promise<Stage> | undefined;

function openStage(): Promise<Stage> {
  return stage ??= (async () => {
    const script = await bundleHost();
    const { chromium } = await loadPlaywright();
    // A root user's browser has no sandbox of its own processes; frames are kept apart all the same.
    const browser = await chromium.launch({ executablePath: CHROMIUM });
    return new Stage(browser, script);
  })();
}

/** Ends everything that the tests of a file have started. */
export async function closeStage(): Promise<void> {
  const opened = stage;
  stage = undefined;
  await (await opened)?.close();
}

/** Most milliseconds that a locator waits: far more than any page needs. */
const PATIENCE_MS = 30_000;

async function runInWorld(
  { args = [], way = "http", token, host: hostOptions, browser, complaint }: WorldOptions,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const { simulator, browser: chrome, origin, sandboxUrl, program } = await stageFor();
  const served = way === "http" ? await program(args, token?.(simulator)) : undefined;
  const query = args.map((arg) => `arg=${encodeURIComponent(arg)}`).join("&");
  const socketUrl = `${origin.replace("http", "ws")}/stdio?${query}`;
  const context = await chrome.newContext({
    ...{ viewport: { width: 800, height: 900 }, locale: "en-US", timezoneId: "UTC" },
    ...browser,
  });
  try {
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const watch = new Watch({
      urls: [`${origin}/`, `${origin}/host.js`, sandboxUrl],
      hostUrls: served ? [served.url] : [],
      complaint,
    });
    await watch.follow(context, page);
    await page.goto(`${origin}/`);
    const host = new BrowserHost(page);
    const connection = served
      ? { kind: "http" as const, url: served.url, token: TOKEN }
      : { kind: "stdio" as const, url: socketUrl };
    const tools = await host.open(connection, sandboxUrl, hostOptions);
    const shot = async (name: string) => {
      if (SHOTS === "") return;
      // A picture shows the page after its next read, and the frame as high as the page.
      await page.waitForTimeout(1_500);
      await page.screenshot({ path: `${SHOTS}/${name}.png` });
    };
    try {
      await run({ host, page, simulator, tools, shot });
    } catch (error) {
      if (SHOTS !== "") await shot(`failed-${Date.now()}`);
      const seen = watch.faults.map((fault) => `\n  the browser saw: ${fault}`).join("");
      if (error instanceof Error) error.message += seen;
      throw error;
    }
    if (watch.faults.length > 0) throw new Error(`The page misbehaves: ${watch.faults.join("; ")}`);
  } finally {
    await context.close();
  }
}

async function stageFor() {
  const opened = await openStage();
  const { simulator, browser, origin, sandboxUrl } = opened;
  return { simulator, browser, origin, sandboxUrl, program: opened.program.bind(opened) };
}

/** Returns a test that runs in the browser, where there is one: for `Deno.test`. */
export function inBrowser(
  name: string,
  options: WorldOptions,
  run: (world: World) => Promise<void>,
): Deno.TestDefinition {
  return {
    name: `${SKIPPED === undefined ? "" : `${SKIPPED}: `}session view: ${name}`,
    ignore: SKIPPED !== undefined,
    // Browser, programs and API are shared by all tests of the file: their sockets and timers belong
    // to none of them. `closeStage` ends them.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () => runInWorld(options, run),
  };
}
