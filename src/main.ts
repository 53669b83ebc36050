/**
 * The executable on Deno. The program itself begins in `commands/run.ts`.
 *
 * @module
 */

import { run } from "./commands/run.ts";
import { denoRuntime } from "./runtime/deno.ts";

if (import.meta.main) await run(denoRuntime);
