import { assert, assertEquals, assertMatch } from "@std/assert";
import { decodeProtectedHeader } from "jose";
import { createHash } from "node:crypto";
import { callServedTool, type McpEndpoint } from "../../src/commands/mcp_call.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { listen } from "../../src/runtime/deno_listener.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { AuthorizationServer } from "../helpers/authorization_server.ts";
import { fastClock } from "../helpers/fast_clock.ts";
import { freePort } from "../helpers/free_port.ts";
import { signIn } from "../helpers/sign_in.ts";
import type { Spawned } from "../helpers/spawned.ts";
import { replaceFile } from "../helpers/replace_file.ts";
import {
  clientOf,
  installedProxies,
  type Proxy,
  type ProxyName,
  startProxy,
  startReplica,
  stopReplica,
} from "./proxies.ts";
import { startTeam } from "./proxy_team.ts";

const installed = await installedProxies("no replicas run behind it");

const SCOPES = "agents:read sessions:read sessions:write actions";
/** Clients at the same time; every other one is a person who has signed in. */
const CLIENTS = 8;
/** Replicas that are killed until a call ran in one; at nearly every moment, some do. */
const MAX_LOSSES = 4;
/** Longest time until a proxy finds the replicas, in milliseconds. */
const START_MS = 15_000;

const newSecret = () => crypto.getRandomValues(new Uint8Array(32)).toHex();

/** The API, which knows some keys, and whose agents work ten times as fast as time. */
function openApi(keys: Set<string>) {
  const simulator = createSimulator({ clock: fastClock(10) });
  const server = listen({ host: "127.0.0.1", port: 0 }, async (request) => {
    if (keys.has(request.headers.get("x-api-key") ?? "")) return await simulator.fetch(request);
    const error = { type: "authentication_error", message: "invalid x-api-key" };
    return Response.json({ type: "error", error }, { status: 401 });
  }, silentLogger);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      simulator.close();
      await server.shutdown();
    },
  };
}

/** Two replicas behind a proxy, as an operator runs them: all that is secret stands in files. */
async function openReplicas(name: ProxyName, issuer: string) {
  const folder = await Deno.makeTempDir({ prefix: "cma-mcp-replicas-" });
  const write = (file: string, text: string) => replaceFile(`${folder}/${file}`, text);
  const apiKeys = new Set([newSecret()]);
  const api = openApi(apiKeys);
  const ports = [freePort(), freePort()];
  const proxy = await startProxy(name, ports);
  const start = (port: number) =>
    startReplica(port, {
      MANAGED_AGENTS_MCP_TOKEN: "",
      CMA_BASE_URL: api.url,
      CMA_MCP_API_KEY_FILE: `${folder}/api-key`,
      CMA_MCP_SEALING_KEY_FILE: `${folder}/sealing.key`,
      CMA_MCP_ACCESS_FILE: `${folder}/access.json`,
      CMA_MCP_OAUTH_ISSUER: issuer,
      CMA_MCP_PUBLIC_URL: proxy.url,
      CMA_MCP_TOOLS: "core,sessions",
      CMA_MCP_LAME_DUCK_SECONDS: "2",
      CMA_MCP_DRAIN_SECONDS: "1",
    });
  const programs: Spawned[] = [];
  return {
    ...{ proxy, ports, programs, apiKeys, write, api },
    async startAll() {
      // Each is known as soon as it runs, so that it ends even if another does not start.
      await allOrFirstError(ports.map(async (port, index) => {
        programs[index] = await start(port);
      }));
      // Caddy asks every second whether they are there.
      using client = clientOf(proxy);
      const giveUpAt = performance.now() + START_MS;
      for (;;) {
        const { status, body } = await client.fetch("/mcp", { method: "POST", body: "{}" });
        await body?.cancel();
        if (status === 401) return;
        if (performance.now() > giveUpAt) throw new Error(`${name} answers ${status}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    /** Changes the access file, and has both read it again; resolves when they have. */
    async reload(change: () => Promise<void>) {
      // They also read it by themselves, which may be as soon as it has changed.
      const before = programs.map(({ stderr }) => stderr.length);
      await change();
      await allOrFirstError(programs.map(async (program, at) => {
        program.kill("SIGHUP");
        await program.until(() =>
          program.stderr.slice(before[at]).some((line) => /was read again/.test(line)) || undefined
        );
      }));
    },
    /** Restarts one after the other, each when the proxy asks the last one again. */
    async restartAll() {
      for (const [index, port] of ports.entries()) {
        await proxy.announce(port, "ends");
        const old = programs[index];
        if (old) assertEquals(await stopReplica(old), 0);
        programs[index] = await start(port);
        await proxy.announce(port, "is back");
        await isAsked(programs[index]);
      }
    },
    /** Kills one, and starts it again. */
    async lose(index: number, meanwhile: () => Promise<void>) {
      programs[index]?.kill("SIGKILL");
      await programs[index]?.ending();
      await meanwhile();
      programs[index] = await start(ports[index] ?? 0);
      await isAsked(programs[index]);
    },
    async [Symbol.asyncDispose]() {
      // One that was lost, or has just ended, cannot be asked.
      await Promise.allSettled(programs.map(stopReplica));
      await proxy[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Resolves when all have ended, also those that go on after one has failed. */
async function allOrFirstError(all: readonly Promise<void>[]): Promise<void> {
  for (const ended of await Promise.allSettled(all)) {
    if (ended.status === "rejected") throw ended.reason;
  }
}

async function isAsked(program: Spawned): Promise<void> {
  await program.logged('"Tool call"');
}

/** Finds the way to sign in, as a client does that knows nothing but the address. */
async function authorizationServerOf(proxy: Proxy): Promise<unknown> {
  using client = clientOf(proxy);
  const refused = await client.fetch("/mcp", { method: "POST", body: "{}" });
  await refused.body?.cancel();
  assertEquals(refused.status, 401);
  const challenge = refused.headers.get("www-authenticate") ?? "";
  const address = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? "";
  assertEquals(address, `${proxy.url}/.well-known/oauth-protected-resource/mcp`);
  const metadata = await (await client.fetch(address)).json();
  assertEquals(metadata.resource, `${proxy.url}/mcp`);
  return metadata.authorization_servers[0];
}

/** Returns the name of the key that an access token is signed with. */
function keyOf({ access_token }: { readonly access_token: string }): unknown {
  return decodeProtectedHeader(access_token).kid;
}

for (const name of installed) {
  Deno.test(`two replicas behind ${name}: people sign in, keys and secrets are replaced, one is lost, and nothing else is`, async () => {
    await using issuer = await AuthorizationServer.start();
    await using replicas = await openReplicas(name, issuer.issuer);
    const { proxy, write, apiKeys } = replicas;
    const [oldKey = ""] = apiKeys;
    await write("api-key", oldKey);
    const sealing = [newSecret(), newSecret()];
    await write("sealing.key", `${sealing[0]}\n`);
    const secrets = [newSecret(), newSecret()];
    const access = (...listed: readonly (string | undefined)[]) =>
      write(
        "access.json",
        JSON.stringify({
          tokens: [{
            name: "ci",
            sha256: listed.map((secret = "") => createHash("sha256").update(secret).digest("hex")),
          }],
        }),
      );
    await access(secrets[0]);
    await replicas.startAll();

    // People find the authorization server, and sign in once for both replicas.
    assertEquals(await authorizationServerOf(proxy), issuer.issuer);
    const resource = `${proxy.url}/mcp`;
    const signInAll = () =>
      Promise.all(["alice", "bob"].map((who) => signIn(issuer, who, { resource, scope: SCOPES })));
    let people = await signInAll();
    let [secret = ""] = secrets;
    using connections = new DisposableStack();
    const clients = Array.from({ length: CLIENTS }, () => connections.use(clientOf(proxy)));
    const tokenOf = (client: number) =>
      client % 2 === 0 ? secret : people[client % 4 === 1 ? 0 : 1]?.access_token ?? "";
    const endpointOf = (client: number): McpEndpoint => {
      const { endpoint } = clients[client] ?? connections.use(clientOf(proxy));
      return { ...endpoint, token: tokenOf(client) };
    };
    await using team = startTeam(endpointOf, CLIENTS);
    await team.turns(1);

    // The token: both hashes, then clients change, then the old one goes.
    await replicas.reload(() => access(...secrets));
    secret = secrets[1] ?? "";
    await team.turns(1);
    await replicas.reload(() => access(secrets[1]));
    await team.turns(1);
    using late = clientOf(proxy, { token: secrets[0] });
    const refusal = await callServedTool(late.endpoint, "list_agents", {}).catch(String);
    assertMatch(String(refusal), /token/i);

    // The key of the API: both count until every replica has the new one. It reads the file before each
    // write, which it sends once only, and after each read that the API refuses.
    const newKey = newSecret();
    apiKeys.add(newKey);
    await write("api-key", newKey);
    await team.turns(1);
    apiKeys.delete(oldKey);
    await team.turns(1);

    // The keys of the authorization server: tokens of the old ones go on counting beside those of the
    // new ones, which both replicas have read when they start again.
    await issuer.replaceKeys("kept");
    await team.turns(1);

    // The sealing key: all know the new one before it seals, and all know the old one afterwards.
    await write("sealing.key", `${sealing[0]}\n${sealing[1]}\n`);
    await replicas.restartAll();
    const keysBefore = people.map(keyOf);
    people = await signInAll();
    for (const key of people.map(keyOf)) assert(!keysBefore.includes(key), `${key} is an old key`);
    await team.turns(1);
    await write("sealing.key", `${sealing[1]}\n${sealing[0]}\n`);
    await replicas.restartAll();
    await team.turns(1);
    assertEquals(team.seen.failed, []);

    // A replica is lost with all that it was doing: its callers call again. One at which nothing ran
    // just then shows nothing.
    for (let losses = 0; losses < MAX_LOSSES && team.seen.failed.length === 0; losses++) {
      await replicas.lose(losses % 2, () => team.turns(1));
      await team.turns(1);
    }
    await team.end();
    assert(team.seen.failed.length > 0, "nothing ran in the replica that was lost");
    assertEquals(team.seen.wrong, []);
  });
}
