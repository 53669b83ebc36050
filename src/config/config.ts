/**
 * The configuration: each command with its settings, frozen, as `resolve.ts` makes it.
 *
 * @module
 */

import type { OAuthSettings } from "../access/access_tokens.ts";
import type { AccessRule } from "../access/rules.ts";
import type { SealingKey } from "../access/sealing_keys.ts";
import type { TokenSettings } from "../access/access_file.ts";
import type { TokenEntry } from "../access/tokens.ts";
import type { FileHostName, HostName } from "../hosts/names.ts";
import type { SHELLS } from "./commands.ts";
import type { DoctorCheck, SETTINGS, Values } from "./settings.ts";

/** The key or token for the API. */
export interface CredentialConfig {
  readonly kind: "api_key" | "auth_token";
  readonly value: string;
  /** The file that it was read from, which is read again when the API rejects it. */
  readonly file?: string;
  /** The flag or variable that names the file; `--api-key-file` when absent. */
  readonly named?: string;
}

/** The HTTP server's address, and the callers that it lets in. */
export interface HttpConfig
  extends Omit<Values<typeof SETTINGS.http>, "drainSeconds" | "lameDuckSeconds">, TokenSettings {
  /** Files of the certificate and its key, both PEM; plain HTTP when absent. */
  readonly tls?: {
    readonly certFile: string;
    readonly keyFile: string;
    /** The flags or variables that name them; `--tls-cert` and `--tls-key` when absent. */
    readonly named?: { readonly cert: string; readonly key: string };
  };
  /** Lets people in who sign in at an authorization server; absent: tokens only. */
  readonly oauth?: OAuthSettings;
  /** Milliseconds for which a server that ends keeps listening and answers 503. */
  readonly drainMs?: number;
  /** Milliseconds before that, for which it works on and says at `/ready` that it will end. */
  readonly lameDuckMs?: number;
}

/** The keys that seal what leaves the server and comes back. */
export interface SealingConfig {
  /** The file that they were read from, once. */
  readonly path: string;
  readonly keys: readonly SealingKey[];
}

/** The log on stderr. */
export type LogConfig = Values<typeof SETTINGS.log>;

/** The API, the parts of it that callers may reach, and limits. */
export type ServerConfig = Values<typeof SETTINGS.server>;

/** `cma-mcp`, `cma-mcp --http`. */
export interface ServeConfig {
  readonly command: "serve";
  readonly server: ServerConfig;
  /** Settings of HTTP; absent for stdio. */
  readonly http?: HttpConfig;
  /** True to use the simulator; then there is no credential. */
  readonly simulate: boolean;
  readonly credential?: CredentialConfig;
  /** The secret that binds sessions to callers; absent where there is only one of them. */
  readonly bindingKey?: string;
  /** Absent: a random key, which ends with the process. */
  readonly sealing?: SealingConfig;
  readonly log: LogConfig;
  /** Sentences for the operator, at start. */
  readonly warnings: readonly string[];
}

/** `cma-mcp` on stdio with an unusable setting: every response to its host says what is wrong. */
export interface UnreadyConfig {
  readonly command: "unready";
  /** One line that says what is wrong and what to type; no secret is in it. */
  readonly message: string;
  readonly log: LogConfig;
}

/** The API as commands for people reach it; what limits the server's callers does not count. */
export interface ApiAccessConfig {
  /** Against the simulator; then there is no credential. */
  readonly simulate: boolean;
  readonly credential?: CredentialConfig;
  readonly server: Pick<ServerConfig, "baseUrl"> & Partial<ServerConfig>;
}

/** `cma-mcp agents`, `sessions`, `environments`. */
export interface ListConfig extends ApiAccessConfig, Values<typeof SETTINGS.lists> {
  readonly command: "agents" | "sessions" | "environments";
  readonly json: boolean;
  /** Only sessions of the agent with this id or name. */
  readonly agent?: string;
  /** Only sessions with this status. */
  readonly status?: string;
  readonly log: LogConfig;
}

/** `cma-mcp ask`. */
export interface AskConfig extends ApiAccessConfig {
  readonly command: "ask";
  /** Id or name; absent only where there is a session. */
  readonly agent?: string;
  /** The message, `-` for stdin; absent to wait for a reply that is under way. */
  readonly text?: string;
  /** The session to go on with. */
  readonly session?: string;
  /** Milliseconds of the longest wait; none when absent. */
  readonly timeoutMs?: number;
  readonly json: boolean;
  readonly log: LogConfig;
}

/** `cma-mcp files`. */
export interface FilesConfig extends ApiAccessConfig, Values<typeof SETTINGS.lists> {
  readonly command: "files";
  readonly session: string;
  /** Id or name of the one to print; absent to list them. */
  readonly file?: string;
  readonly json: boolean;
  readonly log: LogConfig;
}

/** `cma-mcp demo`. */
export interface DemoConfig extends ApiAccessConfig {
  readonly command: "demo";
  /** Id or name of a real agent, or of a certain simulated one. */
  readonly agent?: string;
}

/** `cma-mcp completions`. */
export interface CompletionsConfig {
  readonly command: "completions";
  readonly shell: typeof SHELLS[number];
}

/** `cma-mcp simulator`. */
export interface SimulatorConfig extends Values<typeof SETTINGS.simulator> {
  readonly command: "simulator";
  /** The flags or variables of faults and habits, for errors. */
  readonly named: { readonly faults: string; readonly habits: string };
  readonly log: LogConfig;
}

/** `cma-mcp token new`. */
export interface NewTokenConfig extends Values<typeof SETTINGS.token> {
  readonly command: "token";
  readonly name: string;
  readonly json: boolean;
}

/** `cma-mcp token sealing-key`. */
export interface NewSealingKeyConfig {
  readonly command: "sealing-key";
}

/** `cma-mcp access check`. */
export interface AccessCheckConfig extends Values<typeof SETTINGS.access> {
  readonly command: "access";
  readonly tokens: readonly TokenEntry[];
  /** Absent where there is no file, or no list of them in it. */
  readonly rules?: readonly AccessRule[];
  /** The issuers that the server trusts; none where they are not known. */
  readonly issuers: readonly string[];
  readonly json: boolean;
}

/** `cma-mcp health`: the settings of the server beside it. */
export interface HealthConfig {
  readonly command: "health";
  readonly listenAddress: string;
  readonly port: number;
  /** File of the server's certificate chain, if it serves TLS. */
  readonly certFile?: string;
}

/** An unusable setting. */
export interface SettingProblem {
  /** The doctor's check that reports it. */
  readonly check: DoctorCheck;
  /** One line that says what is wrong and what to type. */
  readonly message: string;
}

/** `cma-mcp doctor`: the server's usable settings, and the problems of the others. */
export interface DoctorConfig {
  readonly command: "doctor";
  readonly server: Partial<ServerConfig>;
  readonly json: boolean;
  /** The MCP host whose entry is checked, in place of the terminal's settings. */
  readonly host?: FileHostName;
  readonly simulate: boolean;
  readonly credential?: CredentialConfig;
  /** Absent without `--http`. */
  readonly http?: HttpConfig;
  readonly sealing?: SealingConfig;
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly string[];
}

/** `cma-mcp config`. */
export interface HostConfig {
  readonly command: "config";
  /** The host; `all` finds what is left of the program in the files of all hosts. */
  readonly host: HostName | "all";
  /** Name of the server in the host. */
  readonly name: string;
  readonly json: boolean;
  readonly simulate: boolean;
  /**
   * Set to print the host's whole file, with or without the server; absent to print the text to
   * paste.
   */
  readonly edit?: "merge" | "remove";
}

/** A command with its settings. */
export type Config =
  | ServeConfig
  | UnreadyConfig
  | DoctorConfig
  | HostConfig
  | SimulatorConfig
  | NewTokenConfig
  | NewSealingKeyConfig
  | AccessCheckConfig
  | HealthConfig
  | ListConfig
  | AskConfig
  | FilesConfig
  | DemoConfig
  | CompletionsConfig
  | { readonly command: "help"; readonly topic?: string }
  | { readonly command: "version" };
