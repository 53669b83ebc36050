import { assertEquals } from "@std/assert";
import { challengeOf, createResourceMetadata } from "../../../src/http/resource_metadata.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";
const ISSUERS = ["https://b.example.com", "https://a.example.com/"].map((issuer) => ({
  issuer,
  audiences: ["x"],
  tokenTypes: ["at+jwt"],
}));

function metadata(resource: string) {
  return createResourceMetadata({ resource, issuers: ISSUERS }, "/mcp", ["agents:read"]);
}

Deno.test("the document has the resource as people type it, and the issuers in their order", async () => {
  const { fetch, url } = metadata("https://mcp.example.com/agents/mcp");
  const response = fetch(new Request(url));
  assertEquals(await response.json(), {
    resource: "https://mcp.example.com/agents/mcp",
    authorization_servers: ["https://b.example.com", "https://a.example.com/"],
    scopes_supported: ["agents:read"],
    bearer_methods_supported: ["header"],
    resource_name: "Claude Managed Agents",
  });
  assertEquals(response.headers.get("access-control-allow-origin"), "*");
  assertEquals(response.headers.get("cache-control"), "public, max-age=300");
});

for (
  const [resource, url, found, other] of [
    [
      "https://mcp.example.com/mcp",
      `https://mcp.example.com${WELL_KNOWN}/mcp`,
      [WELL_KNOWN, `${WELL_KNOWN}/mcp`],
      [`${WELL_KNOWN}/agents`, `/agents${WELL_KNOWN}`],
    ],
    [
      "https://mcp.example.com/agents/mcp",
      `https://mcp.example.com${WELL_KNOWN}/agents/mcp`,
      // At the root and below the path, whether or not a proxy takes the public path off.
      [
        WELL_KNOWN,
        `${WELL_KNOWN}/mcp`,
        `${WELL_KNOWN}/agents/mcp`,
        `/agents${WELL_KNOWN}`,
        `/agents${WELL_KNOWN}/mcp`,
        `/agents${WELL_KNOWN}/agents/mcp`,
      ],
      [`${WELL_KNOWN}/agents`, `${WELL_KNOWN}/other/mcp`, `${WELL_KNOWN}x`],
    ],
  ] as const
) {
  Deno.test(`the document of ${resource} is found wherever clients look for it`, () => {
    const { isAt, url: own } = metadata(resource);
    assertEquals(own, url);
    assertEquals(found.map(isAt), found.map(() => true));
    assertEquals(other.map(isAt), other.map(() => false));
  });
}

Deno.test("pages of every origin may ask with the header of the protocol's version", () => {
  const { fetch, url } = metadata("https://mcp.example.com/mcp");
  const { status, headers } = fetch(
    new Request(url, { method: "OPTIONS", headers: { origin: "https://any.example" } }),
  );
  const names = ["origin", "methods", "headers"].map((name) => `access-control-allow-${name}`);
  assertEquals([status, ...names.map((name) => headers.get(name))], [
    204,
    "*",
    "GET, HEAD, OPTIONS",
    "MCP-Protocol-Version",
  ]);
  assertEquals(fetch(new Request(url, { method: "HEAD" })).status, 200);
  assertEquals(fetch(new Request(url, { method: "POST" })).status, 405);
});

Deno.test("a challenge stays within the characters of its quoted strings", () => {
  const metadataUrl = "https://mcp.example.com/x";
  assertEquals(
    challengeOf({ scopes: ["agents:read", "actions"], metadataUrl }),
    'Bearer realm="cma-mcp", resource_metadata="https://mcp.example.com/x", scope="agents:read actions"',
  );
  assertEquals(
    challengeOf({
      error: "invalid_token",
      description: 'aud is "x\\y",\r\nnot ü',
      scopes: [],
      metadataUrl,
    }),
    'Bearer realm="cma-mcp", error="invalid_token", ' +
      'error_description="aud is \'x/y\',??not ?", resource_metadata="https://mcp.example.com/x"',
  );
});
