import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { RecordedFigure, RecordedRun } from "../../scripts/bench/record.ts";
import { peersPart } from "../../scripts/house/documents.ts";
import { resultIn, within } from "../bench/peers/client.ts";
import { Cannot, Findings } from "../bench/peers/findings.ts";
import { figureId, ratioId, type SideName } from "../bench/peers/rows.ts";
import { type Measured, peersTable } from "../bench/peers/table.ts";
import { API_HEADERS } from "../bench/waits/api_stream.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";

/** Makes figures of medians by id. */
function figuresOf(
  medians: Readonly<Record<string, number>>,
  { unit, better }: Pick<RecordedFigure, "unit" | "better"> = { unit: "ms", better: "less" },
): Record<string, RecordedFigure> {
  return Object.fromEntries(
    Object.entries(medians).map(([id, median]) => {
      const figure = { median, least: median, most: median, better };
      return [id, { ...figure, unit: id.includes(".vs_") ? "x" : unit }];
    }),
  );
}

/** Returns the one row of a table, with its columns' titles. */
function rowOf(measured: Measured): Record<string, string> {
  const table = peersTable(measured, "BEHIND");
  const [row = [], ...others] = table?.rows ?? [];
  assertEquals(others, []);
  assertEquals(row.length, table?.head.length);
  return Object.fromEntries(table?.head.map((title, index) => [title, row[index] ?? ""]) ?? []);
}

const at = (side: SideName) => figureId("wait_over", side);

Deno.test("peersTable() shows ours as figures, and of each peer the ratio of ours to its own", () => {
  const figures = figuresOf({
    [at("ours_deno")]: 10,
    [at("sdk1_deno")]: 20,
    [ratioId("wait_over", "sdk1_deno")]: 0.5,
    [at("ours_node")]: 24,
    [at("sdk2_node")]: 32,
    [ratioId("wait_over", "sdk2_node")]: 0.7512,
  });
  assertEquals(rowOf({ figures }), {
    "What": "A wait on a turn that is over",
    "cma-mcp, Deno": "10 ms",
    "SDK 1, Deno": "0.50 ×",
    // Worse than the best of the peers, which runs on another runtime.
    "cma-mcp, Node": "24 ms BEHIND",
    "SDK 2, Node": "0.75 ×",
  });
});

Deno.test("peersTable() marks ours where the best peer is better, in the direction of the figure", () => {
  const http = (side: SideName) => figureId("http", side);
  const cases: readonly (readonly [ours: number, better: "less" | "more", isBehind: boolean])[] = [
    [101, "less", true],
    [100.4, "less", false],
    [90, "less", false],
    [99, "more", true],
    [99.6, "more", false],
    [110, "more", false],
  ];
  for (const [ours, better, isBehind] of cases) {
    const row = better === "more" ? http : at;
    const medians = { [row("ours_deno")]: ours, [row("sdk1_deno")]: 100 };
    const worse = { [row("sdk2_deno")]: better === "more" ? 50 : 200 };
    // Another server of ours is no peer.
    const best = { [row("ours_node")]: better === "more" ? 900 : 1 };
    const figures = figuresOf({ ...medians, ...worse, ...best }, { unit: "u", better });
    const shown = rowOf({ figures })["cma-mcp, Deno"] ?? "";
    assertEquals(shown.endsWith("BEHIND"), isBehind, `${ours} ${better}`);
  }
});

Deno.test("peersTable() says cannot, and why, and shows the figure of a peer that does what ours cannot", () => {
  const measured: Measured = {
    figures: figuresOf({ [at("sdk1_deno")]: 20, [at("ours_node")]: 5 }),
    cannot: {
      [at("ours_deno")]: "no response",
      [at("sdk2_node")]: "no response",
      [figureId("waits_300_open", "sdk1_bun")]: "only 256 of 300 waits reach the API",
      [figureId("waits_300_memory", "sdk1_bun")]: "only 256 of 300 waits reach the API",
    },
  };
  const table = peersTable(measured, "BEHIND");
  assertEquals(table?.head, [
    "What",
    "cma-mcp, Deno",
    "SDK 1, Deno",
    "cma-mcp, Node",
    "SDK 2, Node",
    "SDK 1, Bun",
  ]);
  assertEquals(table?.rows.at(-1), [
    "A wait on a turn that is over",
    "cannot BEHIND",
    "20 ms",
    "5 ms",
    "cannot",
    "not measured",
  ]);
  assertEquals(table?.notes, [
    "Cannot: 300 waits over HTTP: only 256 of 300 waits reach the API (SDK 1, Bun).",
    "Cannot: A wait on a turn that is over: no response (cma-mcp, Deno; SDK 2, Node).",
  ]);
});

Deno.test("peersTable() shows counts without a unit, and ratios as far as they say something", () => {
  const tail = (side: SideName) => figureId("tail_requests", side);
  const counted = { unit: "requests", better: "less" } as const;
  const ratio = (side: SideName) => ratioId("tail_requests", side);
  const figures = figuresOf({
    [tail("ours_deno")]: 1,
    [tail("sdk1_deno")]: 1,
    [ratio("sdk1_deno")]: 1,
    [tail("sdk2_deno")]: 1_000,
    [ratio("sdk2_deno")]: 0.001,
    [tail("sdk1_bun")]: 0.02,
    [ratio("sdk1_bun")]: 50.04,
  }, counted);
  const { What: _, ...cells } = rowOf({ figures });
  assertEquals(Object.values(cells), ["1 BEHIND", "1.00 ×", "< 0.01 ×", "50.0 ×"]);
});

Deno.test("peersTable() says which runtime the executable has, and of an old one what it costs", () => {
  const notesFor = (denort?: string) => {
    const versions = { deno: "2.9.6", ...(denort && { denort }) };
    const figures = figuresOf({ [at("ours_executable")]: 46 });
    return peersTable({ figures, versions }, "!")?.notes;
  };
  const slow = ", which delays the second part of a response over HTTP by some 40 ms.";
  assertEquals(notesFor("2.7.14"), [`The executable runs on Deno 2.7.14${slow}`]);
  assertEquals(notesFor("2.8.0"), ["The executable runs on Deno 2.8.0."]);
  assertEquals(notesFor("3.0.1"), ["The executable runs on Deno 3.0.1."]);
  assertEquals([notesFor("2.9.6"), notesFor()], [[], []]);
});

Deno.test("peersTable() makes nothing of a run without these figures", () => {
  assertEquals(peersTable({ figures: figuresOf({ "start.executable.ms": 1 }) }, "!"), undefined);
});

const run: RecordedRun = {
  date: "2026-11-27T08:00:00.000Z",
  commit: "0123456789ab",
  machine: { os: "linux", arch: "x86_64", cpus: 2, memory_gb: 25 },
  versions: {},
  figures: figuresOf({ [at("ours_deno")]: 3, [at("sdk1_deno")]: 2 }),
  skipped: ["peers, SDK 1, Bun: it cannot be had", "start, executables: none"],
  cannot: { [at("sdk2_deno")]: "no response in 3 s" },
};

Deno.test("peersPart() is the table, what cannot be done, and the servers that were skipped", () => {
  assertEquals(peersPart(run).split("\n").map((line) => line.replaceAll(/ +/g, " ")), [
    "| What | cma-mcp, Deno | SDK 1, Deno | SDK 2, Deno |",
    `| ${"-".repeat(29)} | ${"-".repeat(15)} | ${"-".repeat(11)} | ${"-".repeat(11)} |`,
    "| A wait on a turn that is over | 3 ms **behind** | 2 ms | cannot |",
    "",
    "- Cannot: A wait on a turn that is over: no response in 3 s (SDK 2, Deno).",
    "- Skipped in this run: SDK 1, Bun: it cannot be had.",
  ]);
  assertEquals(peersPart({ ...run, figures: {}, cannot: {} }), "None are on record yet.");
  assertEquals(peersPart(undefined), "None are on record yet.");
});

Deno.test("Findings give figures, and ratios pair by pair with ours on the same runtime", () => {
  const findings = new Findings();
  for (const value of [1, 3]) findings.add("wait_over", "ours_deno", value);
  for (const value of [30, 50]) findings.add("wait_over", "ours_node", value);
  for (const value of [2, 4]) findings.add("wait_over", "sdk1_bun", value);
  for (const value of [10, 10]) findings.add("wait_over", "sdk1_node", value);
  const { figures } = findings.result();
  const of = (id: string) => {
    const found = figures.find((each) => each.id === id);
    return [found?.least, found?.median, found?.most];
  };
  assertEquals(of(ratioId("wait_over", "sdk1_bun")), [0.5, 0.625, 0.75]);
  assertEquals(of(ratioId("wait_over", "sdk1_node")), [3, 4, 5]);
  assertEquals(of(at("sdk1_bun")), [2, 3, 4]);
  assertEquals(figures.length, 6);
  findings.add("wait_over", "ours_executable", undefined);
  assertEquals(findings.result().cannot, {
    [at("ours_executable")]: "this system does not tell",
  });
  assertThrows(() => findings.add("no_row", "ours_deno", 1), RangeError, "no_row");
});

Deno.test("Findings keep what a server cannot do, even if it could once, and fail with all else", async () => {
  const findings = new Findings();
  findings.add("wait_over", "ours_deno", 1);
  await findings.measure(["wait_over"], "sdk1_deno", () => Promise.resolve({ wait_over: 2 }));
  await findings.measure(
    ["wait_over"],
    "sdk1_deno",
    () => Promise.reject(new Cannot("no response")),
  );
  const { figures, cannot } = findings.result();
  assertEquals(figures.map(({ id }) => id), [at("ours_deno")]);
  assertEquals(cannot, { [at("sdk1_deno")]: "no response" });
  const broken = () => Promise.reject(new Error("status 500"));
  await assertRejects(
    () => findings.measure(["wait_over"], "ours_deno", broken),
    Error,
    "wait_over",
  );
});

Deno.test("resultIn() reads structured results and texts, and takes no failure for one", () => {
  const body = (result: object) => JSON.stringify({ jsonrpc: "2.0", id: 1, result });
  const content = [{ type: "text", text: '{"status":"idle"}' }];
  assertEquals(resultIn(body({ content })), { status: "idle" });
  assertEquals(resultIn(body({ content, structuredContent: { a: 1 } })), { a: 1 });
  assertEquals(resultIn(`: open\n\ndata: ${body({ content })}\n\n`), { status: "idle" });
  assertThrows(() => resultIn(body({ content, isError: true })), Error, "A call failed");
  assertThrows(() => resultIn('{"id":1,"error":{"code":1}}'), Error, "A call failed");
});

Deno.test("within() gives up what takes too long as what cannot be done, and aborts it", async () => {
  assertEquals(await within(60_000, "nothing", () => Promise.resolve(7)), 7);
  let isAborted = false;
  const silent = (signal: AbortSignal) => {
    signal.addEventListener("abort", () => isAborted = true);
    return new Promise<never>(() => {});
  };
  await assertRejects(() => within(1, "no response", silent), Cannot, "no response in 0.001 s");
  assert(isAborted);
  const broken = () => Promise.reject(new TypeError("broken"));
  await assertRejects(() => within(60_000, "nothing", broken), TypeError, "broken");
});

Deno.test("the upstream counts requests and bytes since the last time, of streams the requests alone", async () => {
  await using upstream = await UpstreamProcess.start();
  await upstream.createAgents(3);
  const { sessionId, afterId } = await upstream.longSession(200, 7);
  const get = (path: string) =>
    fetch(`${upstream.address.url}/v1/${path}`, { headers: API_HEADERS });
  assertEquals(await upstream.traffic(), { requests: 0, bytes: 0 });
  const agents = await (await get("agents?limit=100")).text();
  const events = await (await get(`sessions/${sessionId}/events?limit=1000`)).text();
  const stream = await get(`sessions/${sessionId}/events/stream`);
  await stream.body?.cancel();
  const { length } = new TextEncoder().encode(agents + events);
  assertEquals(await upstream.traffic(), { requests: 3, bytes: length });
  assertEquals(await upstream.traffic(), { requests: 0, bytes: 0 });
  const names = agents.match(/"worker \d"/g)?.toSorted();
  assertEquals(names, ['"worker 0"', '"worker 1"', '"worker 2"']);
  const { data }: { data: { id: string }[] } = JSON.parse(events);
  assertEquals(data.length - 1 - data.findIndex(({ id }) => id === afterId), 7);
});
