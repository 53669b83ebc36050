import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Spawned } from "../helpers/spawned.ts";

const HEADERS = { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" };

interface Running {
  readonly program: Spawned;
  readonly url: string;
  get(path: string): Promise<Response>;
  post(path: string, body: unknown): Promise<Response>;
}

/** The simulator in a process of its own, for the time of `use`. */
async function withSimulator(
  flags: readonly string[],
  use: (running: Running) => Promise<void>,
): Promise<Spawned> {
  const program = new Spawned(["simulator", "--port=0", ...flags]);
  try {
    const url = await program.until(() =>
      /ANTHROPIC_BASE_URL=(\S+)/.exec(program.stdout.join("\n"))?.[1]
    );
    const get = (path: string) => fetch(url + path, { headers: HEADERS });
    const post = (path: string, body: unknown) =>
      fetch(url + path, { method: "POST", headers: HEADERS, body: JSON.stringify(body) });
    await use({ program, url, get, post });
  } finally {
    program.kill("SIGTERM");
    await program.ending();
  }
  return program;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

interface Answer extends Named {
  readonly data: readonly Named[];
  readonly archived_at: string | null;
}

/** Reads the JSON of a response. */
async function dataOf(response: Promise<Response>): Promise<Answer> {
  return await (await response).json();
}

/** Makes a session with the first agent whose name fits; returns the session's path. */
async function openSession({ get, post }: Running, agent: RegExp): Promise<string> {
  const { data: agents } = await dataOf(get("/v1/agents"));
  const { data: environments } = await dataOf(get("/v1/environments"));
  const session = await dataOf(post("/v1/sessions", {
    agent: agents.find(({ name }) => agent.test(name))?.id,
    environment_id: environments[0]?.id,
  }));
  return `/v1/sessions/${session.id}`;
}

const message = (text: string) => ({
  events: [{ type: "user.message", content: [{ type: "text", text }] }],
});

/** Opens a session's stream, sends it a message, and reads to the end of the stream. */
async function streamOf({ get, post }: Running, path: string): Promise<string> {
  const stream = await get(`${path}/events/stream`);
  await (await post(`${path}/events`, message("say one\nsay two"))).body?.cancel();
  return await stream.text();
}

Deno.test("the simulator has a second environment on request", async () => {
  for (const [flags, count] of [[[], 1], [["--second-environment"], 2]] as const) {
    await withSimulator(flags, async ({ get }) => {
      const { data } = await dataOf(get("/v1/environments"));
      assertEquals(data.length, count);
    });
  }
});

Deno.test("the simulator listens where the flag says", async () => {
  await withSimulator(["--host=0.0.0.0"], async ({ url, get }) => {
    assertMatch(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assertEquals((await dataOf(get("/v1/environments"))).data.length, 1);
  });
  await withSimulator(["--host=localhost"], async ({ get }) => {
    assertEquals((await dataOf(get("/v1/environments"))).data.length, 1);
  });
});

Deno.test("the simulator answers with the error that the flag says, so often", async () => {
  await withSimulator(["--fault=status=529+3:GET:/agents:from=2:times=1"], async ({ get }) => {
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) {
      const response = await get("/v1/agents");
      statuses.push(response.status);
      if (response.status === 529) {
        assertEquals(response.headers.get("retry-after"), "3");
        assertEquals((await response.json()).error.type, "overloaded_error");
      } else await response.body?.cancel();
    }
    assertEquals(statuses, [200, 529, 200]);
  });
});

Deno.test("the simulator cuts connections before a request takes effect, or after it", async () => {
  const flags = ["--fault=reset:POST:/archive,lost_ack:POST:/events", "--log-requests"];
  const program = await withSimulator(flags, async (running) => {
    const { get, post } = running;
    const path = await openSession(running, /Script/);
    await assertRejects(() => post(`${path}/archive`, {}));
    assertEquals((await dataOf(get(path))).archived_at, null);
    await assertRejects(() => post(`${path}/events`, message("say hello")));
    const { data } = await dataOf(get(`${path}/events`));
    assertStringIncludes(JSON.stringify(data), "say hello");
  });
  const cut = program.stderr.filter((line) => line.includes("status=cut"));
  // At least: the runtime's fetch repeats a request whose pooled connection closes.
  assert(cut.length >= 2);
  assertMatch(
    cut[0] ?? "",
    /method=POST path=\/v1\/sessions\/sesn_\w+\/archive status=cut ms=\d+$/,
  );
});

Deno.test("the simulator holds requests back, or never answers", async () => {
  await withSimulator(
    ["--fault=hang:/environments,latency=300ms:/agents"],
    async ({ url, get }) => {
      const start = performance.now();
      await (await get("/v1/agents")).body?.cancel();
      assert(performance.now() - start >= 290);
      const signal = AbortSignal.timeout(200);
      await assertRejects(() => fetch(`${url}/v1/environments`, { headers: HEADERS, signal }));
    },
  );
});

Deno.test("the simulator ends when it is asked to, whatever hangs", async () => {
  const program = new Spawned(["simulator", "--port=0", "--fault=hang:POST,silence_after=0"]);
  const url = await program.until(() =>
    /ANTHROPIC_BASE_URL=(\S+)/.exec(program.stdout.join("\n"))?.[1]
  );
  const asked = fetch(`${url}/v1/sessions`, { method: "POST", headers: HEADERS, body: "{}" })
    .then((response) => response.body?.cancel(), () => {});
  // It has come when another request is answered: both take the same way.
  await (await fetch(`${url}/v1/agents`, { headers: HEADERS })).body?.cancel();
  program.kill("SIGTERM");
  assertEquals((await program.ending()).code, 0);
  await asked;
});

Deno.test("the simulator breaks and ends streams where the flag says", async () => {
  await withSimulator(["--fault=drop_after=2"], async (running) => {
    const path = await openSession(running, /Script/);
    await assertRejects(() => streamOf(running, path));
  });
  await withSimulator(["--fault=end_after=2"], async (running) => {
    const text = await streamOf(running, await openSession(running, /Script/));
    assertEquals(text.match(/^event: /gm)?.length, 2);
  });
});

/** When the simulator's stream has not brought what a test wants, in milliseconds. */
const LATE_MS = 30_000;

/**
 * Opens a session's stream, sends it a message, and reads until `isEnough` and then for `moreMs`
 * milliseconds.
 */
async function streamUntil(
  { url, post }: Running,
  path: string,
  isEnough: (text: string) => boolean,
  moreMs = 0,
): Promise<string> {
  const end = new AbortController();
  const { signal } = end;
  const stream = await fetch(`${url}${path}/events/stream`, { headers: HEADERS, signal });
  await (await post(`${path}/events`, message("say one\nsay two"))).body?.cancel();
  let text = "";
  let timer = setTimeout(() => end.abort(), LATE_MS);
  let isThere = false;
  const decoder = new TextDecoder();
  try {
    for await (const chunk of stream.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (isThere || !isEnough(text)) continue;
      if (moreMs === 0) break;
      isThere = true;
      clearTimeout(timer);
      timer = setTimeout(() => end.abort(), moreMs);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  return text;
}

Deno.test("the simulator sends frames that are not JSON, and goes on", async () => {
  await withSimulator(["--fault=malformed_frame=2"], async (running) => {
    const path = await openSession(running, /Script/);
    const isIdle = (text: string) => text.includes("event: session.status_idle");
    const text = await streamUntil(running, path, isIdle);
    assert(isIdle(text), text);
    const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, json = ""]) => json);
    const broken = data.flatMap((json, index) => json.endsWith("}") ? [] : [index]);
    assertEquals(broken, [2]);
  });
});

Deno.test("the simulator's streams fall silent, or begin late", async () => {
  await withSimulator(["--fault=silence_after=2"], async (running) => {
    const path = await openSession(running, /Script/);
    const count = (text: string) => text.match(/^event: /gm)?.length ?? 0;
    const text = await streamUntil(running, path, (text) => count(text) === 2, 500);
    assertEquals(count(text), 2);
  });
  await withSimulator(["--fault=slow_first_byte=300ms"], async (running) => {
    const path = await openSession(running, /Script/);
    const start = performance.now();
    const text = await streamUntil(running, path, (text) => text !== "");
    assertStringIncludes(text, "event: user.message");
    assert(performance.now() - start >= 290);
  });
});

Deno.test("the simulator's faults strike the same requests with the same seed", async () => {
  const runs: string[] = [];
  const flags = ["--fault=status=500:chance=50%", "--seed=12"];
  for (let run = 0; run < 2; run++) {
    const program = await withSimulator(flags, async ({ get }) => {
      let statuses = "";
      for (let i = 0; i < 20; i++) {
        const response = await get("/v1/agents");
        await response.body?.cancel();
        statuses += `${response.status} `;
      }
      runs.push(statuses);
    });
    assertStringIncludes(program.stdout.join("\n"), "--seed 12 repeats them");
  }
  assertEquals(runs[0], runs[1]);
  assertMatch(runs[0] ?? "", /200.*500|500.*200/);
});

Deno.test("the simulator takes habits as flags", async () => {
  const flags = ["--habit=sendAnswers202Empty=true,betaHeader=ignored"];
  await withSimulator(flags, async (running) => {
    const { url, post } = running;
    const agents = await fetch(`${url}/v1/agents`, { headers: { "x-api-key": "any" } });
    await agents.body?.cancel();
    assertEquals(agents.status, 200);
    const path = await openSession(running, /Script/);
    const sent = await post(`${path}/events`, message("say hello"));
    assertEquals([sent.status, await sent.text()], [202, ""]);
  });
});

Deno.test("the simulator logs requests on request only, one line each", async () => {
  const ask = async ({ get }: Running) => {
    await (await get("/v1/agents?limit=2")).body?.cancel();
    await (await get("/v1/nothing")).body?.cancel();
  };
  assertEquals((await withSimulator([], ask)).stderr, []);
  for (const flag of ["--log-requests", "--log-level=debug"]) {
    const { stderr } = await withSimulator([flag], ask);
    const lines = stderr.filter((line) => line.includes("Request "));
    assertEquals(lines.length, 2);
    assertMatch(lines[0] ?? "", /: Request method=GET path=\/v1\/agents status=200 ms=\d+$/);
    assertMatch(lines[1] ?? "", /: Request method=GET path=\/v1\/nothing status=404 ms=\d+$/);
  }
});

const refusals: readonly [string, RegExp][] = [
  ["--fault=resett", /--fault: 'resett' is no fault: type one of latency, status, reset/],
  ["--fault=reset:chance=2", /type GET, POST or DELETE, the end of a path/],
  ["--habit=interrupts=loud", /type interrupts=idle or silent or ignored/],
  ["--host=192.0.2.1", /another --host/],
];
for (const [flag, message] of refusals) {
  Deno.test(`the simulator refuses ${flag} with one line on stderr and exit code 2`, async () => {
    const program = new Spawned(["simulator", "--port=0", flag]);
    assertEquals((await program.ending()).code, 2);
    assertEquals(program.stderr.length, 1);
    assertMatch(program.stderr[0] ?? "", message);
  });
}
