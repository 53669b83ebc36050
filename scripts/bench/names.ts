/** The benches: each is `tests/bench/<name>.ts`, and the ids of its figures begin with its name. */
export const BENCH_NAMES: readonly string[] = [
  "overhead",
  "turn_end",
  "open_waits",
  "api_requests",
  "sse",
  "start",
  "model_cost",
];
