// Whether a message that is seen is the one that was sent, for any texts, images and documents.
import { assert, assertEquals } from "@std/assert";
import type { AttachmentBlock, ClientEvent, TextBlock } from "../../src/api/types.ts";
import { createRedact } from "../../src/core/redact.ts";
import { contentDigestOf, likenessOf, mayBeSameContent } from "../../src/session/same_event.ts";
import { fc } from "../helpers/fuzz.ts";

type Block = TextBlock | AttachmentBlock;

const redact = createRedact([]);

/** Few words, so that different blocks often make the same text. */
const textArbitrary = fc.constantFrom("a", "b", "ab", "ba", "a b")
  .map((text): Block => ({ type: "text", text }));
const sourceArbitrary = fc.oneof(
  fc.constantFrom("file_1", "file_2").map((file_id) => ({ type: "file", file_id } as const)),
  fc.constantFrom("https://a.example/1", "https://a.example/2")
    .map((url) => ({ type: "url", url } as const)),
);
const attachmentArbitrary = fc.record({
  type: fc.constantFrom("image" as const, "document" as const),
  source: sourceArbitrary,
});
const contentArbitrary: fc.Arbitrary<Block[]> = fc.tuple(
  fc.array(textArbitrary, { maxLength: 3 }),
  fc.array(attachmentArbitrary, { maxLength: 3 }),
).map(([texts, attachments]) => [...texts, ...attachments])
  .filter((content) => content.length > 0);

const message = (content: readonly Block[]): ClientEvent => ({ type: "user.message", content });
const compare = (seen: unknown, sent: readonly Block[]) =>
  likenessOf({ type: "user.message", content: seen }, message(sent), redact);
const joined = (content: readonly Block[]) =>
  JSON.stringify([
    content.flatMap((block) => block.type === "text" ? [block.text] : []).join(""),
    content.filter(({ type }) => type !== "text"),
  ]);

Deno.test("messages are told apart by their texts, images and documents, also those without text", () => {
  fc.assert(
    fc.property(contentArbitrary, contentArbitrary, (sent, other) => {
      assertEquals(compare(sent, sent), "same");
      const isEqual = JSON.stringify(sent) === JSON.stringify(other);
      const expected = isEqual ? "same" : joined(sent) === joined(other) ? "maybe" : "different";
      assertEquals(compare(other, sent), expected);
      assertEquals(
        mayBeSameContent(contentDigestOf(other), contentDigestOf(sent, redact)),
        expected !== "different",
      );
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("a message of which anything is withheld, or shown otherwise, may be the one that was sent", () => {
  const shownAs = fc.constantFrom("as it is", "withheld", "without a source", "as a text");
  fc.assert(
    fc.property(contentArbitrary, fc.array(shownAs, { minLength: 6 }), (sent, ways) => {
      const seen = sent.map((block, index): unknown => {
        const way = ways[index];
        if (way === "withheld") return { type: "redacted" };
        if (way === "without a source" && block.type !== "text") return { type: block.type };
        return way === "as a text" && block.type === "text" ? block.text : block;
      });
      assert(compare(seen, sent) !== "different", JSON.stringify(seen));
      // What is withheld proves nothing.
      if (seen.some((block) => JSON.stringify(block).includes("redacted"))) {
        assertEquals(compare(seen, sent), "maybe");
      }
      assert(mayBeSameContent(contentDigestOf(seen), contentDigestOf(sent, redact)));
    }),
    { numRuns: 3_000 },
  );
});
