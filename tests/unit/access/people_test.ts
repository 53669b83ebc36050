import { assert, assertEquals } from "@std/assert";
import type { AcceptedToken, OAuthSettings } from "../../../src/access/access_tokens.ts";
import { createPeople } from "../../../src/access/people.ts";
import { type Grants, personId } from "../../../src/access/principal.ts";
import type { AccessRule } from "../../../src/access/rules.ts";
import { createSealer } from "../../../src/access/sealing.ts";
import { createTokenRegistry } from "../../../src/access/tokens.ts";

const ISSUER = "https://login.example.com";
const OTHER = "https://other.example.com";

const SETTINGS: OAuthSettings = {
  resource: "https://mcp.example.com/mcp",
  issuers: [ISSUER, OTHER].map((issuer) => ({ issuer, audiences: ["a"], tokenTypes: ["at+jwt"] })),
  hashSubjects: false,
};

const STAFF: AccessRule = {
  name: "staff",
  issuer: ISSUER,
  when: { claim: "groups", values: ["staff"] },
  scopes: ["agents:read", "sessions:read", "sessions:write"],
  agents: ["agent_1"],
  ratePerMinute: 5,
  maxWaits: 2,
};

function tokenOf(fields: Partial<AcceptedToken> = {}): AcceptedToken {
  return {
    kind: "accepted",
    issuer: ISSUER,
    subject: "alice",
    scopes: ["agents:read", "sessions:read"],
    claims: { groups: ["staff"], email: "alice@example.com" },
    expiresAtMs: 1_000,
    method: "jwt",
    ...fields,
  };
}

function peopleOf(rules?: readonly AccessRule[], settings: Partial<OAuthSettings> = {}) {
  const registry = createTokenRegistry([], rules);
  const sealer = createSealer([new Uint8Array(32).fill(7)]);
  const people = createPeople({ settings: { ...SETTINGS, ...settings }, registry, sealer });
  return { people, registry };
}

Deno.test("a person may do what both the rule and the access token's scopes allow", async () => {
  const { people } = peopleOf([STAFF]);
  const found = await people.of(tokenOf({ scopes: ["agents:read", "actions"] }));
  assertEquals(found, {
    kind: "person",
    ratePerMinute: 5,
    principal: {
      id: personId({ issuer: ISSUER, subject: "alice" }),
      person: { issuer: ISSUER, subject: "alice", rule: "staff" },
      agents: ["agent_1"],
      maxWaits: 2,
      sessions: "own",
      scopes: ["agents:read"],
      missingScopes: ["sessions:read", "sessions:write"],
    },
  });
});

Deno.test("a person has every limit of the rule that fits, and nothing else of it", async () => {
  const limits: Grants = {
    agents: ["agent_1"],
    agent: "agent_1",
    environments: ["env_1"],
    files: ["file_1"],
    tools: ["core"],
    sessions: "all",
    maxWaits: 1,
    maxCalls: 2,
    maxCostUsd: 2.5,
  };
  const { people } = peopleOf([{ ...STAFF, ...limits }]);
  const found = await people.of(tokenOf());
  assert(found.kind === "person");
  const { id: _id, person: _person, scopes: _scopes, missingScopes: _missing, ...rest } =
    found.principal;
  assertEquals(rest, limits);
});

Deno.test("a scope that a rule takes is not missing: no sign-in brings it", async () => {
  const { people } = peopleOf([{ ...STAFF, scopes: undefined, readOnly: true }]);
  const found = await people.of(tokenOf({ scopes: ["agents:read", "sessions:write"] }));
  assert(found.kind === "person");
  const { scopes, missingScopes, readOnly } = found.principal;
  assertEquals([scopes, missingScopes, readOnly], [["agents:read"], ["sessions:read"], true]);
});

Deno.test("without rules a person has what the scopes give, and the own sessions", async () => {
  const { people } = peopleOf();
  const found = await people.of(
    tokenOf({ scopes: ["agents:read", "sessions:read", "sessions:write", "actions"] }),
  );
  assert(found.kind === "person");
  const { person, missingScopes, sessions, agents } = found.principal;
  assertEquals(person, { issuer: ISSUER, subject: "alice" });
  assertEquals([missingScopes, sessions, agents], [undefined, "own", undefined]);
});

Deno.test("nobody comes in where there are rules and none fits, an empty list among them", async () => {
  for (const rules of [[STAFF], []]) {
    const found = await peopleOf(rules).people.of(tokenOf({ claims: { groups: ["guests"] } }));
    assertEquals(found, { kind: "no_rule", person: { issuer: ISSUER, subject: "alice" } });
  }
});

Deno.test("the same subject at two issuers is two people", async () => {
  const { people } = peopleOf();
  const ids = await Promise.all([ISSUER, OTHER].map(async (issuer) => {
    const found = await people.of(tokenOf({ issuer }));
    return found.kind === "person" ? found.principal.id : undefined;
  }));
  assertEquals(new Set(ids).size, 2);
  assert(ids.every((id) => id?.startsWith("[")));
});

Deno.test("a subject of up to 255 plain characters names a person, and no other", async () => {
  const { people } = peopleOf();
  for (const subject of ["a", "x".repeat(255), "ü".repeat(255), 'auth0|"quoted"\\']) {
    assertEquals((await people.of(tokenOf({ subject }))).kind, "person", subject);
  }
  for (const subject of ["", "x".repeat(256), "a\nb", "a\u0000", "\ud800"]) {
    assertEquals(await people.of(tokenOf({ subject })), { kind: "bad_subject" });
  }
});

Deno.test("the hash of a subject is the same at all replicas with the key, and no other person's", async () => {
  const hash = async (fields: Partial<AcceptedToken> = {}, key = 7) => {
    const sealer = createSealer([new Uint8Array(32).fill(key)]);
    const registry = createTokenRegistry([]);
    const settings = { ...SETTINGS, hashSubjects: true };
    const found = await createPeople({ settings, registry, sealer }).of(tokenOf(fields));
    return found.kind === "person" ? found.principal.person.subjectHash : undefined;
  };
  const alice = await hash();
  assert(alice !== undefined && /^[\w-]{22}$/.test(alice), alice);
  assertEquals(await hash(), alice);
  for (const other of [await hash({ subject: "bob" }), await hash({ issuer: OTHER })]) {
    assert(other !== alice);
  }
  assert(await hash({}, 8) !== alice);
});

Deno.test("the hash of a subject is by a key for nothing else", async () => {
  const found = await peopleOf([], { hashSubjects: true }).people.of(tokenOf());
  const [key] = await createSealer([new Uint8Array(32).fill(7)]).macKeys("subject hash");
  assert(key && found.kind === "no_rule");
  const id = new TextEncoder().encode(JSON.stringify([ISSUER, "alice"]));
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, id));
  const hash = mac.toBase64({ alphabet: "base64url" }).slice(0, 22);
  assertEquals(found.person?.subjectHash, hash);
});

Deno.test("again() gives a person the right to read sessions alone, by the rule as it is now", async () => {
  const { people, registry } = peopleOf([STAFF]);
  const maker = { issuer: ISSUER, subject: "alice", rule: "staff" };
  const now = await people.again(maker);
  assertEquals([now?.principal.scopes, now?.principal.agents], [["sessions:read"], ["agent_1"]]);
  assertEquals(now?.principal.sessions, "own");
  registry.replace([], [{ ...STAFF, agents: ["agent_2"], scopes: ["agents:read"] }]);
  const later = await people.again(maker);
  assertEquals([later?.principal.scopes, later?.principal.agents], [[], ["agent_2"]]);
});

Deno.test("again() gives nobody whose rule or issuer is gone, or another's", async () => {
  const maker = { issuer: ISSUER, subject: "alice", rule: "staff" };
  const { people, registry } = peopleOf([STAFF]);
  assert(await people.again(maker));
  assertEquals(await people.again({ issuer: ISSUER, subject: "alice" }), undefined);
  assertEquals(await people.again({ ...maker, issuer: OTHER }), undefined);
  registry.replace([], [{ ...STAFF, issuer: OTHER }]);
  assertEquals(await people.again(maker), undefined);
  registry.replace([], [{ ...STAFF, name: "all" }]);
  assertEquals(await people.again(maker), undefined);
  registry.replace([]);
  assertEquals(await people.again(maker), undefined);
  assert(await people.again({ issuer: ISSUER, subject: "alice" }));
  const [, second] = SETTINGS.issuers;
  const moved = peopleOf([STAFF], { issuers: second ? [second] : [] });
  assertEquals(await moved.people.again(maker), undefined);
});
