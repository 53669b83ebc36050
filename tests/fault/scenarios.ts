import { MESSAGE_SCENARIOS } from "./message_scenarios.ts";
import type { Scenario } from "./scenario.ts";
import { SESSION_SCENARIOS } from "./session_scenarios.ts";

/** Everything that a wait must answer right although the network works. */
export const SCENARIOS: readonly Scenario[] = [...MESSAGE_SCENARIOS, ...SESSION_SCENARIOS];
