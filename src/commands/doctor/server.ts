/**
 * Checks the parts of this machine that `--http` needs: valid tokens, a certificate, free ports.
 *
 * @module
 */

import { NAME_SEALING_KEY, NO_SEALING_KEY } from "../../access/sealing_keys.ts";
import type { HttpConfig, SealingConfig } from "../../config/config.ts";
import { UsageError } from "../../core/errors.ts";
import type { Program } from "../../runtime/program.ts";
import type { CertificateDates } from "../../runtime/runtime.ts";
import {
  acceptedHosts,
  checkAddress,
  readCertificate,
  unusableCertificate,
} from "../serve/listen.ts";
import { type Finding, findings } from "./finding.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Time before the end of a token or certificate in which the doctor warns, in milliseconds. */
const SOON_MS = 14 * DAY_MS;

const token = findings("token");
const tls = findings("tls");
const port = findings("port");

type ServerProgram = Pick<
  Program,
  "clock" | "readFile" | "openFilesProblem" | "tryListen" | "certificateDates"
>;

/** Checks the settings of HTTP mode as the server would use them. */
export async function checkServer(
  config: HttpConfig,
  program: ServerProgram,
): Promise<Finding[]> {
  const { openFilesProblem: problem } = program;
  const ports = [config.port, ...config.metricsPort === undefined ? [] : [config.metricsPort]];
  return [
    checkTokens(config, program.clock.wallTime()),
    await addressFinding(config, program),
    ...config.tls ? [await checkCertificate(config.tls, config.listenAddress, program)] : [],
    ...problem ? [findings("http").warn(problem.message, problem.cure)] : [],
    ...await Promise.all(ports.map((number) => checkPort(config.listenAddress, number, program))),
  ];
}

function checkTokens({ token: secret, accessFile }: HttpConfig, nowMs: number): Finding {
  if (!accessFile) {
    return secret === undefined
      ? token.ok("There is no bearer token: only people who sign in can call")
      : token.ok(`A bearer token of ${secret.length} characters is set`);
  }
  const { entries, path, rules = [] } = accessFile;
  const ruleCount = `${rules.length} rule${rules.length === 1 ? "" : "s"} for people who sign in`;
  if (entries.length === 0) return token.ok(`'${path}' lists ${ruleCount}, and no token`);
  const ending = (beforeMs: number) =>
    entries.filter(({ expiresAtMs = Infinity }) => expiresAtMs <= beforeMs).map(({ name }) => name);
  const expired = ending(nowMs);
  const cure = "make new ones with 'cma-mcp token new'";
  if (expired.length === entries.length) {
    return token.fail(`Every token of '${path}' has expired`, cure);
  }
  if (expired.length > 0) return token.warn(`Expired in '${path}': ${expired.join(", ")}`, cure);
  const soon = ending(nowMs + SOON_MS);
  if (soon.length > 0) return token.warn(`Expires within 14 days: ${soon.join(", ")}`, cure);
  const count = `${entries.length} token${entries.length === 1 ? "" : "s"}`;
  return token.ok(`'${path}' lists ${count}${rules.length > 0 ? `, and ${ruleCount}` : ""}`);
}

/** Permission bit of a file that every user of the machine may read. */
const READABLE_BY_ALL = 0o004;

/** Checks the sealing keys, which can be used, or are not given. */
export async function checkSealing(
  config: SealingConfig | undefined,
  { os, modeOf }: Pick<Program, "os" | "modeOf">,
): Promise<Finding> {
  const { ok, warn } = findings("sealing");
  if (!config) return warn(NO_SEALING_KEY, NAME_SEALING_KEY);
  const { path, keys } = config;
  const mode = os === "windows" ? undefined : await modeOf(path);
  if (mode !== undefined && (mode & READABLE_BY_ALL) !== 0) {
    return warn(`Every user of this machine can read '${path}'`, `type chmod 600 '${path}'`);
  }
  return ok(`'${path}' has ${keys.length} sealing key${keys.length === 1 ? "" : "s"}`);
}

async function addressFinding(config: HttpConfig, program: ServerProgram): Promise<Finding> {
  const { ok, fail } = findings("http");
  try {
    await checkAddress(config, program);
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message);
    throw error;
  }
  const hosts = acceptedHosts(config).join(", ");
  return ok(`It listens on ${config.listenAddress} and answers to ${hosts}`);
}

async function checkCertificate(
  files: NonNullable<HttpConfig["tls"]>,
  host: string,
  { readFile, clock, tryListen, certificateDates }: ServerProgram,
): Promise<Finding> {
  try {
    const certificate = await readCertificate(files, readFile);
    const found = await tryListen({ host, port: 0, certificate });
    if (found?.reason === "certificate") throw unusableCertificate(files, found);
    return validityFinding(await certificateDates(certificate.cert), clock.wallTime());
  } catch (error) {
    if (error instanceof UsageError) return tls.fail(error.message);
    throw error;
  }
}

function validityFinding({ validFrom, validTo }: CertificateDates, nowMs: number): Finding {
  const cure = "renew the certificate";
  if (Date.parse(validFrom) > nowMs) {
    return tls.fail(`The certificate is valid from ${validFrom} on only`, "set the clock");
  }
  const leftMs = Date.parse(validTo) - nowMs;
  if (leftMs <= 0) return tls.fail(`The certificate expired on ${validTo}`, cure);
  if (leftMs <= SOON_MS) return tls.warn(`The certificate expires on ${validTo}`, cure);
  return tls.ok(`The certificate and its key go together, until ${validTo}`);
}

async function checkPort(
  host: string,
  number: number,
  { tryListen }: Pick<Program, "tryListen">,
): Promise<Finding> {
  switch ((await tryListen({ host, port: number }))?.reason) {
    case undefined:
      return port.ok(number === 0 ? "A free port will be taken" : `${host}:${number} is free`);
    case "taken":
      return port.fail(
        `Port ${number} is taken`,
        "end what listens there, or type another --port",
      );
    case "forbidden":
      return port.fail(`Port ${number} may not be used`, "type a --port of 1024 or more");
    case "unresolved":
      return port.fail(`The name '${host}' has no address`, "type another --host");
    default:
      return port.fail(
        `Cannot listen on ${host}:${number}`,
        "type a --host that this machine has, such as 127.0.0.1",
      );
  }
}
