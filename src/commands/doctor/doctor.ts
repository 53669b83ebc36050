/**
 * `cma-mcp doctor`: looks at everything that has to be right, and says what to do about the rest.
 *
 * @module
 */

import { createApi } from "../../api/client.ts";
import { type Connections, createConnections } from "../../api/connections.ts";
import { type Config, type DoctorConfig, resolveConfig, secretsIn } from "../../config/config.ts";
import { type FoundEntry, ownFlags } from "../../hosts/entry.ts";
import { FILE_HOSTS, type FileHostName } from "../../hosts/hosts.ts";
import { UsageError } from "../../core/errors.ts";
import { PROXY_VARIABLES, proxyFor, proxyMisreadings } from "../../core/proxy.ts";
import { createRedact, redactValue } from "../../core/redact.ts";
import { plainLine, printableJson } from "../../core/text.ts";
import { type Finding, findings, type Status } from "./finding.ts";
import { checkHosts, entryEnvironment, lookIntoHost } from "./hosts.ts";
import { probe, TIMEOUT_MS as PROBE_TIMEOUT_MS } from "./probe.ts";
import { checkServer } from "./server.ts";
import { checkWorkspace } from "./workspace.ts";
import { createPalette } from "../paint.ts";
import type { Program } from "../../runtime/program.ts";
import { resolveWithFiles } from "../../runtime/files.ts";
import { simulatedUpstream } from "../upstream.ts";
import { VERSION } from "../version.ts";

/** Milliseconds that all that the API is asked may take. */
const TIMEOUT_MS = 20_000;

/**
 * Prints a line for each check as soon as it is made, or everything as JSON.
 *
 * @returns whether nothing failed
 */
export async function doctor(config: DoctorConfig, program: Program): Promise<boolean> {
  // The server's own way to the API, so that what is found on it holds for the server.
  const connections = createConnections(program.openHttpClient, program.clock);
  const told = { ...program, note: config.json ? () => {} : program.note };
  const all: Finding[] = [];
  const findings = config.host === undefined
    ? examine(config, told, connections)
    : examineHost(config.host, told, connections);
  try {
    for await (const finding of findings) {
      all.push(finding);
      if (!config.json) program.print(lineOf(finding, program));
    }
  } finally {
    connections.close();
  }
  const ok = all.every(({ status }) => status !== "fail");
  program.print(
    config.json
      ? printableJson(
        JSON.stringify(
          redactValue({ ok, version: VERSION, checks: all }, program.redact),
          null,
          2,
        ),
      )
      : summaryOf(all),
  );
  return ok;
}

/** Makes every check; one that fails does not keep the others from being made. */
async function* examine(
  config: DoctorConfig,
  program: Program,
  connections: Connections,
): AsyncGenerator<Finding> {
  const hosts = await checkHosts(program);
  yield* settingFindings(config, missingKeyOf(hosts.keyHolders));
  yield* checkApi(config, program, connections);
  if (config.http) yield* await checkServer(config.http, program);
  yield* hosts.findings;
}

/** Checks what the entry of a host would use, and nothing that only this terminal has. */
async function* examineHost(
  host: FileHostName,
  program: Program,
  connections: Connections,
): AsyncGenerator<Finding> {
  const { findings: found, entry } = await lookIntoHost(host, program);
  yield* found;
  if (!entry) return;
  const env = entryEnvironment(host, entry, program.env);
  // The runtime reads these when it first connects.
  for (const name of PROXY_VARIABLES) program.setEnv(name, env(name));
  const secrets = secretsIn(env);
  for await (const finding of examineEntry(host, entry, { ...program, env }, connections)) {
    const hide = createRedact([...secrets, ...finding.secrets ?? []]);
    const { check, status, message, cure } = finding;
    yield {
      check,
      status,
      message: hide(message),
      ...(cure !== undefined && { cure: hide(cure) }),
    };
  }
}

/** The checks of an entry, each with secrets that only its settings name. */
async function* examineEntry(
  host: FileHostName,
  entry: FoundEntry,
  program: Program,
  connections: Connections,
): AsyncGenerator<Finding & { readonly secrets?: readonly string[] }> {
  let config: Config;
  try {
    config = await resolveWithFiles(
      (readNow) => resolveConfig(["doctor", ...ownFlags(entry)], program.env, readNow),
      program.readFile,
    );
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return yield findings("settings").fail(error.message);
  }
  if (config.command !== "doctor") {
    return yield findings("settings").fail(
      "The entry's arguments make the program do something else than serve",
      `take out '${ownFlags(entry).join(" ")}'`,
    );
  }
  const { title, asksForKey } = FILE_HOSTS[host];
  const missingKey = asksForKey
    ? findings("key").skip(`${title} asks for the key itself, so it is not checked here`)
    : undefined;
  const secrets = [config.credential?.value ?? ""];
  for (const finding of settingFindings(config, missingKey)) yield { ...finding, secrets };
  for await (const finding of checkApi(config, program, connections)) {
    yield { ...finding, secrets };
  }
}

/** Makes a warning of a missing key where a host has one for the server. */
function missingKeyOf(keyHolders: readonly string[]): Finding | undefined {
  if (keyHolders.length === 0) return undefined;
  return findings("key").warn(
    `There is no API key here, but ${keyHolders.join(" and ")} has one for it`,
    "add --host with the host's name, to have it checked",
  );
}

/** @param missingKey what to say of a key that is missing, instead of a failure */
function* settingFindings(
  { problems, warnings }: DoctorConfig,
  missingKey: Finding | undefined,
): Generator<Finding> {
  for (const { check, message } of problems) {
    const isMissing = check === "key" && /^No API key/.test(message);
    yield isMissing && missingKey ? missingKey : findings(check).fail(message);
  }
  for (const message of warnings) yield findings("settings").warn(message);
}

async function* checkApi(
  config: DoctorConfig,
  program: Program,
  connections: Connections,
): AsyncGenerator<Finding> {
  const { simulate, credential, baseUrl } = config;
  if (simulate) return yield* await checkSimulator(config, program);
  if (baseUrl === undefined) return yield notChecked("the base URL cannot be used");
  const { clock, log, stopping: signal, env, note } = program;
  const url = new URL(baseUrl);
  for (const { message, cure } of proxyMisreadings(url, env)) {
    yield findings("network").warn(message, cure);
  }
  const parts = { baseUrl, clock, userAgent: `cma-mcp/${VERSION}` };
  const proxy = proxyFor(url, env);
  // A network that is dead says nothing for as long as that.
  note(`Asking ${url.origin}, for at most ${PROBE_TIMEOUT_MS / 1_000} s …`);
  const route = connections.route("read");
  // Spelled out: of a `Request` that is spread, nothing is left.
  const fetch = ({ url, headers, signal, redirect }: Request) =>
    route.fetch(url, { headers, signal, redirect });
  const first = await probe({ ...parts, fetch, credential, signal, proxy });
  yield* first.findings;
  if (!credential || !first.accepted) {
    return yield notChecked(credential ? "the checks above failed" : "there is no key");
  }
  const { kind, value } = credential;
  const api = createApi({ ...parts, connections, proxy, log, credential: () => ({ kind, value }) });
  yield* await checkWorkspace(api, config, { signal, timeoutMs: TIMEOUT_MS });
}

function notChecked(reason: string): Finding {
  return findings("workspace").skip(`Agents and environments were not looked at: ${reason}`);
}

async function checkSimulator(config: DoctorConfig, program: Program): Promise<Finding[]> {
  const { clock, log, stopping: signal } = program;
  const { close, ...upstream } = await simulatedUpstream(program);
  try {
    const api = createApi({ ...upstream, clock, log });
    return [
      findings("network").skip("The built-in SIMULATOR is used: no key and no network"),
      ...await checkWorkspace(api, config, { signal, timeoutMs: TIMEOUT_MS }),
    ];
  } finally {
    close();
  }
}

/** Wide enough for the longest status and check, and a blank. */
const STATUS_COLUMNS = 5;
const CHECK_COLUMNS = 15;

function lineOf({ check, status, message, cure }: Finding, { color, redact }: Program): string {
  const { green, yellow, red, dim } = createPalette(color);
  const paint = { ok: green, warn: yellow, fail: red, skip: dim }[status];
  const words = cure === undefined ? message : `${message}: ${cure}`;
  // Not what looks like a credential: "invalid x-api-key: make a key" would lose its advice.
  const line = redact(plainLine(words));
  return paint(status.padEnd(STATUS_COLUMNS)) + check.padEnd(CHECK_COLUMNS) + line;
}

function summaryOf(all: readonly Finding[]): string {
  const count = (wanted: Status) => all.filter(({ status }) => status === wanted).length;
  return `${count("ok")} ok, ${count("warn")} warnings, ${count("fail")} failed`;
}
