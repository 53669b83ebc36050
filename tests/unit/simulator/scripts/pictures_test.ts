import { assertEquals } from "@std/assert";
import { parsePicture } from "../../../../src/simulator/scripts/pictures.ts";
import { dig, play, story } from "../helpers.ts";

Deno.test("parsePicture() reads a tool of a server, and an address", () => {
  assertEquals(parsePicture("image charts/draw"), {
    type: "image",
    server: "charts",
    name: "draw",
  });
  const url = "https://charts.example/1.pdf";
  assertEquals(parsePicture(`document charts/report ${url}`), {
    type: "document",
    server: "charts",
    name: "report",
    url,
  });
  for (const line of ["image", "image charts", "images a/b", "image a/b file:///etc/passwd"]) {
    assertEquals(parsePicture(line), undefined);
  }
});

for (
  const [line, mediaType, beginning] of [
    ["image charts/draw", "image/png", "\x89PNG"],
    ["document charts/report", "application/pdf", "%PDF"],
  ] as const
) {
  Deno.test(`the script agent follows "${line}"`, async () => {
    const { simulator, events, id } = await play("script", line, 500);
    const listed = await events(id);
    assertEquals(story(listed).slice(2), [
      ...["agent.mcp_tool_use", "agent.mcp_tool_result", "session.status_idle end_turn"],
    ]);
    const result = listed.find(({ type }) => type === "agent.mcp_tool_result");
    const source = dig(result, "content", "1", "source");
    assertEquals(dig(source, "media_type"), mediaType);
    assertEquals(atob(String(dig(source, "data"))).slice(0, 4), beginning);
    simulator.close();
  });
}
