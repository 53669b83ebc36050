import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { ManagedAgentsApi } from "../../../src/api/types.ts";
import { checkCredential, fileCredential } from "../../../src/api/credentials.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { failure, json, KEY, setup } from "./support.ts";

const PAGE = { data: [] };

/** A file whose text the test changes; counts how often it was read. */
function testFile(text: string) {
  const file = { text, reads: 0, broken: false };
  const read = () => {
    file.reads++;
    return file.broken
      ? Promise.reject(new Error("/home/me/key: gone"))
      : Promise.resolve(file.text);
  };
  return { file, credential: fileCredential("api_key", read) };
}

Deno.test("fileCredential() reads once, and again when asked to refresh", async () => {
  const { file, credential } = testFile("  key-one\n");
  assertEquals(await credential(), { kind: "api_key", value: "key-one" });
  file.text = "key-two";
  assertEquals((await credential()).value, "key-one");
  assertEquals((await credential({ refresh: true })).value, "key-two");
  assertEquals((await credential()).value, "key-two");
  assertEquals(file.reads, 2);
});

Deno.test("fileCredential() shares a read between requests that ask at the same time", async () => {
  const { file, credential } = testFile("key-one");
  const values = await Promise.all([credential(), credential(), credential({ refresh: true })]);
  assertEquals(values.map(({ value }) => value), ["key-one", "key-one", "key-one"]);
  assertEquals(file.reads, 1);
});

Deno.test("fileCredential() reports an unreadable file without its path, then recovers", async () => {
  const { file, credential } = testFile("key-one");
  file.broken = true;
  const error = await assertRejects(async () => await credential(), UsageError, "cannot be read");
  assertEquals(error.message.includes("/home"), false);
  file.broken = false;
  assertEquals((await credential()).value, "key-one");
});

Deno.test("fileCredential() keeps what it has when a refresh fails", async () => {
  const { file, credential } = testFile("key-one");
  await credential();
  file.broken = true;
  assertEquals((await credential({ refresh: true })).value, "key-one");
  file.broken = false;
  file.text = " ";
  assertEquals((await credential({ refresh: true })).value, "key-one");
});

Deno.test("checkCredential() refuses what is no header value, without repeating it", () => {
  for (
    const value of ["", "secret word", "secret\nword", "secret\tword", "secrét", "secret\u0000"]
  ) {
    const error = assertThrows(() => checkCredential({ kind: "api_key", value }), UsageError);
    assertEquals(error.message.includes("secr"), false);
  }
});

Deno.test("a credential that no header can carry fails the call without a request", async () => {
  const { api, requests, clock } = setup([], {
    credential: () => ({ kind: "auth_token", value: "secret\r\nx-evil: 1" }),
  });
  const error = await assertRejects(() => api.agents.list({}), UsageError);
  assertEquals(error.message.includes("secret"), false);
  assertEquals([requests.length, clock.pendingTimers], [0, 0]);
});

Deno.test("a read's 401 is followed by one more try with a rotated credential", async () => {
  const { file, credential } = testFile("key-one");
  const { api, requests } = setup([
    json(PAGE),
    failure(401, "authentication_error"),
    json(PAGE),
  ], { credential });
  await api.agents.list({});
  file.text = "key-two";
  await api.agents.list({});
  const keys = requests.map((request) => request.headers.get("x-api-key"));
  assertEquals(keys, ["key-one", "key-one", "key-two"]);
});

const WRITES: readonly [string, (api: ManagedAgentsApi) => Promise<unknown>][] = [
  ["sessions.create()", (api) => api.sessions.create({ agent: "a", environmentId: "e" })],
  ["sessions.archive()", (api) => api.sessions.archive("sesn_1")],
  ["events.send()", (api) => api.events.send("sesn_1", [{ type: "user.interrupt" }])],
];

for (const [name, write] of WRITES) {
  Deno.test(`${name} goes out once, with the credential that the file has by then`, async () => {
    const { file, credential } = testFile("key-one");
    const refuse = failure(401, "authentication_error");
    const { api, requests } = setup([json(PAGE), refuse], { credential });
    await api.agents.list({});
    file.text = "key-two";
    await assertRejects(() => write(api), ApiError, "authentication_error");
    const keys = requests.map((request) => request.headers.get("x-api-key"));
    assertEquals(keys, ["key-one", "key-two"]);
  });

  Deno.test(`${name} goes out with the known credential when the file does not answer`, async () => {
    let reads = 0;
    const credential = fileCredential("api_key", () => {
      return reads++ === 0 ? Promise.resolve("key-one") : new Promise(() => {});
    });
    const refuse = failure(401, "authentication_error");
    const { api, requests, clock } = setup([json(PAGE), refuse], { credential });
    await api.agents.list({});
    await assertRejects(() => clock.runUntil(write(api)), ApiError, "authentication_error");
    assertEquals(requests[1]?.headers.get("x-api-key"), "key-one");
    assertEquals(clock.pendingTimers, 0);
  });
}

Deno.test("a 401 is final when the credential is the same, or the new one is refused too", async () => {
  const same = setup([failure(401, "authentication_error")]);
  const error = await assertRejects(() => same.api.agents.list({}), ApiError);
  assertEquals([error.status, error.type], [401, "authentication_error"]);
  assertEquals(same.requests.length, 1);

  let count = 0;
  const rotating = setup(
    [failure(401, "authentication_error"), failure(401, "authentication_error")],
    { credential: () => ({ kind: "api_key", value: `key-${count++}` }) },
  );
  await assertRejects(() => rotating.api.agents.list({}), ApiError);
  assertEquals(rotating.requests.length, 2);
});

Deno.test("a stream is opened again with a rotated credential", async () => {
  const { file, credential } = testFile("key-one");
  await credential();
  file.text = "key-two";
  const { api, requests } = setup([
    failure(401, "authentication_error"),
    () => new Response("", { headers: { "content-type": "text/event-stream" } }),
  ], { credential });
  (await api.events.stream("sesn_1")).close();
  assertEquals(requests[1]?.headers.get("x-api-key"), "key-two");
});

Deno.test("a credential source that fails fails the call with its own error", async () => {
  const trouble = new UsageError("No key today");
  const { api, clock } = setup([], { credential: () => Promise.reject(trouble) });
  const error = await assertRejects(() => api.sessions.retrieve("sesn_1"), UsageError);
  assertEquals(error, trouble);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a source that fails to refresh leaves the 401 as the error", async () => {
  const { api } = setup([failure(401, "authentication_error")], {
    credential: ({ refresh } = {}) => {
      if (refresh) throw new UsageError("gone");
      return { kind: "api_key", value: KEY };
    },
  });
  assertEquals((await assertRejects(() => api.agents.list({}), ApiError)).status, 401);
});
