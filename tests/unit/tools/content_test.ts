import { assertEquals } from "@std/assert";
import { redactBlock } from "../../../src/tools/content.ts";

Deno.test("redactBlock() redacts the name of a link, and leaves what it names as it is", () => {
  const redact = (text: string) => text.replaceAll("secret", "[redacted]");
  const link = { type: "resource_link", uri: "cma://a", name: "a secret.csv", size: 3 } as const;
  assertEquals(redactBlock(link, redact), { ...link, name: "a [redacted].csv" });
  const image = { type: "image", data: "secret", mimeType: "image/png" } as const;
  assertEquals(redactBlock(image, redact), image);
});
