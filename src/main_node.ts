/**
 * The program on Node: what the npm package starts. The program itself begins in `commands/run.ts`.
 *
 * @module
 */

import "./runtime/node_polyfills.ts";
import { run } from "./commands/run.ts";
import { nodeRuntime } from "./runtime/node.ts";

await run(nodeRuntime);
