import type { SessionEvent } from "../../../src/api/events.ts";
import type { EventMaker } from "../../helpers/events.ts";

/** A log, and what must be made of it. */
export interface TurnCase {
  name: string;
  build: (e: EventMaker) => SessionEvent[];
  after?: number;
  verdict: string;
  reply: string;
  errors?: string[];
}
