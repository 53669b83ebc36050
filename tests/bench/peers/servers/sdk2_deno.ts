import { serveUntilStdinEnds } from "../../../helpers/child_server.ts";
import { fetchUpstream } from "./fetch_upstream.ts";
import { peerArguments } from "./program.ts";
import { handlerOf, serveStreams } from "./sdk2.ts";

const { tools, isOnStdio } = peerArguments(fetchUpstream);
if (isOnStdio) serveStreams(tools);
else {
  const handler = handlerOf(tools);
  await serveUntilStdinEnds((request) => handler.fetch(request));
}
