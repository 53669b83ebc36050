// People who sign in at one server: each keeps what is theirs, and nothing of their tokens goes on.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createSimulator } from "../../src/simulator/mod.ts";
import { AuthorizationServer } from "../helpers/authorization_server.ts";
import { freePort } from "../helpers/free_port.ts";
import { apiAt } from "../helpers/http_program.ts";
import { signIn } from "../helpers/sign_in.ts";
import { Spawned } from "../helpers/spawned.ts";
import { SigningInHost } from "./oauth_host.ts";
import { callTool, lineAbout, linesOf, send } from "./oauth_requests.ts";
import { ALL_SCOPES, redirects, type ResourceServer, startResourceServer } from "./oauth_world.ts";
import { RoundRobin } from "./round_robin.ts";

const scope = ALL_SCOPES;

/** Somebody who has signed in, as the tests call the program on their behalf. */
class Signed {
  readonly token: string;
  readonly #target: ResourceServer;

  private constructor(target: ResourceServer, token: string) {
    this.#target = target;
    this.token = token;
  }

  static async in(server: AuthorizationServer, target: ResourceServer, account: string) {
    const issued = await signIn(server, account, { resource: target.url, scope });
    return new Signed(target, issued.access_token);
  }

  call(name: string, args: Readonly<Record<string, unknown>> = {}) {
    return callTool(this.#target.url, this.token, name, args);
  }

  /** Calls a tool that must succeed. @returns the fields of its result */
  async do(name: string, args: Readonly<Record<string, unknown>> = {}) {
    const seen = await this.call(name, args);
    assertEquals([seen.status, seen.message], [200, ""], `${name}: ${seen.message}`);
    return seen.fields;
  }

  /** Reads a resource. @returns the message of the error that there must be */
  async read(uri: string): Promise<string> {
    const request = { jsonrpc: "2.0", id: 8, method: "resources/read", params: { uri } };
    const { message } = await send(this.#target.url, this.token, request);
    assert(message !== "", `${uri} can be read`);
    return message;
  }

  /** Returns the id of the simulated agent with words in its name. */
  async agent(name_contains: string): Promise<string> {
    const { agents } = await this.do("list_agents", { name_contains });
    const [agent] = Object(agents);
    return String(agent.id);
  }

  /** Makes a session whose turn is over, or waits for somebody. */
  async session(agent_id: string, message: string): Promise<string> {
    const { session_id } = await this.do("create_session", { agent_id, message });
    await this.do("wait_for_idle", { session_id });
    return String(session_id);
  }

  async sessions(): Promise<unknown[]> {
    const { sessions } = await this.do("list_sessions");
    assert(Array.isArray(sessions));
    return sessions.map(({ session_id }) => session_id);
  }
}

/** Rules for the groups of the people, on one agent or all. */
function rulesFor({ issuer }: AuthorizationServer, names: readonly string[], grants = {}) {
  return {
    rules: names.map((group) => ({
      name: group,
      issuer,
      claim: "groups",
      values: [group],
      ...grants,
    })),
  };
}

/** All calls by which somebody could reach a session, or what is in it. */
function waysTo(session_id: string, file_id: string): [string, Record<string, unknown>][] {
  const action = { session_id, event_id: "sevt_x", tool_name: "bash" };
  return [
    ["get_session", { session_id }],
    ["send_message", { session_id, text: "Let me in." }],
    ["ask_agent", { session_id, message: "Let me in." }],
    ["wait_for_idle", { session_id, timeout_sec: 1 }],
    ["list_events", { session_id }],
    ["interrupt", { session_id }],
    ["archive_session", { session_id }],
    ["list_session_files", { session_id }],
    ["read_session_file", { session_id, file_id }],
    ["read_session_file", { session_id, filename: "sales.csv" }],
    ["list_threads", { session_id }],
    ["confirm_tool_use", { ...action, result: "allow" }],
    ["submit_tool_result", { ...action, result: "Mine now." }],
  ];
}

/** Tries every way to somebody else's session. */
async function assertNoWay(from: Signed, session_id: string, file_id: string): Promise<void> {
  for (const [name, args] of waysTo(session_id, file_id)) {
    const seen = await from.call(name, args);
    const unknown = await from.call(name, { ...args, session_id: "sesn_of_nobody" });
    assertEquals(seen.status, 200, `${name}: ${seen.message}`);
    assertMatch(seen.message, /does not exist or is not available/, `${name}: ${seen.message}`);
    assertEquals(seen.message, unknown.message, `${name} tells that the session exists`);
  }
  for (const end of ["transcript", `files/${file_id}`]) {
    const read = (id: string) => from.read(`cma://sessions/${id}/${end}`);
    const [message, unknown] = [await read(session_id), await read("sesn_of_nobody")];
    assertMatch(message, /does not exist or is not available/, end);
    assertEquals(message.replace(session_id, ""), unknown.replace("sesn_of_nobody", ""), end);
  }
  assert(!(await from.sessions()).includes(session_id));
}

Deno.test("two people with one agent never reach each other's sessions, files or approvals", async () => {
  await using server = await AuthorizationServer.start();
  await using target = await startResourceServer({
    issuers: [server],
    args: ["--simulate", "--tools=all", "--log-format=json"],
    access: rulesFor(server, ["analysts", "guests"]),
  });
  const alice = await Signed.in(server, target, "alice");
  const bob = await Signed.in(server, target, "bob");
  const agent = await alice.agent("script");
  const hers = await alice.session(agent, "make report\nsay done");
  const his = await bob.session(agent, "make report\nsay done");
  const fileOf = async (person: Signed, session_id: string) => {
    // The API lists files some time after they are written.
    for (let tries = 0; tries < 100; tries++) {
      const { files } = await person.do("list_session_files", { session_id });
      const [file] = Object(files);
      if (file) return String(file.id ?? file.file_id);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error("The session has no files");
  };
  const [herFile, hisFile] = [await fileOf(alice, hers), await fileOf(bob, his)];
  await assertNoWay(bob, hers, herFile);
  await assertNoWay(alice, his, hisFile);
  assertEquals([await alice.sessions(), await bob.sessions()], [[hers], [his]]);
  // A file of another's session cannot be named beside one's own, nor mounted into a new one.
  const beside = await bob.call("read_session_file", { session_id: his, file_id: herFile });
  assertMatch(beside.message, /does not exist|not available|no file/i);
  const mounted = await bob.call("create_session", {
    agent_id: agent,
    files: [{ file_id: herFile }],
  });
  assert(mounted.message !== "", "a file of another's session was mounted");

  const link = String(
    (await alice.do("read_session_file", { session_id: hers, filename: "chart.png" })).download_url,
  );
  const open = async () => {
    const response = await fetch(link);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await open(), 200);

  const approving = await alice.agent("approval needed");
  const asking = await alice.session(approving, "Please do.");
  const { events } = await alice.do("list_events", { session_id: asking });
  assert(Array.isArray(events));
  const use = events.find(({ type }) => /tool_use$/.test(type));
  const answer = {
    session_id: asking,
    event_id: use.id ?? use.event_id,
    tool_name: use.name ?? use.tool_name,
    result: "allow",
  };
  assertMatch(
    (await bob.call("confirm_tool_use", answer)).message,
    /does not exist or is not available/,
  );
  await alice.do("confirm_tool_use", answer);
  assertEquals((await alice.do("wait_for_idle", { session_id: asking })).status, "idle");

  // The operator takes a rule away while the program runs.
  await target.rewriteAccess(rulesFor(server, ["guests"]));
  await target.program.until(() =>
    linesOf(target).find(({ removed_rules: names }) => String(names).includes("analysts"))
  );
  const refused = await alice.call("list_agents");
  assertEquals([refused.status, refused.headers.get("www-authenticate")], [403, null]);
  assertMatch(refused.message, /no rule/);
  const line = await lineAbout(target, refused);
  assertEquals([line.reason, line.issuer, line.subject], ["no_rule", server.issuer, "alice"]);
  assertEquals(await open(), 404, "a link outlives its rule");
  assertEquals(await bob.sessions(), [his]);
  // It comes back, and with it what was hers.
  await target.rewriteAccess(rulesFor(server, ["analysts", "guests"]));
  await target.program.until(() =>
    linesOf(target).find(({ added_rules: names }) => String(names).includes("analysts"))
  );
  assertEquals((await alice.sessions()).toSorted(), [hers, asking].toSorted());
  assertEquals(await open(), 200);
});

Deno.test("the same subject at two authorization servers is two people", async () => {
  await using one = await AuthorizationServer.start();
  await using other = await AuthorizationServer.start();
  await using target = await startResourceServer({
    issuers: [one, other],
    args: ["--simulate", "--tools=all"],
  });
  const here = await Signed.in(one, target, "alice");
  const there = await Signed.in(other, target, "alice");
  const session = await here.session(await here.agent("script"), "make report\nsay done");
  await assertNoWay(there, session, "file_x");
  assertEquals([await here.sessions(), await there.sessions()], [[session], []]);
  assertEquals((await here.do("get_session", { session_id: session })).session_id, session);
});

Deno.test("a rule holds people to its agents, its budget and to reading, whatever their tokens say", async () => {
  await using server = await AuthorizationServer.start();
  const issuer = server.issuer;
  // Ids of agents come from the simulator, so one that knows them asks first.
  await using simulator = await startSimulator();
  await using everything = await startResourceServer({
    issuers: [server],
    env: apiAt(simulator.url),
  });
  const scout = await Signed.in(server, everything, "alice");
  const [script, quick] = [await scout.agent("script"), await scout.agent("quick answer")];
  await using target = await startResourceServer({
    issuers: [server],
    args: ["--tools=all"],
    env: apiAt(simulator.url),
    access: {
      rules: [
        { name: "analysts", issuer, claim: "groups", values: ["analysts"], agents: [script] },
        { name: "everyone", issuer, read_only: true, agents: [script, quick] },
      ],
    },
  });
  const alice = await Signed.in(server, target, "alice");
  const bob = await Signed.in(server, target, "bob");
  const agents = async (person: Signed) => {
    const { agents } = await person.do("list_agents");
    return Object(agents).map(({ id }: { id: string }) => id).toSorted();
  };
  assertEquals(await agents(alice), [script]);
  assertEquals(await agents(bob), [script, quick].toSorted());
  assertMatch(
    (await alice.call("create_session", { agent_id: quick })).message,
    /does not exist or is not available/,
  );
  await alice.session(script, "say done");
  // What a rule takes away, no sign-in brings: that is no challenge.
  const made = await bob.call("create_session", { agent_id: script });
  assertEquals([made.status, made.headers.get("www-authenticate")], [200, null]);
  assertMatch(made.message, /may only read|only read/);
  assert(!/Your token/.test(made.message), made.message);
});

/** Starts a simulated API of its own. */
async function startSimulator() {
  const program = new Spawned(["simulator", "--port=0"]);
  const line = await program.until(() =>
    [...program.stdout, ...program.stderr].find((each) => each.includes("ANTHROPIC_BASE_URL="))
  );
  const [, url = ""] = /ANTHROPIC_BASE_URL=(\S+)/.exec(line) ?? [];
  return {
    url,
    async [Symbol.asyncDispose]() {
      program.kill("SIGTERM");
      await program.ending();
    },
  };
}

Deno.test("who has signed in once calls every replica with the same sealing key", async () => {
  await using server = await AuthorizationServer.start();
  await using simulator = await startSimulator();
  const key = new Spawned(["token", "sealing-key"]);
  assertEquals((await key.ending()).code, 0);
  const keyFile = await Deno.makeTempFile({ suffix: ".key" });
  await Deno.writeTextFile(keyFile, key.stdout.join("\n"));
  const balancer = new RoundRobin();
  const publicUrl = new URL(balancer.url).origin;
  const start = () =>
    startResourceServer({
      issuers: [server],
      args: ["--tools=all", `--sealing-key-file=${keyFile}`, "--log-format=json"],
      env: apiAt(simulator.url),
      publicUrl,
    });
  await using first = await start();
  await using second = await start();
  const ports = [first, second].map(({ port }) => `http://127.0.0.1:${port}/mcp`);
  for (const url of ports) await balancer.add(url);
  await using host = new SigningInHost(balancer.url, {
    ...{ kind: "auto", visitor: redirects, account: "alice" },
  });
  await host.connect();
  assertEquals(host.opened.length, 1);
  const { fields } = await host.call("list_agents", { name_contains: "script" });
  const [agent] = Object(fields.agents);
  const made = await host.call("create_session", {
    agent_id: agent.id,
    message: "make report\nsay done",
  });
  const { session_id } = made.fields;
  for (let calls = 0; calls < 4; calls++) {
    const { fields } = await host.call("wait_for_idle", { session_id });
    assertEquals(fields.status, "idle");
    const listed = await host.call("list_sessions");
    assertEquals(Object(listed.fields.sessions).length, 1, "both know whose session it is");
  }
  const read = await host.call("read_session_file", { session_id, filename: "chart.png" });
  const link = String(read.fields.download_url);
  assert(link.startsWith(publicUrl), link);
  for (let opened = 0; opened < 4; opened++) {
    const response = await fetch(link);
    await response.body?.cancel();
    assertEquals(response.status, 200);
  }
  assertEquals(host.opened.length, 1, "and nobody has to sign in again");
  assertEquals(ports.map((url) => (balancer.taken.get(url) ?? 0) > 3), [true, true]);
  await balancer.close();
  await Deno.remove(keyFile);
});

Deno.test("nothing of a person's tokens or other claims goes to the API, the log or the metrics", async () => {
  const simulator = createSimulator({ habits: { takeUpMs: 0, statusLagMs: 0 } });
  const upstream: string[] = [];
  // A stream that the program ends is no error of the test's.
  const onError = () => new Response(null, { status: 500 });
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError };
  const api = Deno.serve(options, async (request) => {
    const body = await request.clone().text();
    upstream.push([request.url, ...[...request.headers].flat(), body].join("\n"));
    return await simulator.fetch(request);
  });
  const email = "alice.private@example.com";
  await using server = await AuthorizationServer.start({
    accounts: {
      "alice-0001": {
        email,
        email_verified: true,
        groups: ["secret-group"],
        name: "Alice Private",
      },
    },
  });
  const metricsPort = freePort();
  await using target = await startResourceServer({
    issuers: [server],
    args: ["--tools=all", "--log-level=debug", `--metrics-port=${metricsPort}`, "--hash-subjects"],
    env: apiAt(`http://127.0.0.1:${api.addr.port}`),
    access: rulesFor(server, ["secret-group"]),
  });
  await using host = new SigningInHost(target.url, {
    ...{ kind: "auto", visitor: redirects, account: "alice-0001" },
  });
  await host.connect();
  const { fields } = await host.call("list_agents", { name_contains: "script" });
  const [agent] = Object(fields.agents);
  const { access_token = "", refresh_token = "" } = host.tokens ?? {};
  // An agent that says the token does not get it past the program either.
  const made = await host.call("create_session", {
    agent_id: agent.id,
    message: `make report\nsay It is ${access_token}.`,
  });
  const { session_id } = made.fields;
  const waited = await host.call("wait_for_idle", { session_id });
  assertEquals(waited.fields.reply, "It is [redacted].");
  const read = await host.call("read_session_file", { session_id, filename: "sales.csv" });
  assertEquals(read.isError, false, read.text);
  await callTool(target.url, `${access_token.slice(0, -8)}AAAAAAAA`, "list_agents");
  await callTool(target.url, refresh_token, "list_agents");
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  assertMatch(metrics, /authentications_total\{[^}]*method="jwt"/);
  assertEquals(await target.stop(), 0);
  const log = target.program.stderr.join("\n");
  // The message is what the person wrote, so it goes to the API as it is.
  const sentByPerson = (text: string) => text.includes("make report");
  const places = {
    log,
    metrics,
    upstream: upstream.filter((text) => !sentByPerson(text)).join("\n"),
  };
  assert(upstream.length > 5 && log.length > 500, "everything was recorded");
  const [header = "", payload = "", signature = ""] = access_token.split(".");
  for (const [place, text] of Object.entries(places)) {
    for (const secret of [header, payload, signature, refresh_token]) {
      assert(secret.length > 20 && !text.includes(secret.slice(0, 40)), `${place} has a token`);
    }
    for (const claim of [email, "Alice Private", "alice-0001"]) {
      assert(!text.includes(claim), `${place} has ${claim}`);
    }
  }
  for (const text of upstream) {
    assert(!/authorization\nBearer/i.test(text), "a bearer token went to the API");
    assert(!text.includes(server.issuer), "the API hears of the authorization server");
  }
  assertMatch(log, /Signed in/);
  simulator.close();
  await api.shutdown();
});
