/**
 * `cma-mcp doctor`: looks at everything that has to be right, and says what to do about the rest.
 *
 * @module
 */

import type { FetchLike } from "../api/api.ts";
import { createApi } from "../api/client.ts";
import type { DoctorConfig } from "../config/config.ts";
import { proxyFor } from "../core/proxy.ts";
import { type Finding, findings, type Status } from "./doctor/finding.ts";
import { checkHosts } from "./doctor/hosts.ts";
import { probe } from "./doctor/probe.ts";
import { checkServer } from "./doctor/server.ts";
import { checkWorkspace } from "./doctor/workspace.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { createPalette } from "./paint.ts";
import type { Program } from "./program.ts";
import { VERSION } from "./version.ts";

/** What tests put in place of the outside world. */
export interface DoctorOptions {
  readonly fetch?: FetchLike;
  readonly machine?: Machine;
}

/** Milliseconds that all that the API is asked may take. */
const TIMEOUT_MS = 20_000;

/**
 * Prints a line for each check, or everything as JSON.
 *
 * @returns whether nothing failed
 */
export async function doctor(
  config: DoctorConfig,
  program: Program,
  options: DoctorOptions = {},
): Promise<boolean> {
  const all = await examine(config, program, options);
  const ok = all.every(({ status }) => status !== "fail");
  if (config.json) {
    program.print(program.redact(JSON.stringify({ ok, version: VERSION, checks: all }, null, 2)));
  } else {
    for (const finding of all) program.print(lineOf(finding, program));
    program.print(summaryOf(all));
  }
  return ok;
}

/** Everything that can be found out; one check's trouble does not keep the others from looking. */
async function examine(
  config: DoctorConfig,
  program: Program,
  { fetch = (request) => globalThis.fetch(request), machine = thisMachine() }: DoctorOptions,
): Promise<Finding[]> {
  const hosts = await checkHosts(program, machine);
  return [
    ...settingFindings(config, hosts.keyHolders),
    ...await checkApi(config, program, fetch),
    ...config.http ? await checkServer(config.http, program) : [],
    ...hosts.findings,
  ];
}

function settingFindings(
  { problems, warnings }: DoctorConfig,
  keyHolders: readonly string[],
): Finding[] {
  const found = problems.map(({ check, message }): Finding => {
    const { fail, warn } = findings(check);
    // What a terminal lacks, the host may give it.
    return check === "key" && /^No API key/.test(message) && keyHolders.length > 0
      ? warn(
        `There is no API key here, but ${keyHolders.join(" and ")} has one for it`,
        "set ANTHROPIC_API_KEY for this command too, to have it checked",
      )
      : fail(message);
  });
  return [...found, ...warnings.map((message) => findings("settings").warn(message))];
}

async function checkApi(
  config: DoctorConfig,
  program: Program,
  fetch: FetchLike,
): Promise<Finding[]> {
  const { simulate, credential, baseUrl } = config;
  if (simulate) return await checkSimulator(config, program);
  if (baseUrl === undefined) return [notChecked("the base URL cannot be used")];
  const { clock, log, stopping: signal, env } = program;
  const parts = { baseUrl, fetch, clock, userAgent: `cma-mcp/${VERSION}` };
  const proxy = proxyFor(new URL(baseUrl), env);
  const first = await probe({ ...parts, credential, signal, proxy });
  if (!credential || !first.accepted) {
    const reason = credential ? "the checks above failed" : "there is no key";
    return [...first.findings, notChecked(reason)];
  }
  const { kind, value } = credential;
  const api = createApi({ ...parts, log, credential: () => ({ kind, value }) });
  return [
    ...first.findings,
    ...await checkWorkspace(api, config, { signal, timeoutMs: TIMEOUT_MS }),
  ];
}

function notChecked(reason: string): Finding {
  return findings("workspace").skip(`Agents and environments were not looked at: ${reason}`);
}

async function checkSimulator(config: DoctorConfig, program: Program): Promise<Finding[]> {
  const { createSimulator } = await import("../simulator/simulator.ts");
  const { clock, log, stopping: signal } = program;
  const simulator = createSimulator({ clock });
  const api = createApi({
    baseUrl: "http://simulator.invalid",
    credential: () => ({ kind: "api_key", value: "simulated" }),
    fetch: (request) => simulator.fetch(request),
    clock,
    log,
  });
  try {
    return [
      findings("network").skip("The built-in SIMULATOR is used: no key and no network"),
      ...await checkWorkspace(api, config, { signal, timeoutMs: TIMEOUT_MS }),
    ];
  } finally {
    simulator.close();
  }
}

/** Wide enough for the longest status and check, and a blank. */
const STATUS_COLUMNS = 5;
const CHECK_COLUMNS = 15;

function lineOf({ check, status, message, cure }: Finding, { color, redact }: Program): string {
  const { green, yellow, red, dim } = createPalette(color);
  const paint = { ok: green, warn: yellow, fail: red, skip: dim }[status];
  const words = cure === undefined ? message : `${message}: ${cure}`;
  const line = redact(`${check.padEnd(CHECK_COLUMNS)}${words}`).replace(/[\r\n]+/g, " ");
  return paint(status.padEnd(STATUS_COLUMNS)) + line;
}

function summaryOf(all: readonly Finding[]): string {
  const count = (wanted: Status) => all.filter(({ status }) => status === wanted).length;
  return `${count("ok")} ok, ${count("warn")} warnings, ${count("fail")} failed`;
}
