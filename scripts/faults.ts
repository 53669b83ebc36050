/**
 * `deno task faults`: prints how a wait ends under every fault at every moment, and in an outage;
 * and how calls and waits end when connections fail, over real sockets. Exits with 1 when any is
 * wrong.
 *
 * @module
 */

import { type CaseReport, playNetworkCase, playScenario } from "../tests/fault/cases.ts";
import { MOMENTS, NETWORK_FAULTS } from "../tests/fault/network_faults.ts";
import {
  histogram,
  OUTAGE_AT_MS,
  OUTAGE_KINDS,
  OUTAGE_MS,
  type OutageReport,
  peak,
  playOutage,
  READS_PER_MINUTE,
} from "../tests/fault/outage.ts";
import { SCENARIOS } from "../tests/fault/scenarios.ts";
import {
  OPERATIONS,
  playStreamCase,
  playWireCase,
  STREAM_STRIKES,
  STRIKES,
  TRANSPORTS,
  type WireReport,
} from "../tests/fault/wire_cases.ts";
import { type Instrument, runInstrument } from "./instrument.ts";
import { type Column, printLines, right, tableLines } from "./table.ts";

const OUTAGE_WAITS = 500;
const BIN_MS = 10_000;

const OUTCOME: readonly Column[] = [
  "outcome",
  right("requests"),
  right("simulated ms"),
  "text lost or repeated",
];

function outcomeCells({ result, requests, elapsedMs, complaints }: CaseReport) {
  const text = complaints.find((complaint) => complaint.startsWith("reply"));
  const others = complaints.filter((complaint) => complaint !== text);
  const verdict = others.length === 0 ? result.status : `WRONG: ${others.join(", ")}`;
  return [verdict, requests, Math.round(elapsedMs), text ?? "none"];
}

async function networkMatrix(): Promise<number> {
  const rows: (string | number)[][] = [];
  let wrong = 0;
  for (const fault of NETWORK_FAULTS) {
    for (const moment of MOMENTS) {
      const report = await playNetworkCase(fault, moment);
      if (report.complaints.length > 0) wrong++;
      rows.push([moment === MOMENTS[0] ? fault.name : "", moment, ...outcomeCells(report)]);
    }
  }
  const title = "Network faults during a turn of 5 s, by moment";
  printLines([
    title,
    "",
    ...tableLines(["fault", "moment", ...OUTCOME], rows),
  ]);
  return wrong;
}

async function scenarioTable(): Promise<number> {
  const rows: (string | number)[][] = [];
  let wrong = 0;
  for (const scenario of SCENARIOS) {
    const report = await playScenario(scenario);
    if (report.complaints.length > 0) wrong++;
    rows.push([scenario.name, ...outcomeCells(report)]);
  }
  const title = "Sessions and servers that behave in unusual ways";
  printLines(["", title, "", ...tableLines(["case", ...OUTCOME], rows)]);
  return wrong;
}

function isSound(report: OutageReport): boolean {
  const { whole, waits, leaked, limited, requests } = report;
  const allowed = peak(requests, 60_000) <= READS_PER_MINUTE;
  return whole === waits && leaked.length === 0 && limited === 0 && allowed;
}

function outageRow(report: OutageReport): (string | number)[] {
  const { kind, whole, waits, requests, leaked } = report;
  const later = requests.filter(({ at }) => at >= OUTAGE_AT_MS);
  return [
    kind,
    `${whole} of ${waits}`,
    peak(requests, 60_000),
    peak(later, 1_000),
    later.filter(({ failed }) => failed).length,
    (report.recoveredMs / 1_000).toFixed(1),
    leaked.join(", ") || "nothing",
  ];
}

async function outageTables(): Promise<number> {
  const reports: OutageReport[] = [];
  for (const kind of OUTAGE_KINDS) reports.push(await playOutage(kind, OUTAGE_WAITS));
  const bins = reports.map(({ requests }) => histogram(requests, BIN_MS));
  const length = Math.max(...bins.map((list) => list.length));
  const rows = Array.from({ length }, (_, index) => [
    `${index * BIN_MS / 1_000} s`,
    ...bins.map((list) => `${list[index]?.requests ?? 0} (${list[index]?.failed ?? 0})`),
  ]);
  const from = OUTAGE_AT_MS / 1_000;
  printLines([
    "",
    `${OUTAGE_WAITS} open waits, all begun at 0 s; the API is out of reach from ${from} s ` +
    `to ${from + OUTAGE_MS / 1_000} s; it allows ${READS_PER_MINUTE} reads a minute`,
    "",
    ...tableLines([
      "outage",
      "whole replies",
      right("most a minute"),
      right("most a second, from the outage on"),
      right("failed requests"),
      right("all streams back after s"),
      "left behind",
    ], reports.map(outageRow)),
    "",
    "Requests in each 10 s; failed ones in brackets",
    "",
    ...tableLines([
      "from",
      ...OUTAGE_KINDS.map(right),
    ], rows),
  ]);
  return reports.filter((report) => !isSound(report)).length;
}

const SOCKETS: readonly Column[] = [
  right("on the wire"),
  "outcome",
  right("simulated ms"),
  "lost or repeated",
  "next call",
];

/** Returns a row per outcome: calls with the same outcome share one. */
function socketRows(reports: ReadonlyMap<string, WireReport>): (string | number)[][] {
  const rows = new Map<string, { names: string[]; times: number[]; cells: string[] }>();
  for (const [name, { requests, outcome, elapsedMs, effects, next, complaints }] of reports) {
    const cells = [
      String(requests),
      complaints.length === 0 ? outcome : `WRONG: ${complaints.join(", ")}`,
      effects === undefined ? "none" : effects > 1 ? `took effect ${effects} times` : "none",
      next,
    ];
    const key = cells.join("|");
    const row = rows.get(key) ?? { names: [], times: [], cells };
    row.names.push(name);
    row.times.push(Math.round(elapsedMs));
    rows.set(key, row);
  }
  return [...rows.values()].map(
    ({ names, times, cells: [requests = "", outcome = "", ...rest] }) => {
      const [least, most] = [Math.min(...times), Math.max(...times)];
      const time = least === most ? String(least) : `${least} – ${most}`;
      return [namesOf(names), requests, outcome, time, ...rest];
    },
  );
}

/** Returns one name for all reads, all writes or all calls, and a list for any others. */
function namesOf(names: readonly string[]): string {
  const groups = [
    ["every call", OPERATIONS],
    ["every read", OPERATIONS.filter(({ isWrite }) => !isWrite)],
    ["every write", OPERATIONS.filter(({ isWrite }) => isWrite)],
  ] as const;
  const whole = groups.find(([, group]) =>
    group.length === names.length && group.every(({ name }) => names.includes(name))
  );
  return whole?.[0] ?? names.join("; ");
}

async function socketTables(): Promise<number> {
  const rows: (string | number)[][] = [];
  let wrong = 0;
  for (const transport of TRANSPORTS) {
    for (const strike of STRIKES) {
      const reports = await Promise.all(OPERATIONS.map(async (operation) => {
        return [operation.name, await playWireCase(operation, strike, transport)] as const;
      }));
      wrong += reports.filter(([, { complaints }]) => complaints.length > 0).length;
      const [first = [], ...others] = socketRows(new Map(reports));
      rows.push([transport, strike.name, ...first], ...others.map((row) => ["", "", ...row]));
    }
  }
  const waits: (string | number)[][] = [];
  for (const transport of TRANSPORTS) {
    const reports = await Promise.all(STREAM_STRIKES.map(async (strike) => {
      return [strike.name, await playStreamCase(strike, transport)] as const;
    }));
    wrong += reports.filter(([, { complaints }]) => complaints.length > 0).length;
    for (const report of reports) {
      const [[name = "", ...cells] = []] = socketRows(new Map([report]));
      waits.push([transport, name, ...cells]);
    }
  }
  const columns = ["over", "connection", "call", ...SOCKETS];
  const waitColumns = ["over", "connections", ...SOCKETS];
  printLines([
    "",
    "Calls whose connection fails: real sockets, HTTP/1.1, and TLS that offers HTTP/2",
    "",
    ...tableLines(columns, rows),
    "",
    "Waits on a turn of 4 s whose connections fail: real sockets",
    "",
    ...tableLines(waitColumns, waits),
  ]);
  return wrong;
}

async function run(): Promise<boolean> {
  const wrong = await networkMatrix() + await scenarioTable() + await outageTables() +
    await socketTables();
  const sockets = TRANSPORTS.length * (STRIKES.length * OPERATIONS.length + STREAM_STRIKES.length);
  const cases = NETWORK_FAULTS.length * MOMENTS.length + SCENARIOS.length + OUTAGE_KINDS.length +
    sockets;
  printLines(["", `faults: ${cases - wrong} of ${cases} cases right`]);
  return wrong === 0;
}

const FLAGS = {} as const;

const instrument: Instrument<typeof FLAGS> = { usage: "deno task faults", flags: FLAGS, run };

if (import.meta.main) await runInstrument(instrument);
