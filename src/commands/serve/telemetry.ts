/**
 * Metrics, traces and the count of running calls. The code of metrics and traces is loaded only
 * when the settings ask for them, so that other programs on stdio start without it.
 *
 * @module
 */

import type { RequestInfo } from "../../api/http.ts";
import type { Logger } from "../../core/logger.ts";
import type { CallWatch } from "../../mcp/call_report.ts";
import type { DecisionRecord } from "../../session/answer_sender.ts";
import type { QuestionRecord } from "../../session/person.ts";
import type { Metrics, MetricsSources } from "../../mcp/metrics.ts";
import { VERSION } from "../version.ts";

/** The settings that switch on metrics or traces. */
export interface TelemetryConfig {
  readonly tracing?: boolean;
  readonly metricsPort?: number;
}

/** The observers of calls, of requests to the API, and of people's answers. */
export interface Telemetry {
  readonly watch: CallWatch;
  readonly observe?: (info: RequestInfo) => void;
  readonly onDecided?: (record: DecisionRecord) => void;
  readonly onAsked?: (record: QuestionRecord) => void;
  /** Metrics; absent where nobody can read them. */
  readonly metrics?: Metrics;
  /** Running calls. */
  readonly calls: InFlight;
}

/**
 * Opens the observers that the settings switch on.
 *
 * @param sources read whenever the metrics are
 * @param log gets a warning when this executable cannot make the traces
 */
export async function openTelemetry(
  config: TelemetryConfig,
  sources: Omit<MetricsSources, "version">,
  log: Logger,
): Promise<Telemetry> {
  const { tracing, metricsPort } = config;
  const calls = new InFlight();
  const metrics = metricsPort !== undefined
    ? (await import("../../mcp/metrics.ts")).createMetrics({ version: VERSION, ...sources })
    : undefined;
  const traces = tracing ? await import("../../mcp/tracing.ts") : undefined;
  const spans = traces?.createTracing(VERSION);
  if (spans?.isCollected) traces?.hideLinks();
  // A compiled executable has OpenTelemetry only when that was switched on while it was compiled
  // (https://github.com/denoland/deno/issues/28839).
  if (spans && !spans.isCollected) {
    log.warn(
      "OTEL_DENO has no effect in this executable: run the source with Deno, or compile it with " +
        "OTEL_DENO=true",
    );
  }
  return {
    calls,
    watch: {
      around: (call, run) =>
        calls.track(() => spans?.isCollected ? spans.around(call, run) : run()),
      ...(metrics && { ended: metrics.call }),
    },
    ...(metrics && {
      metrics,
      observe: metrics.upstream,
      onDecided: metrics.decided,
      onAsked: metrics.asked,
    }),
  };
}

/** Counts running work. */
export class InFlight {
  #count = 0;
  readonly #idle = new Set<() => void>();

  get size(): number {
    return this.#count;
  }

  /** Counts `run` until it has settled, and returns its outcome. */
  async track<T>(run: () => Promise<T>): Promise<T> {
    this.#count++;
    try {
      return await run();
    } finally {
      if (--this.#count === 0) {
        for (const resolve of this.#idle) resolve();
        this.#idle.clear();
      }
    }
  }

  /** Resolves when nothing is running, at once if nothing runs now. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.add(resolve));
  }
}
