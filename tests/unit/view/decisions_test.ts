import { assert, assertEquals } from "@std/assert";
import { MAX_REASON_CHARS } from "../../../src/session/answer_sender.ts";
import { WRONG_PROOF } from "../../../src/session/watched_session.ts";
import { MAX_MESSAGE_CHARS } from "../../../src/tools/send_message.ts";
import { LOOK_AGAIN_MS, MAX_PROOF_AGE_MS } from "../../../src/view/decisions.ts";
import {
  type OpenRequest,
  pendingCall,
  type Reply,
  SESSION,
  toolFailure,
  toolResult,
  ViewWorld,
  waitResult,
  watched,
} from "../../helpers/view_world.ts";

const outcome = (word: string) => ({ args }: OpenRequest): Reply => ({
  result: toolResult({ ...args, outcome: word }),
});

/** A page whose call runs, with calls that wait. */
async function decidable(...calls: readonly ReturnType<typeof pendingCall>[]) {
  const world = await new ViewWorld().start();
  wait(world, ...calls);
  world.input();
  await world.advance(100);
  return world;
}

function wait(world: ViewWorld, ...calls: readonly ReturnType<typeof pendingCall>[]): void {
  world.watched = watched({
    status: calls.length > 0 ? "requires_action" : "running",
    pending: calls,
    proofs: Object.fromEntries(calls.map(({ event_id: id }) => [id, `proof-${id}`])),
  });
}

Deno.test("what the person decides is sent once, with the call's proof", async () => {
  const world = await decidable(pendingCall("sevt_1"), pendingCall("sevt_2"));
  world.replies.answer_tool_use = outcome("sent");
  assertEquals(world.state.pending.map(({ state }) => state), ["waits", "waits"]);
  world.actions.allow("sevt_1");
  world.actions.allow("sevt_1");
  world.actions.deny("sevt_1", "changed my mind");
  assertEquals(world.pending("sevt_1")?.state, "sending");
  world.actions.deny("sevt_2", "Use ls.");
  await world.advance(5_000);
  world.actions.allow("sevt_1");
  assertEquals(world.of("answer_tool_use").map(({ args }) => args), [
    { session_id: SESSION, event_id: "sevt_1", proof: "proof-sevt_1", result: "allow" },
    {
      session_id: SESSION,
      event_id: "sevt_2",
      proof: "proof-sevt_2",
      result: "deny",
      deny_message: "Use ls.",
    },
  ]);
  // The reads still list them: what was sent stays said.
  assertEquals(world.pending("sevt_1"), {
    call: pendingCall("sevt_1"),
    state: "over",
    outcome: "sent",
    result: "allow",
  });
  wait(world);
  await world.advance(2_000);
  assertEquals(world.pending("sevt_2")?.outcome, "sent");
});

Deno.test("custom tools are answered, others decided on, and never the other way round", async () => {
  const world = await decidable(
    pendingCall("sevt_1", { kind: "custom_tool_result" }),
    pendingCall("sevt_2", { may_allow: false }),
  );
  world.replies.answer_tool_use = outcome("sent");
  world.actions.allow("sevt_1");
  world.actions.deny("sevt_1", "");
  world.actions.allow("sevt_2");
  world.actions.answer("sevt_2", "yes", false);
  world.actions.allow("sevt_3");
  await world.advance(100);
  assertEquals(world.of("answer_tool_use"), []);
  world.actions.answer("sevt_1", "42", true);
  world.actions.deny("sevt_2", "  ");
  await world.advance(100);
  assertEquals(world.of("answer_tool_use").map(({ args }) => args), [
    {
      session_id: SESSION,
      event_id: "sevt_1",
      proof: "proof-sevt_1",
      result: "answer",
      text: "42",
      is_error: true,
    },
    { session_id: SESSION, event_id: "sevt_2", proof: "proof-sevt_2", result: "deny" },
  ]);
});

Deno.test("a reason and an answer go out within the bounds of the tool", async () => {
  const world = await decidable(
    pendingCall("sevt_1"),
    pendingCall("sevt_2", { kind: "custom_tool_result" }),
  );
  world.replies.answer_tool_use = outcome("sent");
  world.actions.deny("sevt_1", "r".repeat(20_000));
  world.actions.answer("sevt_2", "a".repeat(200_000), false);
  await world.advance(100);
  const sent = world.of("answer_tool_use").map(({ args }) => args);
  assertEquals(
    sent.map(({ deny_message, text }) => String(deny_message ?? text).length),
    [MAX_REASON_CHARS, MAX_MESSAGE_CHARS],
  );
});

Deno.test("without a proof nobody can decide", async () => {
  const world = await decidable();
  world.watched = watched({ status: "requires_action", pending: [pendingCall("sevt_1")] });
  await world.advance(1_000);
  assertEquals(world.pending("sevt_1")?.state, "unable");
  world.actions.allow("sevt_1");
  await world.advance(100);
  assertEquals(world.of("answer_tool_use"), []);
});

Deno.test("a proof that the call's result brings decides on no other input than came with it", async () => {
  const world = await decidable();
  world.watched = watched({ status: "requires_action", pending: [pendingCall("sevt_1")] });
  await world.advance(1_000);
  // No read brings the other input to the page.
  world.watched = undefined;
  const result = waitResult({
    status: "requires_action",
    pending_actions: [{ event_id: "sevt_1", kind: "tool_confirmation", name: "bash" }],
  });
  const proofs = { sevt_1: "proof-of-another" };
  world.result(result, { pending: [pendingCall("sevt_1", { input: '{"command":"rm"}' })], proofs });
  await world.advance(100);
  assertEquals(world.pending("sevt_1")?.call.input, pendingCall("sevt_1").input);
  world.actions.allow("sevt_1");
  await world.advance(100);
  assertEquals(world.of("answer_tool_use"), []);
  world.result(result, { pending: [pendingCall("sevt_1")], proofs: { sevt_1: "proof" } });
  world.actions.allow("sevt_1");
  await world.advance(100);
  assertEquals(world.of("answer_tool_use").map(({ args }) => args.proof), ["proof"]);
});

Deno.test("where the host asks by a form, the page waits until the call has ended", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  assert(world.watched);
  world.watched = { ...world.watched, can: { ...world.watched.can, asks_by_form: true } };
  await world.advance(1_000);
  assertEquals(world.pending("sevt_1")?.state, "form_first");
  world.actions.allow("sevt_1");
  await world.advance(100);
  assertEquals(world.of("answer_tool_use"), []);
  world.result(waitResult({ status: "requires_action" }));
  assertEquals(world.pending("sevt_1")?.state, "waits");
  world.replies.answer_tool_use = outcome("sent");
  world.actions.allow("sevt_1");
  await world.advance(100);
  assertEquals(world.of("answer_tool_use").length, 1);
});

Deno.test("each outcome is said, and none of these can be decided again", async () => {
  for (const word of ["repeated", "answered_elsewhere", "gone", "unknown", "of tomorrow"]) {
    const world = await decidable(pendingCall("sevt_1"));
    world.replies.answer_tool_use = outcome(word);
    world.actions.allow("sevt_1");
    await world.advance(5_000);
    const { state, outcome: said } = world.pending("sevt_1") ?? {};
    assertEquals([state, said], ["over", word === "of tomorrow" ? "unknown" : word]);
    world.actions.allow("sevt_1");
    await world.advance(100);
    assertEquals(world.of("answer_tool_use").length, 1);
  }
});

Deno.test("a call that has changed is fetched, shown anew, and decided anew", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  world.replies.answer_tool_use = outcome("changed");
  const other = pendingCall("sevt_1", { input: '{"command":"rm"}' });
  wait(world, other);
  world.actions.allow("sevt_1");
  await world.advance(30);
  assertEquals(world.pending("sevt_1")?.outcome, "changed");
  await world.advance(1_000);
  const { state, call, outcome: said } = world.pending("sevt_1") ?? {};
  assertEquals([state, call, said], ["failed", other, "changed"]);
  await world.advance(LOOK_AGAIN_MS);
  world.replies.answer_tool_use = outcome("sent");
  world.actions.deny("sevt_1", "");
  await world.advance(100);
  assertEquals(world.of("answer_tool_use").length, 2);
  assertEquals(world.pending("sevt_1")?.outcome, "sent");
});

Deno.test("a call that changes under the person's eyes takes no click in passing", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  world.replies.answer_tool_use = outcome("sent");
  wait(world, pendingCall("sevt_1", { input: '{"command":"rm"}' }));
  await world.advance(1_000);
  world.actions.allow("sevt_1");
  await world.advance(100);
  assertEquals(world.of("answer_tool_use"), []);
  assertEquals(world.pending("sevt_1")?.outcome, "changed");
});

Deno.test("an answer that was refused can be given again", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  world.replies.answer_tool_use = () => ({ result: toolFailure("Too many calls. Try in 5 s.") });
  world.actions.allow("sevt_1");
  await world.advance(5_000);
  assertEquals(world.of("answer_tool_use").length, 1);
  const { state, failure } = world.pending("sevt_1") ?? {};
  assertEquals([state, failure], ["failed", "Too many calls. Try in 5 s."]);
  world.replies.answer_tool_use = outcome("sent");
  world.actions.allow("sevt_1");
  await world.advance(100);
  assertEquals(world.pending("sevt_1")?.outcome, "sent");
});

const ENDED = toolFailure(`${WRONG_PROOF}, so nothing was sent.`);

Deno.test("a proof that has ended is fetched anew, and the answer sent once more", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  world.replies.answer_tool_use = (request) =>
    request.args.proof === "fresh" ? outcome("sent")(request) : { result: ENDED };
  assert(world.watched);
  world.watched = { ...world.watched, proofs: { sevt_1: "fresh" } };
  world.actions.allow("sevt_1");
  await world.advance(2_000);
  const sent = world.of("answer_tool_use").map(({ args }) => args.proof);
  assertEquals(sent, ["proof-sevt_1", "fresh"]);
  assertEquals(world.pending("sevt_1")?.outcome, "sent");
});

Deno.test("a second proof that is refused ends the attempt", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  world.replies.answer_tool_use = () => ({ result: ENDED });
  world.actions.allow("sevt_1");
  await world.advance(30_000);
  assertEquals(world.of("answer_tool_use").length, 2);
  assertEquals(world.pending("sevt_1")?.state, "failed");
});

Deno.test("an answer that failed for another reason goes out once, whatever its text speaks of", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  world.replies.answer_tool_use = () => ({ result: toolFailure("No proof that it was sent.") });
  world.actions.allow("sevt_1");
  await world.advance(30_000);
  assertEquals(world.of("answer_tool_use").length, 1);
  assertEquals(world.pending("sevt_1")?.state, "failed");
});

Deno.test("with a fresh proof goes only the call that was shown", async () => {
  for (const given of [{ input: '{"command":"rm"}' }, { left_out: 300 }]) {
    const world = await decidable(pendingCall("sevt_1", { left_out: given.left_out }));
    world.replies.answer_tool_use = () => ({ result: ENDED });
    wait(world, pendingCall("sevt_1", given));
    world.actions.allow("sevt_1");
    await world.advance(2_000);
    assertEquals(world.of("answer_tool_use").length, 1);
    assertEquals(world.pending("sevt_1")?.state, "failed");
  }
});

Deno.test("a proof that is too old is not sent", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  world.replies.answer_tool_use = outcome("sent");
  // Nothing can be read for long.
  const { watched: before } = world;
  world.watched = undefined;
  await world.advance(MAX_PROOF_AGE_MS + 60_000);
  world.actions.allow("sevt_1");
  await world.advance(60_000);
  assertEquals(world.of("answer_tool_use"), []);
  assertEquals(world.pending("sevt_1")?.state, "failed");
  world.watched = before;
  await world.advance(60_000);
  world.actions.allow("sevt_1");
  await world.advance(100);
  assertEquals(world.pending("sevt_1")?.outcome, "sent");
});

Deno.test("an answer that the host does not answer is doubtful until a read tells", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  world.replies.answer_tool_use = () => undefined;
  world.actions.allow("sevt_1");
  await world.advance(59_000);
  assertEquals(world.pending("sevt_1")?.state, "sending");
  await world.advance(1_050);
  assertEquals(world.pending("sevt_1")?.outcome, "unknown");
  await world.advance(3_000);
  // It still waits.
  assertEquals(world.pending("sevt_1")?.state, "failed");
  world.replies.answer_tool_use = outcome("repeated");
  world.actions.allow("sevt_1");
  await world.advance(100);
  assertEquals(world.pending("sevt_1")?.outcome, "repeated");
});

Deno.test("a call that was answered elsewhere, or went, says so", async () => {
  const world = await decidable(pendingCall("sevt_1"), pendingCall("sevt_2"));
  world.watched = watched({
    timeline: {
      entries: [{ key: "sevt_1", kind: "tool", name: "bash", state: "done", decision: "deny" }],
      is_whole: true,
      cursor: "c2",
    },
  });
  await world.advance(1_000);
  assertEquals(
    world.state.pending.map(({ state, outcome }) => [state, outcome]),
    [["over", "answered_elsewhere"], ["over", "gone"]],
  );
  assertEquals(world.state.tell, undefined);
});

Deno.test("a call that a read between two answers lacks can be decided when it is back", async () => {
  const world = await decidable(pendingCall("sevt_1"), pendingCall("sevt_2"));
  const both = world.watched;
  world.watched = watched();
  await world.advance(1_000);
  assertEquals(world.pending("sevt_2")?.outcome, "gone");
  world.watched = both;
  await world.advance(1_000);
  // While it takes no answer, it looks like it: no click is lost without a sign.
  assertEquals([world.pending("sevt_2")?.state, world.pending("sevt_2")?.isLocked], [
    "waits",
    true,
  ]);
  world.watched = undefined;
  await world.advance(LOOK_AGAIN_MS);
  assertEquals(world.shown.at(-1)?.pending.map(({ isLocked }) => isLocked), [
    undefined,
    undefined,
  ]);
  world.replies.answer_tool_use = outcome("sent");
  world.actions.allow("sevt_2");
  await world.advance(100);
  assertEquals(world.pending("sevt_2")?.outcome, "sent");
});

Deno.test("the calls of a result are shown until a read knows better", async () => {
  const world = await new ViewWorld().start();
  world.watched = undefined;
  const action = { event_id: "sevt_1", kind: "tool_confirmation", name: "bash" };
  world.result(waitResult({ status: "requires_action", pending_actions: [action] }), {
    proofs: { sevt_1: "old" },
    pending: [pendingCall("sevt_1")],
  });
  assertEquals(world.pending("sevt_1"), { call: pendingCall("sevt_1"), state: "waits" });
  world.watched = watched();
  await world.advance(60_000);
  assertEquals(world.state.pending, []);
});

Deno.test("without what the result gives to the page, its calls can only be seen", async () => {
  const world = await new ViewWorld().start();
  world.watched = undefined;
  const action = { event_id: "sevt_1", kind: "tool_confirmation", name: "bash", agent: "Helper" };
  world.result(waitResult({ status: "requires_action", pending_actions: [action] }));
  assertEquals(world.pending("sevt_1"), {
    call: pendingCall("sevt_1", { input: "", may_allow: false, subagent: "Helper" }),
    state: "unable",
  });
});

Deno.test("a server that cannot reach the session lets no call vanish", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  world.watched = watched({ status: "requires_action", connection_error: "No connection." });
  await world.advance(1_000);
  assertEquals(world.pending("sevt_1")?.state, "waits");
});

Deno.test("a call that went while its proof was fetched anew is gone, and nothing is sent", async () => {
  const world = await decidable(pendingCall("sevt_1"));
  world.replies.answer_tool_use = () => ({ result: ENDED });
  wait(world);
  world.actions.allow("sevt_1");
  await world.advance(1_100);
  assertEquals(world.of("answer_tool_use").length, 1);
  const { state, outcome } = world.pending("sevt_1") ?? {};
  assertEquals([state, outcome], ["over", "gone"]);
});
