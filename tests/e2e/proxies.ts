/**
 * Starts nginx and Caddy from the files in `deploy`, in front of replicas on this machine.
 *
 * @module
 */

import { makeCertificate } from "../helpers/certificate.ts";
import { Child } from "../helpers/child.ts";
import { freePort } from "../helpers/free_port.ts";
import { printLines } from "../../scripts/table.ts";
import { Spawned } from "../helpers/spawned.ts";
import type { McpEndpoint } from "../../src/commands/mcp_call.ts";
import { TOKEN } from "../helpers/http_program.ts";

/** The proxies that the project has files for. */
export const PROXIES = ["nginx", "caddy"] as const;
export type ProxyName = typeof PROXIES[number];

/** Longest time for a proxy to answer after its start, in milliseconds. */
const START_MS = 15_000;

/** Runs a program, and ends it when standard input ends; its log goes to a file. */
const UNTIL_STDIN_ENDS =
  'log=$1; shift; "$@" >"$log" 2>&1 & pid=$!; cat >/dev/null; kill -TERM $pid; wait $pid';

/** Returns the proxies of this machine, and says what is not tested for lack of another. */
export async function installedProxies(untested: string): Promise<ProxyName[]> {
  const installed: ProxyName[] = [];
  for (const name of PROXIES) {
    if (await isInstalled(name)) installed.push(name);
    else printLines([`SKIPPED: ${name} is not installed, so ${untested}`]);
  }
  return installed;
}

/** Returns true where the program is installed. */
async function isInstalled(name: string): Promise<boolean> {
  const { success } = await new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).output();
  return success;
}

/** A proxy in front of two replicas; disposed of, it ends. */
export interface Proxy extends AsyncDisposable {
  readonly name: ProxyName;
  /** The process whose children it is. */
  readonly pid: number;
  /** Its address for clients, without a path. */
  readonly url: string;
  /** The certificate that its clients have to trust, PEM. */
  readonly trusted: string;
  /** Where it keeps its files. */
  readonly folder: string;
  /** Returns everything that it has logged. */
  log(): Promise<string>;
  /**
   * Tells it that the replica at a port will end, or that it is back: where it does not ask for that
   * itself, as Caddy does.
   */
  announce(port: number, state: "ends" | "is back"): Promise<void>;
}

/** A file of `deploy` with other ports, names and paths, each of which must stand in it. */
async function shipped(path: string, replacements: readonly (readonly [string, string])[]) {
  let text = await Deno.readTextFile(new URL(`../../deploy/${path}`, import.meta.url));
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`deploy/${path} does not have '${from}'`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/**
 * Starts a proxy; resolves when it answers.
 *
 * @param replicas ports of the two replicas, which need not listen yet
 */
export async function startProxy(name: ProxyName, replicas: readonly number[]): Promise<Proxy> {
  const folder = await Deno.makeTempDir({ prefix: `cma-mcp-${name}-` });
  const [port, plainPort, adminPort] = [freePort(), freePort(), freePort()];
  const start = { nginx: startNginx, caddy: startCaddy }[name];
  const { child, trustedFile } = await start({ folder, port, plainPort, adminPort, replicas });
  const url = `https://127.0.0.1:${port}`;
  const log = async () => {
    const texts = Array.from(Deno.readDirSync(folder))
      .filter(({ name }) => name.endsWith(".log"))
      .map(({ name }) => Deno.readTextFile(`${folder}/${name}`));
    return (await Promise.all(texts)).join("\n");
  };
  const announce = async (port: number, state: "ends" | "is back") => {
    if (name !== "nginx") return;
    // As an operator edits the file, and reloads.
    const file = `${folder}/cma-mcp.conf`;
    const server = `server 127.0.0.1:${port}`;
    const text = (await Deno.readTextFile(file)).replaceAll(`${server} down`, server);
    await Deno.writeTextFile(
      file,
      state === "ends" ? text.replaceAll(server, `${server} down`) : text,
    );
    const before = await workersOf(folder);
    const args = ["-p", folder, "-c", `${folder}/nginx.conf`, "-s", "reload"];
    const { success, stderr } = await new Deno.Command("nginx", { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    // It reloads behind the command's back: the new workers know the new file.
    const giveUpAt = performance.now() + START_MS;
    while ((await workersOf(folder)).every((pid) => before.includes(pid))) {
      if (performance.now() > giveUpAt) throw new Error("nginx does not reload");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const close = async () => {
    await child.end();
    await Deno.remove(folder, { recursive: true });
  };
  try {
    const trusted = await untilAnswers(url, `${folder}/${trustedFile}`);
    return {
      name,
      pid: child.pid,
      url,
      trusted,
      folder,
      log,
      announce,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    const said = await log();
    await close();
    throw new Error(`${name} does not answer: ${said.slice(-2_000)}`, { cause: error });
  }
}

/** Returns the ids of nginx's workers. */
async function workersOf(folder: string): Promise<string[]> {
  const master = (await Deno.readTextFile(`${folder}/nginx.pid`)).trim();
  const args = ["-o", "pid=", "--ppid", master];
  const { stdout } = await new Deno.Command("ps", { args }).output();
  return new TextDecoder().decode(stdout).trim().split(/\s+/);
}

interface ProxyPlace {
  readonly folder: string;
  readonly port: number;
  readonly plainPort: number;
  readonly adminPort: number;
  readonly replicas: readonly number[];
}

async function startNginx({ folder, port, plainPort, replicas }: ProxyPlace) {
  const { cert, key } = await makeCertificate();
  await Deno.writeTextFile(`${folder}/fullchain.pem`, cert);
  await Deno.writeTextFile(`${folder}/privkey.pem`, key, { mode: 0o600 });
  const site = await shipped("nginx/cma-mcp.conf", [
    ["listen 80;", `listen 127.0.0.1:${plainPort};`],
    ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
    ["server_name mcp.example.com;", "server_name 127.0.0.1;"],
    ["/etc/nginx/cma-mcp/", `${folder}/`],
    ["/var/log/nginx/", `${folder}/`],
    ["127.0.0.1:3001", `127.0.0.1:${replicas[0]}`],
    ["127.0.0.1:3002", `127.0.0.1:${replicas[1]}`],
  ]);
  await Deno.writeTextFile(`${folder}/cma-mcp.conf`, site);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${folder}/${kind};`);
  // What Debian's own nginx.conf says as well, with the numbers that the site's first lines ask for.
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    [
      ...(Deno.uid() === 0 ? ["user root;"] : []),
      "daemon off;",
      "worker_processes 2;",
      "worker_rlimit_nofile 20000;",
      `pid ${folder}/nginx.pid;`,
      `error_log ${folder}/main.log info;`,
      "events { worker_connections 8192; }",
      "http {",
      ...temporary,
      `  include ${folder}/cma-mcp.conf;`,
      "}",
      "",
    ].join("\n"),
  );
  const command = ["nginx", "-p", folder, "-c", `${folder}/nginx.conf`];
  return { child: start(folder, command), trustedFile: "fullchain.pem" };
}

async function startCaddy({ folder, port, plainPort, adminPort, replicas }: ProxyPlace) {
  const file = await shipped("caddy/Caddyfile", [
    ["http_port 80", `default_bind 127.0.0.1\n\thttp_port ${plainPort}`],
    ["https_port 443", `https_port ${port}`],
    ["localhost:2019", `127.0.0.1:${adminPort}`],
    // A name of this machine alone gets a certificate of Caddy's own authority.
    ["\nmcp.example.com {", `\n127.0.0.1 {`],
  ]);
  await Deno.writeTextFile(`${folder}/Caddyfile`, file);
  const child = start(
    folder,
    ["caddy", "run", "--config", `${folder}/Caddyfile`, "--adapter", "caddyfile"],
    {
      CMA_MCP_REPLICAS: replicas.map((replica) => `127.0.0.1:${replica}`).join(" "),
      HOME: folder,
      XDG_DATA_HOME: folder,
      XDG_CONFIG_HOME: folder,
    },
  );
  return { child, trustedFile: "caddy/pki/authorities/local/root.crt" };
}

function start(folder: string, command: readonly string[], env: Record<string, string> = {}) {
  const args = ["-c", UNTIL_STDIN_ENDS, "sh", `${folder}/program.log`, ...command];
  return new Child({ command: "sh", args, env });
}

/** Asks until there is an answer. @returns the certificate to trust */
async function untilAnswers(url: string, trustedFile: string): Promise<string> {
  const giveUpAt = performance.now() + START_MS;
  for (;;) {
    try {
      const trusted = await Deno.readTextFile(trustedFile);
      using client = Deno.createHttpClient({ caCerts: [trusted] });
      const response = await fetch(url, { client });
      await response.body?.cancel();
      return trusted;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Clients of a proxy, which trust its certificate; disposed of, their connections are closed. */
export interface ProxyClient extends Disposable {
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  readonly endpoint: McpEndpoint;
}

/** Connects to a proxy, by HTTP/2 unless `http1` is set. */
export function clientOf(
  { url, trusted }: Pick<Proxy, "url" | "trusted">,
  { http1 = false, token = TOKEN } = {},
): ProxyClient {
  const client = Deno.createHttpClient({
    caCerts: [trusted],
    http1: http1,
    http2: !http1,
    poolMaxIdlePerHost: 100,
  });
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(new URL(path, url), { ...init, client });
  return {
    fetch: ask,
    endpoint: {
      token,
      fetch: async ({ headers, body, signal }) => {
        const sent = new Headers(headers);
        sent.delete("host");
        return await ask("/mcp", {
          method: "POST",
          headers: sent,
          body: await new Response(body).text(),
          signal,
        });
      },
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** Starts a replica at a port; resolves when it listens. */
export async function startReplica(
  port: number,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<Spawned> {
  const program = new Spawned(["--http", `--port=${port}`, "--log-format=json", ...args], {
    MANAGED_AGENTS_MCP_TOKEN: TOKEN,
    ...env,
  });
  try {
    await program.listening();
  } catch (error) {
    await program.ending();
    throw error;
  }
  return program;
}

/** Ends a replica. @returns its exit code */
export async function stopReplica(program: Spawned): Promise<number> {
  program.kill("SIGTERM");
  return (await program.ending()).code;
}
