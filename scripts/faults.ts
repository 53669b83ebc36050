/**
 * `deno task faults`: what a wait makes of every fault at every moment, and of an outage.
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
import { type Column, printLines, tableLines } from "./table.ts";

const OUTAGE_WAITS = 500;
const BIN_MS = 10_000;

const OUTCOME: readonly Column[] = [
  { title: "outcome" },
  { title: "requests", align: "right" },
  { title: "simulated ms", align: "right" },
  { title: "text lost or repeated" },
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
  const title = "What the network does to a turn of 5 s, and when";
  printLines([
    title,
    "",
    ...tableLines([{ title: "fault" }, { title: "moment" }, ...OUTCOME], rows),
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
  const title = "What sessions and servers do";
  printLines(["", title, "", ...tableLines([{ title: "case" }, ...OUTCOME], rows)]);
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
      { title: "outage" },
      { title: "whole replies" },
      { title: "most a minute", align: "right" },
      { title: "most a second, from the outage on", align: "right" },
      { title: "failed requests", align: "right" },
      { title: "all streams back after s", align: "right" },
      { title: "left behind" },
    ], reports.map(outageRow)),
    "",
    "Requests in 10 s, those that failed in brackets",
    "",
    ...tableLines([
      { title: "from" },
      ...OUTAGE_KINDS.map((title) => ({ title, align: "right" as const })),
    ], rows),
  ]);
  return reports.filter((report) => !isSound(report)).length;
}

async function main(): Promise<boolean> {
  const wrong = await networkMatrix() + await scenarioTable() + await outageTables();
  const cases = NETWORK_FAULTS.length * MOMENTS.length + SCENARIOS.length + OUTAGE_KINDS.length;
  printLines(["", `faults: ${cases - wrong} of ${cases} cases right`]);
  return wrong === 0;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
