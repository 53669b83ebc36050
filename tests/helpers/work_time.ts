import process from "node:process";

/**
 * Milliseconds for which this process has worked: what a machine does besides does not make what is
 * measured by it slower.
 */
export function workedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
