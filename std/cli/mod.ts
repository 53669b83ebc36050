/**
 * Stand-in for `jsr:@std/cli` where only the npm registry can be reached.
 *
 * @module
 */

export * from "./parse_args.ts";
