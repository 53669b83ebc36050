/**
 * Metrics of the server for a Prometheus collector. Labels have few values: tools, outcomes and
 * statuses, never an id or a token's name.
 *
 * @module
 */

import type * as prometheus from "@platformatic/prom-client";
import type { RequestInfo } from "../api/http.ts";
import type { ProcessUsage } from "../core/process_usage.ts";
import { publishedHash } from "../tools/published_name.ts";
import type { Scope } from "../access/scopes.ts";
import type { CallReport } from "./call_report.ts";
import { Counter, Gauge, Histogram, Registry } from "./prometheus.ts";
import type { DecisionRecord } from "../session/answer_sender.ts";
import type { QuestionRecord } from "../session/person.ts";
import type { WaiterStats } from "../session/waiter.ts";

/** Metrics in a text format. */
export interface MetricsPage {
  readonly contentType: string;
  /** Renders the metrics as they are now. */
  render(): Promise<string>;
}

/** Counts events, and renders them as metrics. */
export interface Metrics extends MetricsPage {
  /** Counts a tool call that has ended. */
  call(report: CallReport): void;
  /** Counts an attempt at a request to the API. */
  upstream(info: RequestInfo): void;
  /** Counts a person's decision on a tool call, when it is over. */
  decided(record: DecisionRecord): void;
  /** Counts a question to a person, when it is over. */
  asked(record: QuestionRecord): void;
  /** Counts a download by a link, when it is over. */
  downloaded(report: { readonly outcome: string; readonly bytes: number }): void;
  /** Counts an error response to an HTTP request. */
  refused(status: number): void;
  /** Counts what became of a request's authentication. */
  authenticated(method: string, outcome: string): void;
  /** Counts a scope that a request lacked, for which a new sign-in was asked. */
  scopeMissing(scope: Scope): void;
  /** Adds what an HTTP server is doing; once. */
  addServer(server: ServerSources): void;
}

/** Sources of {@linkcode createMetrics}, read whenever the page is rendered. */
export interface MetricsSources {
  readonly version: string;
  readonly waits: () => WaiterStats;
  /** Most waits that may be open. */
  readonly maxWaits?: number;
  /** Other calls: how many run, and how many may. */
  readonly calls: () => { readonly running: number; readonly max: number };
  readonly usage: () => Promise<ProcessUsage>;
}

/** Sources of {@linkcode Metrics.addServer}, read whenever the page is rendered; none asks the API. */
export interface ServerSources {
  readonly isDraining: () => boolean;
  /** True if calls would be served, as far as that is known; undefined until it is. */
  readonly isReady: () => boolean | undefined;
  readonly connections: () => { readonly open: number; readonly closedForRoom: number };
  readonly tokens: () => number;
  readonly rules: () => number;
  /** When the TLS certificate ends, in seconds since 1970; undefined without one. */
  readonly certificateEndSec?: number;
}

/** Upper bounds of wait times, in seconds; a wait ends after ten minutes at the latest. */
const WAIT_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600];
const CALL_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const OVERHEAD_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5];

/** Most outcomes and statuses from elsewhere that are counted by name. */
const MAX_NAMES = 100;

/**
 * Makes metrics in a registry of their own: nothing of the process is measured that would need
 * permissions.
 */
export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <T extends string>(name: string, help: string, ...labelNames: T[]) =>
    new Counter({ name: `cma_mcp_${name}`, help, labelNames, registers });
  const histogram = <T extends string>(
    name: string,
    help: string,
    buckets: number[],
    ...labelNames: T[]
  ) => new Histogram({ name: `cma_mcp_${name}`, help, buckets, labelNames, registers });
  const boundedOutcome = boundedNames();
  const boundedRule = boundedNames();

  const calls = counter("calls_total", "Tool calls that have ended", "tool", "outcome");
  const errors = counter("errors_total", "Tool calls that failed or were refused", "type");
  const refusals = counter("http_refusals_total", "HTTP error responses", "status");
  const authentications = counter(
    "authentications_total",
    "Requests by how they showed who sends them, and what became of that",
    "method",
    "outcome",
  );
  const scopes = counter(
    "missing_scopes_total",
    "Scopes for which a new sign-in was asked",
    "scope",
  );
  const ruleCalls = counter("rule_calls_total", "Tool calls of people that have ended", "rule");
  const limited = counter("limiter_refusals_total", "Calls that a limit rejected", "limit");
  const requests = counter("upstream_requests_total", "Requests to the API", "endpoint", "status");
  const decisions = counter(
    "decisions_total",
    "Decisions of people on tool calls",
    "decision",
    "outcome",
    "channel",
  );
  const questions = counter("questions_total", "Questions to people", "channel", "answer");
  const downloads = counter("downloads_total", "Downloads by links", "outcome");
  const downloadBytes = counter("download_bytes_total", "Bytes of downloads by links");
  const durations = histogram("call_duration_seconds", "Calls, less waits", CALL_BUCKETS, "tool");
  const waited = histogram("wait_duration_seconds", "Waits", WAIT_BUCKETS, "status");
  const overhead = histogram(
    "call_overhead_seconds",
    "Time of calls, less waits, in which no request to the API ran",
    OVERHEAD_BUCKETS,
  );
  // A collector sees no increase in what begins with 1.
  for (const status of [401, 403, 429, 500, 503]) refusals.inc({ status: String(status) }, 0);
  for (const limit of ["rate", "waits", "calls"]) limited.inc({ limit }, 0);
  for (const method of ["jwt", "introspection"]) {
    authentications.inc({ method, outcome: "unavailable" }, 0);
  }
  addGauges(registry, sources);
  const showUsage = addProcess(registry);

  return {
    call({ tool: called, kind, verdict, outcome: named, durationMs, upstreamMs, caller }) {
      const tool = publishedHash(called) === undefined ? called : "published";
      const outcome = boundedOutcome(named);
      calls.inc({ tool, outcome });
      if (caller && "issuer" in caller) {
        ruleCalls.inc({ rule: caller.rule === undefined ? "" : boundedRule(caller.rule) });
      }
      if (verdict === "failed" || verdict === "refused") errors.inc({ type: outcome });
      const limit = LIMIT_OF_OUTCOME[outcome];
      if (limit !== undefined) limited.inc({ limit });
      // The length of a wait says nothing about this server.
      if (kind === "wait") return waited.observe({ status: outcome }, durationMs / 1_000);
      durations.observe({ tool }, durationMs / 1_000);
      overhead.observe(Math.max(0, durationMs - upstreamMs) / 1_000);
    },
    upstream({ method, path, status }) {
      requests.inc({ endpoint: endpointOf(method, path), status: String(status ?? "none") });
    },
    decided({ decision, outcome, channel }) {
      decisions.inc({ decision, outcome, channel });
    },
    asked({ channel, answer }) {
      questions.inc({ channel, answer });
    },
    downloaded({ outcome, bytes }) {
      downloads.inc({ outcome: boundedOutcome(outcome) });
      const limit = LIMIT_OF_OUTCOME[outcome];
      if (limit !== undefined) limited.inc({ limit });
      downloadBytes.inc(bytes);
    },
    authenticated(method, outcome) {
      authentications.inc({ method, outcome });
    },
    scopeMissing(scope) {
      scopes.inc({ scope });
    },
    refused(status) {
      refusals.inc({ status: String(status) });
      if (status === 429) limited.inc({ limit: "rate" });
    },
    addServer: (server) => addServerGauges(registry, server),
    contentType: registry.contentType,
    async render() {
      showUsage(await sources.usage());
      return await registry.metrics();
    },
  };
}

const LIMIT_OF_OUTCOME: Readonly<Record<string, string>> = {
  too_many_waits: "waits",
  too_many_calls: "calls",
};

function addGauges(
  registry: prometheus.Registry,
  { version, waits, maxWaits, calls }: MetricsSources,
): void {
  const gauge = gaugesOf(registry);
  gauge("open_waits", "Waits that are open", () => waits().openWaits);
  gauge("max_waits", "Waits that may be open at once", () => maxWaits);
  gauge("running_calls", "Other calls that run", () => calls().running);
  gauge("max_calls", "Other calls that may run at once", () => calls().max);
  gauge("upstream_streams", "Event streams that are open", () => waits().openStreams);
  readCounter(
    registry,
    "upstream_reconnects_total",
    "Event streams that were opened again",
    () => waits().reconnects,
  );
  new Gauge({
    name: "cma_mcp_build_info",
    help: "Always 1; the version is in the label",
    labelNames: ["version"],
    registers: [registry],
  }).set({ version }, 1);
}

function addServerGauges(
  registry: prometheus.Registry,
  { isDraining, isReady, connections, tokens, rules, certificateEndSec }: ServerSources,
): void {
  const gauge = gaugesOf(registry);
  gauge("ready", "1 if /ready answered 200 when it was last asked, else 0", () => {
    const ready = isReady();
    return ready === undefined ? undefined : Number(ready);
  });
  gauge("draining", "1 once new calls are turned away before the end", () => Number(isDraining()));
  gauge("connections", "Connections of clients that are open", () => connections().open);
  readCounter(
    registry,
    "connections_closed_for_room_total",
    "Idle connections that were closed because no more files could be opened",
    () => connections().closedForRoom,
  );
  gauge("tokens", "Tokens that are known, expired ones too", tokens);
  gauge("rules", "Rules for people who sign in", rules);
  gauge(
    "certificate_end_time_seconds",
    "When the TLS certificate ends, in seconds since 1970",
    () => certificateEndSec,
  );
}

/** Makes the function that adds a gauge, which has no value while its source has none. */
function gaugesOf(registry: prometheus.Registry) {
  return (name: string, help: string, read: () => number | undefined) =>
    new Gauge({
      name: `cma_mcp_${name}`,
      help,
      registers: [registry],
      collect() {
        const value = read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
}

/** Adds a counter whose count is kept elsewhere. */
function readCounter(
  registry: prometheus.Registry,
  name: string,
  help: string,
  read: () => number,
): void {
  new Counter({
    name: `cma_mcp_${name}`,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/**
 * Adds the metrics that every Prometheus client library has by these names, except those that
 * cannot be read here.
 *
 * @returns the function that shows new values in them
 */
function addProcess(registry: prometheus.Registry): (used: ProcessUsage) => void {
  const registers = [registry];
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `process_${name}`, help, registers });
  const cpu = new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time, in seconds",
    registers,
  });
  const start = gauge("start_time_seconds", "Start of the process, in seconds since 1970");
  const memory = gauge("resident_memory_bytes", "Resident memory");
  const files = {
    open: gauge("open_fds", "Files that are open, sockets among them"),
    max: gauge("max_fds", "Files that may be open at once"),
  };
  return ({ startedAtSec, residentBytes, cpuSec, openFiles, maxFiles }) => {
    cpu.reset();
    cpu.inc(cpuSec);
    start.set(startedAtSec);
    memory.set(residentBytes);
    for (const [one, value] of [[files.open, openFiles], [files.max, maxFiles]] as const) {
      if (value === undefined) one.remove();
      else one.set(value);
    }
  };
}

/** Matches ids in paths of the API's collections. */
const ID_SEGMENT = /\/(agents|environments|files|sessions|threads)\/[^/]+/g;

/** Returns the request without its ids, such as `GET /v1/sessions/{id}/events`. */
function endpointOf(method: string, path: string): string {
  return `${method} ${path.replace(ID_SEGMENT, "/$1/{id}")}`;
}

/**
 * Makes the function that keeps the first hundred names apart; an API that invents more must not
 * fill the memory.
 */
function boundedNames(): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.size < MAX_NAMES && /^[a-z0-9_.-]{1,64}$/i.test(name)) known.add(name);
    return known.has(name) ? name : "other";
  };
}
