/**
 * Opens a client of the API: over the network, or of the built-in simulator.
 *
 * @module
 */

import { type Connections, createConnections, withoutConnections } from "../api/connections.ts";
import { type CredentialSource, fileCredential } from "../api/credentials.ts";
import { checkSecret } from "../config/checks.ts";
import type { CredentialConfig } from "../config/config.ts";
import { fileError } from "../core/errors.ts";
import { type Proxy, proxyFor } from "../core/proxy.ts";
import type { Program } from "../runtime/program.ts";

/** A client of the API, and its connections. */
export interface Upstream {
  readonly baseUrl: string;
  readonly credential: CredentialSource;
  readonly proxy?: Proxy;
  readonly connections: Connections;
  /** Frees connections and timers. Idempotent. */
  close(): void;
}

/** Opens the client of an API over the network; it sends nothing yet. */
export function remoteUpstream(
  baseUrl: string,
  credential: CredentialConfig,
  program: Pick<Program, "clock" | "env" | "readFile" | "openHttpClient">,
): Upstream {
  const connections = createConnections(program.openHttpClient, program.clock);
  return {
    baseUrl,
    proxy: proxyFor(new URL(baseUrl), program.env),
    credential: credentialSource(credential, program),
    connections,
    close: () => connections.close(),
  };
}

/** Starts a simulator in this process; it accepts any key. */
export async function simulatedUpstream(program: Pick<Program, "clock">): Promise<Upstream> {
  const { createSimulator } = await import("../simulator/mod.ts");
  const simulator = createSimulator({ clock: program.clock });
  return {
    baseUrl: "http://simulator.invalid",
    credential: () => ({ kind: "api_key", value: "simulator-asks-for-no-key" }),
    connections: withoutConnections((request) => simulator.fetch(request)),
    close: () => simulator.close(),
  };
}

function credentialSource(
  { kind, value, file, named = "--api-key-file" }: CredentialConfig,
  program: Pick<Program, "readFile">,
): CredentialSource {
  if (file === undefined) return () => ({ kind, value });
  // The client reads the file again when the API rejects the key.
  return fileCredential(kind, async () => {
    const text = await program.readFile(file).catch((error) => {
      throw fileError(error, file, named);
    });
    return checkSecret(text.trim(), `'${file}' (${named})`);
  });
}
