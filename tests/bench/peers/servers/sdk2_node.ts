import { toNodeHandler } from "@modelcontextprotocol/node";
import { fetchUpstream } from "./fetch_upstream.ts";
import { peerArguments, serveNode } from "./program.ts";
import { handlerOf, serveStreams } from "./sdk2.ts";

const { tools, isOnStdio } = peerArguments(fetchUpstream);
if (isOnStdio) serveStreams(tools);
else serveNode(toNodeHandler(handlerOf(tools)));
