/**
 * An API whose responses are ready, so that the time of a call is that of the server in front of it.
 * `/asked` lists the requests since the last time.
 *
 * @module
 */

import { RESPONSES } from "./canned.ts";
import { serveUntilStdinEnds } from "../../helpers/child_server.ts";

/** Requests that the upstream had. */
export interface Asked {
  readonly requests: number;
  /** Path and query of the first of them. */
  readonly targets: readonly string[];
}

const MAX_TARGETS = 10;
const ORIGIN = /^https?:\/\/[^/]+/;

const encoder = new TextEncoder();
const bodies = new Map([...RESPONSES].map(([path, body]) => [path, encoder.encode(body)]));
const init = {
  headers: { "content-type": "application/json", "request-id": "req_01M83KPZBC00001F0A3M5T7WQY" },
};

let requests = 0;
let targets: string[] = [];

function handle({ url }: Request): Response {
  const target = url.replace(ORIGIN, "");
  if (target === "/asked") {
    const asked: Asked = { requests, targets };
    requests = 0;
    targets = [];
    return Response.json(asked);
  }
  requests++;
  if (targets.length < MAX_TARGETS) targets.push(target);
  const [path = ""] = target.split("?", 1);
  const body = bodies.get(path);
  return body ? new Response(body, init) : new Response(null, { status: 404 });
}

if (import.meta.main) await serveUntilStdinEnds(handle);
