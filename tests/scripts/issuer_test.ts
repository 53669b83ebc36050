import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { decodeJwt } from "jose";
import { ISSUER } from "../../scripts/issuer.ts";
import { AuthorizationServer, PEOPLE } from "../helpers/authorization_server.ts";
import { runDeno } from "../helpers/run_deno.ts";

const RUN = ["run", "-q", "-P=issuer", "scripts/issuer.ts"];
const RESOURCE = "http://127.0.0.1:3000/mcp";

Deno.test("the issuer for trying asks for a person who is there, and for a resource", () => {
  const complaints = (...words: string[]) =>
    ISSUER.complaints?.({ port: 9000, minutes: 10, opaque: false }, words);
  assertEquals(complaints(), []);
  assertEquals(complaints("bob", RESOURCE), []);
  assertEquals(complaints("carol", RESOURCE), [
    'Nobody is called "carol": there are alice and bob',
  ]);
  assertEquals(complaints("bob")?.length, 1);
  assertEquals(complaints("toString", RESOURCE)?.length, 1);
});

Deno.test("the issuer for trying prints an access token of one that runs", async () => {
  await using server = await AuthorizationServer.start();
  const { port } = new URL(server.issuer);
  const { code, stdout } = await runDeno([...RUN, "--port", port, "bob", RESOURCE, "agents:read"]);
  assertEquals(code, 0);
  const { iss, aud, sub, scope, groups } = decodeJwt(stdout.trim());
  assertEquals([iss, aud, sub, scope, groups], [
    server.issuer,
    RESOURCE,
    "bob",
    "agents:read",
    PEOPLE.bob.groups,
  ]);
});

Deno.test("the issuer for trying says in a line that its port is taken, or that nobody is there", async () => {
  await using server = await AuthorizationServer.start();
  const { port } = new URL(server.issuer);
  const taken = await runDeno([...RUN, "--port", port]);
  assertEquals(taken.code, 1);
  assertMatch(taken.stderr, new RegExp(`^It failed at port ${port}: .*\\n$`));
  await server.goDown();
  const alone = await runDeno([...RUN, "--port", port, "alice", RESOURCE]);
  assertEquals(alone.code, 1);
  assertStringIncludes(alone.stderr, `It failed at port ${port}: `);
});

Deno.test("the issuer for trying runs until it is told to end", async () => {
  await using free = await AuthorizationServer.start();
  const { port } = new URL(free.issuer);
  await free.goDown();
  const child = new Deno.Command(Deno.execPath(), {
    args: [...RUN, "--port", port, "--opaque"],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("secret ")) {
    const { value, done } = await reader.read();
    if (done) break;
    said += value;
  }
  assertStringIncludes(said, `The issuer is ${free.issuer}.`);
  const token = await runDeno([...RUN, "--port", port, "alice", RESOURCE]);
  assertMatch(token.stdout, /^[\w-]{43}\n$/);
  child.kill("SIGTERM");
  await reader.cancel();
  assertEquals((await child.status).code, 0);
});
