import { assertEquals } from "@std/assert";
import { redactBlock } from "../../../src/tools/content.ts";

Deno.test("redactBlock() redacts the name of a link and the text of a file, and nothing else", () => {
  const redact = (text: string) => text.replaceAll("secret", "[redacted]");
  const link = { type: "resource_link", uri: "cma://a", name: "a secret.csv", size: 3 } as const;
  assertEquals(redactBlock(link, redact), { ...link, name: "a [redacted].csv" });
  const image = { type: "image", data: "secret", mimeType: "image/png" } as const;
  assertEquals(redactBlock(image, redact), image);
  const resource = { uri: "cma://secret", mimeType: "text/plain" };
  const text = { type: "resource", resource: { ...resource, text: "a secret" } } as const;
  assertEquals(redactBlock(text, redact), {
    ...text,
    resource: { ...resource, text: "a [redacted]" },
  });
  const bytes = { type: "resource", resource: { ...resource, blob: "secret" } } as const;
  assertEquals(redactBlock(bytes, redact), bytes);
});
