import { assertEquals } from "@std/assert";
import type { AttachmentBlock, ClientEvent } from "../../../src/api/types.ts";
import { createRedact } from "../../../src/core/redact.ts";
import {
  contentDigestOf,
  type Likeness,
  likenessOf,
  mayBeSameContent,
} from "../../../src/session/same_event.ts";

const SECRET = "hunter2-secret";
const text = { type: "text", text: "Hello" } as const;
const file = (file_id: string, type: AttachmentBlock["type"] = "image"): AttachmentBlock => {
  return { type, source: { type: "file", file_id } };
};
const link = (url: string): AttachmentBlock => ({ type: "image", source: { type: "url", url } });

type Content = Extract<ClientEvent, { type: "user.message" }>["content"];

const word = (text: string) => ({ type: "text", text }) as const;
const withheld = { type: "redacted" } as const;

/** What is sent, what is seen, and how the one compares with the other. */
const CASES: Readonly<Record<string, readonly [Content, unknown, boolean | "maybe"]>> = {
  "the same image": [[text, file("file_1")], [text, file("file_1")], true],
  "another image": [[text, file("file_1")], [text, file("file_2")], false],
  "no image": [[text, file("file_1")], [text], false],
  "an image where there was none": [[text], [text, file("file_1")], false],
  "one image of two": [[file("file_1"), file("file_2")], [file("file_1")], false],
  "two images in another order": [
    [file("file_1"), file("file_2")],
    [file("file_2"), file("file_1")],
    false,
  ],
  "a document of the same file": [[file("file_1")], [file("file_1", "document")], false],
  "a document with a title": [
    [file("file_1", "document")],
    [{ ...file("file_1", "document"), title: null, context: null }],
    true,
  ],
  "the same address": [[link("https://a.example/b")], [link("https://a.example/b")], true],
  "the same address in another spelling": [
    [link("HTTPS://A.example")],
    [link("https://a.example/")],
    true,
  ],
  "another address": [[link("https://a.example/b")], [link("https://a.example/c")], false],
  "an address of which a secret is hidden": [
    [link(`https://a.example/?key=${SECRET}`)],
    [link("https://a.example/?key=[redacted]")],
    true,
  ],
  "a file in place of an address": [[link("https://a.example/b")], [file("file_1")], false],
  "the bytes of an image": [
    [link("https://a.example/b")],
    [{ type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } }],
    true,
  ],
  "an image without a source": [[file("file_1")], [{ type: "image" }], true],
  "another text beside the same image": [
    [text, file("file_1")],
    [{ type: "text", text: "Bye" }, file("file_1")],
    false,
  ],
  "the same texts": [[text, word("Bye")], [text, word("Bye")], true],
  "the same texts in another order": [[text, word("Bye")], [word("Bye"), text], false],
  "one text of two": [[text, word("Bye")], [text], false],
  "a text more": [[text], [text, word("Bye")], false],
  "the texts joined to one": [[text, word("Bye")], [word("HelloBye")], "maybe"],
  "the texts joined to one, as a text": [[text, word("Bye")], "HelloBye", "maybe"],
  "the texts parted otherwise": [[word("ab"), word("c")], [word("a"), word("bc")], "maybe"],
  "the text as a text": [[text], "Hello", true],
  "an empty text beside the same one": [[text], [word(""), text], true],
  "all of it withheld": [[text], [withheld], "maybe"],
  "all of it withheld, text and image": [[text, file("file_1")], [withheld], "maybe"],
  "the text withheld": [[text, file("file_1")], [withheld, file("file_1")], "maybe"],
  "the text withheld beside another image": [
    [text, file("file_1")],
    [withheld, file("file_2")],
    false,
  ],
  "one text of two withheld": [[text, word("Bye")], [text, withheld], "maybe"],
  "a part of the text withheld": [[text], [word("Hel"), withheld], "maybe"],
  "another text beside what is withheld": [[text], [word("Bye"), withheld], false],
};

for (const [what, [sent, seen, expected]] of Object.entries(CASES)) {
  const likeness: Likeness = expected === true ? "same" : expected || "different";

  Deno.test(`a message and a result are ${likeness} beside the ones with ${what}`, () => {
    const redact = createRedact([SECRET]);
    const message: ClientEvent = { type: "user.message", content: sent };
    const result: ClientEvent = {
      type: "user.custom_tool_result",
      custom_tool_use_id: "sevt_1",
      content: sent,
      is_error: false,
    };
    for (const event of [message, result]) {
      const listed = { ...event, id: "sevt_2", content: seen };
      assertEquals(likenessOf(listed, event, redact), likeness, event.type);
    }
    // What may be the message is never told apart from it by its digest.
    const isAlike = mayBeSameContent(contentDigestOf(sent, redact), contentDigestOf(seen));
    if (likeness !== "different") assertEquals(isAlike, true);
    else if (!JSON.stringify(seen).includes("redacted")) assertEquals(isAlike, false);
  });
}
