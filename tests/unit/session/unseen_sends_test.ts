import { assertEquals } from "@std/assert";
import { EventHistory } from "../../../src/session/event_history.ts";
import { readEvent } from "../../../src/session/event_types.ts";
import { UnseenSends } from "../../../src/session/unseen_sends.ts";
import { eventMaker } from "../../helpers/events.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

function setUp() {
  const clock = new ManualClock();
  const history = new EventHistory();
  const sends = new UnseenSends(clock);
  return { clock, history, sends, has: () => sends.has("sesn_1", history), e: eventMaker() };
}

Deno.test("UnseenSends keeps a send until the history shows its event", () => {
  const { sends, history, has, e } = setUp();
  const [other, sent] = [e.user("other"), e.user("sent")].map(readEvent);
  sends.add("sesn_1", sent?.id);
  assertEquals(sends.has("sesn_2", history), false);
  if (other) history.add(other);
  assertEquals(has(), true);
  if (sent) history.add(sent);
  assertEquals(has(), false);
});

Deno.test("UnseenSends forgets a send after 30 seconds, or after the given time", async () => {
  const { clock, sends, has } = setUp();
  sends.add("sesn_1", "sevt_never");
  await clock.advance(29_999);
  assertEquals(has(), true);
  await clock.advance(1);
  assertEquals(has(), false);
  sends.add("sesn_1", "sevt_never", undefined, 500);
  await clock.advance(500);
  assertEquals(has(), false);
});

Deno.test("UnseenSends knows a message without an id by its text, each event once", () => {
  const { sends, history, has, e } = setUp();
  const event = readEvent(e.user("the same words"));
  const message = { contentDigest: event.contentDigest ?? "", mayBe: () => true };
  sends.add("sesn_1", undefined, message);
  history.add(readEvent(e.user("other words")));
  assertEquals(has(), true);
  history.add(event);
  assertEquals(has(), false);
  sends.add("sesn_1", undefined, message);
  assertEquals(has(), true);
});

Deno.test("UnseenSends does not take an event from before the send for the message", () => {
  const { sends, history, has, e } = setUp();
  const event = readEvent(e.user("the same words"));
  history.add(event);
  sends.add("sesn_1", undefined, {
    contentDigest: event.contentDigest ?? "",
    mayBe: ({ id }) => id !== event.id,
  });
  assertEquals(has(), true);
});

/** A message of images alone. */
const images = (...fileIds: string[]) => ({
  content: fileIds.map((file_id) => ({ type: "image", source: { type: "file", file_id } })),
});

Deno.test("UnseenSends tells messages of images alone apart, unless one does not say what it shows", () => {
  const { sends, history, has, e } = setUp();
  const event = readEvent(e.user("", images("file_1")));
  sends.add("sesn_1", undefined, { contentDigest: event.contentDigest ?? "", mayBe: () => true });
  history.add(readEvent(e.user("", images("file_2"))));
  history.add(readEvent(e.user("", images("file_1", "file_1"))));
  history.add(readEvent(e.user("")));
  assertEquals(has(), true);
  history.add(readEvent(e.user("", { content: [{ type: "image" }] })));
  assertEquals(has(), false);
});

Deno.test("UnseenSends takes a message for the one that names the same images rather than none", () => {
  const { sends, history, has, e } = setUp();
  const event = readEvent(e.user("", images("file_1")));
  const message = { contentDigest: event.contentDigest ?? "", mayBe: () => true };
  const nameless = readEvent(e.user("", { content: [{ type: "image" }] }));
  history.add(nameless);
  history.add(event);
  sends.add("sesn_1", undefined, message);
  assertEquals(has(), false);
  // The other one is left for another message.
  sends.add("sesn_1", undefined, message);
  assertEquals(has(), false);
  sends.add("sesn_1", undefined, message);
  assertEquals(has(), true);
});
