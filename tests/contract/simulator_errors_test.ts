import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  APIConnectionError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from "@anthropic-ai/sdk";
import { sdkBench, userMessage } from "./simulator_client.ts";

Deno.test("an unknown session, agent or environment is a NotFoundError with a request id", async () => {
  const { client: { beta } } = sdkBench();
  const calls = [
    () => beta.sessions.retrieve("sesn_x"),
    () => beta.sessions.events.list("sesn_x"),
    () => beta.sessions.events.stream("sesn_x"),
    () => beta.sessions.events.send("sesn_x", { events: [userMessage("Hello")] }),
    () => beta.sessions.archive("sesn_x"),
    () => beta.agents.retrieve("agent_x"),
    () => beta.environments.retrieve("env_x"),
  ];
  for (const call of calls) {
    const error = await assertRejects(async () => void await call(), NotFoundError);
    assertEquals(error.type, "not_found_error");
    assertMatch(error.requestID ?? "", /^req_/);
  }
});

Deno.test("a limit beyond the maximum is a BadRequestError", async () => {
  const { client: { beta } } = sdkBench();
  const error = await assertRejects(
    async () => void await beta.agents.list({ limit: 101 }),
    BadRequestError,
    "100",
  );
  assertEquals(error.type, "invalid_request_error");
});

Deno.test("an unknown query parameter is a BadRequestError that names the valid ones", async () => {
  const { client, simulator } = sdkBench();
  const id = simulator.createSession();
  await assertRejects(
    () =>
      client.get(`/v1/sessions/${id}/events?after=sevt_1`, {
        headers: { "anthropic-beta": "managed-agents-2026-04-01" },
      }),
    BadRequestError,
    "types[]",
  );
});

Deno.test("the wrong key is an AuthenticationError, the right one is not", async () => {
  const wrong = sdkBench({}, "another-key");
  const error = await assertRejects(
    async () => void await wrong.client.beta.agents.list(),
    AuthenticationError,
  );
  assertEquals(error.type, "authentication_error");
  const right = sdkBench({}, "test-key");
  assertEquals((await right.client.beta.agents.list()).data.length > 0, true);
});

Deno.test("one read too many is a RateLimitError with retry-after", async () => {
  const { client } = sdkBench({ readRequestsPerMinute: 1 });
  await client.beta.agents.list();
  const error = await assertRejects(
    async () => void await client.beta.agents.list(),
    RateLimitError,
  );
  assertEquals([error.type, error.headers?.get("retry-after")], ["rate_limit_error", "60"]);
});

Deno.test("a send to an archived session is a ConflictError with invalid_request_error", async () => {
  const { client: { beta: { sessions } }, simulator } = sdkBench();
  const id = simulator.createSession();
  await sessions.archive(id);
  const error = await assertRejects(
    async () => void await sessions.events.send(id, { events: [userMessage("Hello")] }),
    ConflictError,
  );
  assertEquals(error.type, "invalid_request_error");
});

Deno.test("archiving or deleting a running session is a BadRequestError", async () => {
  const { client: { beta: { sessions } }, simulator } = sdkBench();
  const id = simulator.createSession({ status: "running" });
  await assertRejects(async () => void await sessions.archive(id), BadRequestError, "interrupt");
  await assertRejects(async () => void await sessions.delete(id), BadRequestError, "interrupt");
});

Deno.test("the SDK throws its own errors for an overloaded API and for a broken connection", async () => {
  const { client: { beta }, simulator } = sdkBench();
  simulator.faults.add({ times: 1, fault: { kind: "status", status: 529 } });
  const error = await assertRejects(
    async () => void await beta.agents.list(),
    InternalServerError,
  );
  assertEquals([error.status, error.type], [529, "overloaded_error"]);
  simulator.faults.add({ times: 1, fault: { kind: "reset" } });
  await assertRejects(async () => void await beta.agents.list(), APIConnectionError);
});
