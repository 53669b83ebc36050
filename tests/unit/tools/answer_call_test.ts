import { assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { confirmToolUse } from "../../../src/tools/confirm_tool_use.ts";
import { askingCall } from "../session/asked_support.ts";
import { answering } from "./answer_support.ts";
import { httpError } from "./support.ts";

function open() {
  const least = { tool_name: "bash", result: "deny" };
  return answering(confirmToolUse, (e) => [askingCall(e, {})], least);
}

Deno.test("answerCall() says that it is not known whether an answer arrived, and never repeats it", async () => {
  const session = open();
  session.send = () =>
    Promise.reject(new ApiError("Lost.", { kind: "connection_lost", origin: "https://api.test" }));
  const { clock, answer, sent } = session;
  const first = await clock.runUntil(answer());
  assertEquals(first.outcome, "unknown");
  assertMatch(
    String(first.next),
    /^The API's response was lost\. .* not sent again\. Call wait_for_idle .* in the Console\.$/,
  );
  session.send = (event) => session.take(event);
  assertEquals((await clock.runUntil(answer())).outcome, "unknown");
  assertEquals(sent.length, 1);
});

Deno.test("answerCall() passes on why the API refused an answer, which may then be sent again", async () => {
  const session = open();
  const refused = httpError(400);
  session.send = () => Promise.reject(refused);
  assertStrictEquals(await assertRejects(() => session.answer(), ApiError), refused);
  session.send = (event) => session.take(event);
  assertEquals((await session.answer()).outcome, "sent");
});

Deno.test("answerCall() tells that the answer came too late where the API refused it for another", async () => {
  const session = open();
  session.send = () => {
    const tool_use_id = String(session.ids[0]);
    session.take({ type: "user.tool_confirmation", tool_use_id, result: "allow" });
    return Promise.reject(httpError(400));
  };
  assertEquals((await session.answer()).outcome, "answered_elsewhere");
});

Deno.test("answerCall() sends nothing for a call that changed, or ended, since it was read", async () => {
  for (
    const [code, change] of [
      ["changed", { input: { command: "rm -r /" } }],
      ["not_waiting", { type: "agent.tool_use_gone" }],
    ] as const
  ) {
    const { list, ids, services, refusal, sent } = open();
    const { events } = services.api;
    let reads = 0;
    const api = {
      ...services.api,
      events: {
        ...events,
        list: async (...args: Parameters<typeof events.list>) => {
          const page = await events.list(...args);
          if (++reads === 1) {
            const at = list.events.findIndex(({ id }) => id === ids[0]);
            const event = list.events[at];
            if (event) list.events[at] = { ...event, ...change };
          }
          return page;
        },
      },
    };
    assertEquals((await refusal({}, { services: { ...services, api } })).code, code);
    assertEquals(sent, []);
  }
});

Deno.test("answerCall() sends nothing once the caller has lost the right to act", async () => {
  const { answer, sent, services } = open();
  const scopes = ["actions" as const];
  const principal = { id: "ci", scopes };
  const answers: typeof services.answers = Object.create(services.answers, {
    send: {
      value: (...args: Parameters<typeof services.answers.send>) => {
        scopes.length = 0;
        return services.answers.send(...args);
      },
    },
  });
  await assertRejects(
    () => answer({}, { principal, services: { ...services, answers } }),
    ToolError,
  );
  assertEquals(sent, []);
});

Deno.test("answerCall() ends with the reason of its signal", async () => {
  const session = open();
  const controller = new AbortController();
  const reason = new Error("Cancelled.");
  session.send = () => {
    controller.abort(reason);
    return Promise.reject(reason);
  };
  const { signal } = controller;
  assertStrictEquals(await assertRejects(() => session.answer({}, { signal })), reason);
});

Deno.test("answerCall() names no tool that the caller lacks", async () => {
  const has = () => false;
  const { answer, refusal } = open();
  const told = [
    (await refusal({ event_id: "sevt_no" }, { has })).message,
    (await answer({}, { has })).next,
    (await answer({}, { has })).next,
  ].join(" ");
  assertEquals(/wait_for_idle|get_session|_tool_/.exec(told), null, told);
});
