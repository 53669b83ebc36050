/**
 * Loads the parts of the Prometheus client that this program uses. Its own entry also loads metrics
 * of the process, which need OpenTelemetry, pushing and clusters: 52 KB of code.
 *
 * @module
 */

import type * as prometheus from "@platformatic/prom-client";
import counter from "@platformatic/prom-client/lib/counter.js";
import gauge from "@platformatic/prom-client/lib/gauge.js";
import histogram from "@platformatic/prom-client/lib/histogram.js";
import registry from "@platformatic/prom-client/lib/registry.js";

// These modules have no types of their own.

/** Counts what only grows. */
export const Counter: typeof prometheus.Counter = counter;

/** Shows a value as it is now. */
export const Gauge: typeof prometheus.Gauge = gauge;

/** Counts values by their size. */
export const Histogram: typeof prometheus.Histogram = histogram;

/** Renders all metrics that are in it. */
export const Registry: typeof prometheus.Registry = registry;
