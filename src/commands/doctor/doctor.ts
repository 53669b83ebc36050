/**
 * `cma-mcp doctor`: checks the whole setup, and says what to do about each problem.
 *
 * @module
 */

import type { DoctorConfig } from "../../config/config.ts";
import { resolveConfig, secretsIn } from "../../config/resolve.ts";
import { UsageError } from "../../core/errors.ts";
import { PROXY_VARIABLES } from "../../core/proxy.ts";
import { createRedact, redactValue } from "../../core/redact.ts";
import { printableJson } from "../../core/text.ts";
import { type FoundEntry, ownFlags } from "../../hosts/entry.ts";
import { FILE_HOSTS } from "../../hosts/hosts.ts";
import type { FileHostName } from "../../hosts/names.ts";
import type { Program } from "../../runtime/program.ts";
import { VERSION } from "../version.ts";
import { checkApi } from "./api.ts";
import { type Finding, findings, lineOf, summaryOf } from "./finding.ts";
import { checkHosts, checkNamedHost, entryEnvironment } from "./hosts.ts";
import { checkSealing, checkServer } from "./server.ts";

/**
 * Prints a line for each check as soon as it is done, or all of them as JSON.
 *
 * @returns true when nothing failed
 */
export async function doctor(config: DoctorConfig, program: Program): Promise<boolean> {
  const { host, json } = config;
  const { print, redact } = program;
  const used = json ? { ...program, note: () => {} } : program;
  const checks: Finding[] = [];
  for await (const finding of host ? examineHost(host, used) : examine(config, used)) {
    checks.push(finding);
    if (!json) print(lineOf(finding, program));
  }
  const ok = checks.every(({ status }) => status !== "fail");
  const report = redactValue({ ok, version: VERSION, checks }, redact);
  print(json ? printableJson(JSON.stringify(report, null, 2)) : summaryOf(checks));
  return ok;
}

/** Runs every check, whether or not the others fail. */
async function* examine(config: DoctorConfig, program: Program): AsyncGenerator<Finding> {
  const hosts = await checkHosts(program, { needed: !config.http });
  const withKey = hosts.keyHolders.join(" and ");
  yield* settingFindings(
    config,
    withKey === "" ? undefined : findings("key").warn(
      `There is no API key here, but ${withKey} has one for it`,
      "add --host with the host's name, to have it checked",
    ),
  );
  yield* checkApi(config, program);
  if (config.http) {
    yield* await checkServer(config.http, program);
    const { oauth } = config.http;
    if (oauth) yield* (await import("./issuers.ts")).checkIssuers(oauth, program);
    const { sealing, simulate, problems } = config;
    // Keys that cannot be used are among the problems; simulated sessions end with the process.
    const isReported = problems.some(({ check }) => check === "sealing");
    if (!isReported && (sealing || !simulate)) yield await checkSealing(sealing, program);
  }
  yield* hosts.findings;
}

/** Checks the settings of a host's entry, and nothing that only this terminal has. */
async function* examineHost(host: FileHostName, program: Program): AsyncGenerator<Finding> {
  const { findings: found, entry } = await checkNamedHost(host, program);
  yield* found;
  if (!entry) return;
  const env = entryEnvironment(host, entry, program.env);
  // The runtime reads these when it first connects.
  for (const name of PROXY_VARIABLES) program.setEnv(name, env(name));
  const config = await entryConfig(entry, { ...program, env });
  const isFinding = "status" in config;
  const hide = createRedact([
    ...secretsIn(env),
    ...!isFinding && config.credential ? [config.credential.value] : [],
  ]);
  const checks = isFinding ? [config] : examineEntry(host, config, { ...program, env });
  for await (const { message, cure, ...finding } of checks) {
    yield { ...finding, message: hide(message), ...(cure !== undefined && { cure: hide(cure) }) };
  }
}

/** Resolves the settings of an entry; returns a finding if that fails. */
async function entryConfig(
  entry: FoundEntry,
  { env, readFile }: Program,
): Promise<DoctorConfig | Finding> {
  const { fail } = findings("settings");
  const flags = ownFlags(entry);
  try {
    const config = await resolveConfig(["doctor", ...flags], env, readFile);
    if (config.command === "doctor") return config;
    return fail(
      "The entry's arguments make the program do something else than serve",
      `take out '${flags.join(" ")}'`,
    );
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message);
    throw error;
  }
}

async function* examineEntry(
  host: FileHostName,
  config: DoctorConfig,
  program: Program,
): AsyncGenerator<Finding> {
  const { title, asksForKey } = FILE_HOSTS[host];
  yield* settingFindings(
    config,
    asksForKey
      ? findings("key").skip(`${title} asks for the key itself, so it is not checked here`)
      : undefined,
  );
  if (config.http) {
    yield findings("settings").fail(
      `The entry serves HTTP, and ${title} waits for an answer on stdio`,
      "take out --http and CMA_MCP_HTTP, or add --http=off",
    );
  }
  yield* checkApi(config, program);
}

/**
 * Makes the findings about settings.
 *
 * @param missingKey replaces the failure when there is no key
 */
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
