/**
 * Stand-in for `jsr:@std/http` where only the npm registry can be reached: no more than the project
 * uses, with the same names and results.
 *
 * @module
 */

export * from "./negotiation.ts";
export * from "./status.ts";
