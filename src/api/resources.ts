/**
 * Resources of the Managed Agents API as they cross the wire. Tolerant: unknown fields pass
 * through, and fields that some implementations leave out are optional. Made when they are first
 * used: a start should not wait for them.
 *
 * @module
 */

import * as z from "zod";
import { sessionEventSchema } from "./events.ts";

/** A page of a list. The last page has no `next_page`; an empty page may still have one. */
export interface Page<T> {
  readonly data: T[];
  readonly next_page?: string | null;
}

/** The schema of a page of `item`s; a missing `data` reads as empty. */
export function pageSchema<T>(item: z.ZodType<T>): z.ZodType<Page<T>> {
  return z.lazy(() =>
    z.looseObject({
      data: z.array(item).nullish().transform((data) => data ?? []),
      next_page: z.string().nullish(),
    })
  );
}

const modelSchema = z.lazy(() =>
  z.union([z.string(), z.looseObject({ id: z.string().optional() })])
);

const toolSchema = z.lazy(() =>
  z.looseObject({
    type: z.string().optional(),
    name: z.string().optional(),
    mcp_server_name: z.string().optional(),
  })
);

export const agentSchema = z.lazy(() =>
  z.looseObject({
    id: z.string(),
    name: z.string().nullish(),
    description: z.string().nullish(),
    system: z.string().nullish(),
    model: modelSchema.nullish(),
    version: z.number().nullish(),
    tools: z.array(toolSchema).nullish(),
    mcp_servers: z.array(z.looseObject({ name: z.string().optional() })).nullish(),
    skills: z.array(z.looseObject({})).nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
    created_at: z.string().nullish(),
    updated_at: z.string().nullish(),
    archived_at: z.string().nullish(),
  })
);
/** A versioned agent definition. */
export type Agent = z.infer<typeof agentSchema>;

export const environmentSchema = z.lazy(() =>
  z.looseObject({
    id: z.string(),
    name: z.string().nullish(),
    archived_at: z.string().nullish(),
  })
);
/** What sessions run in. */
export type Environment = z.infer<typeof environmentSchema>;

export const sessionSchema = z.lazy(() =>
  z.looseObject({
    id: z.string(),
    /** `idle`, `running`, `rescheduling`, `terminated`; others pass through. */
    status: z.string(),
    title: z.string().nullish(),
    agent: z.union([z.string(), agentSchema.unwrap().partial()]).nullish(),
    environment_id: z.string().nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
    budget: z.unknown().optional(),
    usage: z.unknown().optional(),
    stats: z.unknown().optional(),
    created_at: z.string().nullish(),
    updated_at: z.string().nullish(),
    archived_at: z.string().nullish(),
  })
);
/** A run of an agent. */
export type Session = z.infer<typeof sessionSchema>;

/** The echo of a send. One implementation answers 202 with no body: then it is empty. */
export const sentEventsSchema = z.lazy(() =>
  z.looseObject({
    data: z.array(sessionEventSchema).nullish().transform((data) => data ?? []),
  })
);
/** What the API says about events that were sent. */
export type SentEvents = z.infer<typeof sentEventsSchema>;
