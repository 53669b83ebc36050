/**
 * `cma-mcp token`: makes a token or a sealing key and prints it; writes no file.
 *
 * @module
 */

import { newSealingKey } from "../access/sealing_keys.ts";
import type { NewTokenConfig } from "../config/config.ts";
import { UsageError } from "../core/errors.ts";
import { sha256 } from "../core/sha256.ts";
import { toBase64Url } from "../core/text.ts";
import type { Program } from "../runtime/program.ts";

/** Tells people, and scanners for leaked secrets, what kind of secret the text is. */
const PREFIX = "cma_";
const SECRET_BYTES = 32;

/**
 * Prints a new secret and, as text or as JSON, the entry for the access file, which holds only the
 * secret's hash.
 *
 * @throws UsageError when `expires` is over
 */
export function printNewToken(
  config: NewTokenConfig,
  { clock, print }: Pick<Program, "clock" | "print">,
): void {
  const { expires } = config;
  if (expires !== undefined && Date.parse(expires) <= clock.wallTime()) {
    throw new UsageError(
      `Cannot use '${expires}' as --expires: that time is over, type a later one`,
    );
  }
  const random = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  const secret = PREFIX + toBase64Url(random);
  const fields = tokenEntryFor(config, secret);
  if (config.json) return print(JSON.stringify({ secret, entry: fields }, null, 2));
  const entry = JSON.stringify(fields, null, 2);
  print("The secret, shown only now. Give it to the client, as its bearer token:");
  print(`\n  ${secret}\n`);
  print('The entry for the file of --access-file, a list { "tokens": [ … ] }:');
  print(`\n${entry.replace(/^/gm, "  ")}\n`);
  if (config.readOnly) {
    print('It can start no session of its own: with "sessions": "all" it sees those of others.');
  }
}

/** Prints a new key for the file of `--sealing-key-file`: on stdout the key and nothing else. */
export function printNewSealingKey({ print, note }: Pick<Program, "print" | "note">): void {
  print(newSealingKey());
  note("A line for the file of --sealing-key-file. Let nobody read that file but the server.");
}

/** Makes the entry in the format of the file, without limits that are not set. */
function tokenEntryFor(config: NewTokenConfig, secret: string): Record<string, unknown> {
  const { name, expires, agents, agent, environments, files, readOnly, scopes, tools } = config;
  const { maxCostUsd } = config;
  return {
    name,
    sha256: sha256(secret),
    ...(expires !== undefined && { expires }),
    ...(agents && { agents }),
    ...(agent !== undefined && { agent }),
    ...(environments && { environments }),
    ...(files && { files }),
    ...(readOnly && { read_only: true }),
    ...(scopes && { scopes }),
    ...(tools && { tools }),
    ...(maxCostUsd !== undefined && { max_cost_usd: maxCostUsd }),
  };
}
