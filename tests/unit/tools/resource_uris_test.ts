import { assertEquals } from "@std/assert";
import { UriTemplate } from "@modelcontextprotocol/client";
import {
  type Resource,
  RESOURCE_TEMPLATES,
  resourceAt,
  uriOf,
} from "../../../src/tools/resource_uris.ts";

const RESOURCES: readonly (readonly [uri: string, resource: Resource])[] = [
  ["cma://agents/agent_01AB", { kind: "agent", agent_id: "agent_01AB" }],
  ["cma://sessions/sesn_01AB/transcript", { kind: "transcript", session_id: "sesn_01AB" }],
  [
    "cma://sessions/sesn_01AB/transcript?after=sevt_1",
    { kind: "transcript", session_id: "sesn_01AB", after: "sevt_1" },
  ],
  [
    "cma://sessions/sesn_01AB/transcript?after=sevt%2F1%3F%26%23%C3%A9%4030000",
    { kind: "transcript", session_id: "sesn_01AB", after: "sevt/1?&#é@30000" },
  ],
  [
    "cma://sessions/sesn_01AB/files/file_01AB",
    { kind: "file", session_id: "sesn_01AB", file_id: "file_01AB" },
  ],
];

for (const [uri, resource] of RESOURCES) {
  Deno.test(`${uri} is the URI of one resource, there and back`, () => {
    assertEquals(uriOf(resource), uri);
    assertEquals(resourceAt(uri), resource);
  });

  Deno.test(`${uri} is what a client makes of the template`, () => {
    const { kind, ...values } = resource;
    assertEquals(new UriTemplate(RESOURCE_TEMPLATES[kind]).expand(values), uri);
  });
}

Deno.test("a cursor that the client left as it is reads like an encoded one", () => {
  assertEquals(resourceAt("cma://sessions/sesn_1/transcript?after=sevt_1@30000"), {
    kind: "transcript",
    session_id: "sesn_1",
    after: "sevt_1@30000",
  });
});

const UNKNOWN: readonly string[] = [
  "",
  "cma://",
  "cma:agents/agent_1",
  "CMA://agents/agent_1",
  "https://agents/agent_1",
  "file:///etc/passwd",
  "cma://agents",
  "cma://agents/",
  "cma://agents/agent_1/",
  "cma://agents/agent_1/files/file_1",
  "cma://agents/agent_1?version=1",
  "cma://agents/a%2Fb",
  "cma://agents/../sessions/sesn_1/transcript",
  "cma://agents/agent_1#x",
  `cma://agents/${"a".repeat(129)}`,
  "cma://sessions/sesn_1",
  "cma://sessions/sesn_1/",
  "cma://sessions/sesn_1/events",
  "cma://sessions/sesn_1/transcript/",
  "cma://sessions/sesn_1/transcript?",
  "cma://sessions/sesn_1/transcript?after=",
  "cma://sessions/sesn_1/transcript?after=%",
  "cma://sessions/sesn_1/transcript?after=%0A",
  "cma://sessions/sesn_1/transcript?after=a%20b",
  "cma://sessions/sesn_1/transcript?after=%E2%80%AE",
  "cma://sessions/sesn_1/transcript?after=a&after=b",
  "cma://sessions/sesn_1/transcript?after=a?after=b",
  "cma://sessions/sesn_1/transcript?page=2",
  "cma://sessions/sesn_1/files",
  "cma://sessions/sesn_1/files/",
  "cma://sessions/sesn_1/files/..",
  "cma://sessions/sesn_1/files/file_1/content",
  "cma://sessions/sesn_1/files/file_1?after=a",
  "cma://sessions/se sn/transcript",
  `cma://sessions/sesn_1/transcript?after=${"%61".repeat(1_000)}`,
];
for (const uri of UNKNOWN) {
  Deno.test(`'${uri.slice(0, 80)}' names no resource`, () => {
    assertEquals(resourceAt(uri), undefined);
  });
}
