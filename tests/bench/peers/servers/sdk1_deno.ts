import { serveUntilStdinEnds } from "../../../helpers/child_server.ts";
import { fetchUpstream } from "./fetch_upstream.ts";
import { peerArguments } from "./program.ts";
import { respond, serveStreams } from "./sdk1.ts";

const { tools, isOnStdio } = peerArguments(fetchUpstream);
if (isOnStdio) await serveStreams(tools);
else await serveUntilStdinEnds((request) => respond(tools, request));
