import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  createRedact,
  hasCredentialField,
  MAX_LEARNED,
  redactValue,
} from "../../../src/core/redact.ts";
import { sha256 } from "../../../src/core/sha256.ts";

const MADE = `cma_${"Az09_-".repeat(8).slice(0, 43)}`;
const KEY = `sk-ant-api03-${"aB3_-x".repeat(16)}`;

/** A text of an agent, and what is left of it: nothing but keys of their full shape is hidden. */
const IN_PROSE: readonly [string, string][] = [
  [`token ${MADE}.`, "token [redacted]."],
  [`{"t":"${MADE}"}`, '{"t":"[redacted]"}'],
  [`export ANTHROPIC_API_KEY=${KEY}\n`, "export ANTHROPIC_API_KEY=[redacted]\n"],
  [`const key_=${KEY};`, "const key_=[redacted];"],
  ...[
    "cma_mcp_owner",
    `${MADE}x`,
    "authorization: `Bearer ${token}`",
    'headers: { "Authorization": `Bearer ${process.env.TOKEN}` }',
    "Use bearer authentication",
    "Set x-api-key: to your own, it begins with sk-ant-api03-",
    "sk-ant-your-key-goes-here-and-not-into-git",
    "curl -u user:password https://user:password@example.com/",
    "Basic authorization: see RFC 7617",
    "Cookie: are they good?",
  ].map((text): [string, string] => [text, text]),
];
for (const [text, expected] of IN_PROSE) {
  Deno.test(`createRedact() of prose: ${text.slice(0, 60)}`, () => {
    assertEquals(createRedact([])(text), expected);
  });
}

/** How an agent may let a known key out by parts; nothing of the key may be left. */
const BODY = "x7Kq-Zt2_Lm9RbVf4WsYc8NdHp3GjTa6QeUo1XiKzMv5BnJr0CyDwSl";
const LONG = `sk-ant-api03-${BODY}`;
const spelled = (spell: (code: string) => string) =>
  [...LONG].map((char) => spell(char.charCodeAt(0).toString(16).padStart(2, "0"))).join("");
const PARTED: readonly [string, string][] = [
  ...["\u200b", "\u00ad", "\n", "\0", "\x1b", "\n\n", " and then ", "\r\n> "].map((
    between,
  ): [string, string] => [
    `parts with ${JSON.stringify(between)} between`,
    `the key: ${LONG.slice(0, 30)}${between}${LONG.slice(30)}, that is it`,
  ]),
  ["three parts, out of order", `${LONG.slice(50)} ${LONG.slice(13, 31)} ${LONG.slice(31, 50)}`],
  ["a part of 12", BODY.slice(7, 19)],
  ["percent escapes", `k=${spelled((code) => `%${code}`)}&x`],
  ["upper-case percent escapes", spelled((code) => `%${code.toUpperCase()}`)],
  ["unicode escapes", `"${spelled((code) => `\\u00${code}`)}"`],
  ["unicode escapes in JSON in JSON", `"${spelled((code) => `\\\\u00${code}`)}"`],
  ["hex escapes", `'${spelled((code) => `\\x${code}`)}'`],
  ["backslashes", [...LONG].map((char) => /[a-z\d]/i.test(char) ? char : `\\${char}`).join("")],
  [
    "percent escapes here and there",
    LONG.replace(/[a-e]/g, (c) => `%${c.charCodeAt(0).toString(16)}`),
  ],
];
for (const [name, text] of PARTED) {
  Deno.test(`thorough() hides a known key in ${name}`, () => {
    const redact = createRedact(["another-secret-0123456789abcdefghij", LONG]);
    for (const clean of [redact.thorough(text), redact.loose(text)]) {
      assert(clean.includes("[redacted]"), clean);
      const plain = decodeURIComponent(clean.replace(/\\+(?:u00|x)/g, "%").replaceAll("\\", ""));
      for (let at = 0; at + 8 <= BODY.length; at++) {
        assert(!plain.includes(BODY.slice(at, at + 8)), `${clean} has ${BODY.slice(at, at + 8)}`);
      }
    }
    // A secret that is learned later is known as well.
    const learning = createRedact([]);
    learning.learn(LONG);
    assertEquals(learning.thorough(text), redact.thorough(text));
  });
}

Deno.test("thorough() finds a part of a secret in JSON text, which escapes quotes and backslashes", () => {
  const secret = 'wlKx5$x"VPl!fE8\\t%Wl#Qe"P,2Lk|M;_6Yj\\+b';
  const redact = createRedact([secret]);
  for (let at = 0; at + 12 <= secret.length; at++) {
    const part = secret.slice(at, at + 12);
    const json = JSON.stringify({ reply: `It begins with ${part} and goes on` });
    assertNotEquals(redact.thorough(json), json, part);
  }
});

Deno.test("thorough() hides a part wherever it stands in a text, and in a secret that repeats itself", () => {
  const secret = "Zq7Kd9Lw2PfR8vXm3TcHZq7Kd9y6BnQzJe5WtZq7Kd9";
  const redact = createRedact([secret, "y6BnQz_Zq7Kd9-another-secret-0123456789"]);
  for (let at = 0; at + 12 <= secret.length; at++) {
    for (let before = 0; before < 6; before++) {
      const pad = "-".repeat(before);
      assertEquals(redact.thorough(`${pad}${secret.slice(at, at + 12)}.`), `${pad}[redacted].`);
    }
  }
});

Deno.test("thorough() hides parts of a random secret that happens to have no digit", () => {
  const secret = "ZMbNYGecBmvZoCAfjydXeUguHPauUlMoomvMHsJCFQO";
  const redact = createRedact([secret]);
  for (let at = 0; at + 12 <= secret.length; at++) {
    assertEquals(redact.thorough(` ${secret.slice(at, at + 12)} `), " [redacted] ");
  }
});

Deno.test("thorough() leaves what is no part of a secret as it is", () => {
  const words = "my-long-secret-of-words-and-nothing-else";
  const redact = createRedact([LONG, words, "0000000000000000000000000000000000001"]);
  for (
    const text of [
      "Keys begin with sk-ant-api03- and go on for long",
      "a-long-secret-of-words",
      "000000000000000000",
      BODY.slice(7, 18),
      "C:\\Users\\name%20of\\file, \\u0041\\u0042 and 100%",
      "%41%42%43%44%45%46%47%48%49%50%51%52%53%54",
    ]
  ) assertEquals(redact.thorough(text), text);
});

/** A text of a log or an API error, and what is left of it. */
const LOOSE: readonly [string, string][] = [
  [`token ${MADE}.`, "token [redacted]."],
  ["key sk-ant-api03-abcdef", "key [redacted]"],
  ["Authorization: Bearer abcdefgh12", "Authorization: Bearer [redacted]"],
  ["bearer dGhpc2lzYXNlY3JldA", "bearer [redacted]"],
  ["x-api-key: abcdefgh", "x-api-key: [redacted]"],
  ['{"x-api-key":"abcdefgh"}', '{"x-api-key":"[redacted]"}'],
  ['"{\\"authorization\\":\\"abcdefgh\\"}"', '"{\\"authorization\\":\\"[redacted]\\"}"'],
  ["Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [redacted]"],
  ["got Basic dXNlcjpwYXNz instead", "got Basic [redacted] instead"],
  ["Proxy-Authorization: Basic YTpi", "Proxy-Authorization: Basic [redacted]"],
  ["authorization=hunter2x", "authorization=[redacted]"],
  ["Set-Cookie: sid=0123456789; Path=/", "Set-Cookie: [redacted]; Path=/"],
  ["https://bob:pa55@mcp.example/sse failed", "https://[redacted]@mcp.example/sse failed"],
  ["postgres://app:p%40ss@db:5432/x", "postgres://[redacted]@db:5432/x"],
  ["git+ssh://ghp_abc@github.com", "git+ssh://[redacted]@github.com"],
  [
    "see https://example.com/a@b and me@example.com",
    "see https://example.com/a@b and me@example.com",
  ],
  ["invalid x-api-key", "invalid x-api-key"],
  ["Use bearer authentication", "Use bearer authentication"],
  ["basic plumbing, bearer of news", "basic plumbing, bearer of news"],
];
for (const [text, expected] of LOOSE) {
  Deno.test(`createRedact().loose() of ${text.slice(0, 60)}`, () => {
    const { loose } = createRedact([]);
    assertEquals(loose(text), expected);
    assertEquals(loose(expected), expected);
  });
}

Deno.test("createRedact() hides known secrets however they are spelled, the longest first", () => {
  const redact = createRedact(['a"secret/1', 'a"secret/1-more', "short"]);
  const encoded = encodeURIComponent('a"secret/1');
  const spellings = [
    'a"secret/1',
    'a\\"secret/1',
    'a\\"secret\\/1',
    encoded,
    encoded.toLowerCase(),
  ];
  for (const text of spellings) {
    assertEquals([redact(`<${text}>`), redact.loose(`<${text}>`)], [
      "<[redacted]>",
      "<[redacted]>",
    ]);
  }
  assertEquals(redact('a"secret/1-more'), "[redacted]");
  assertEquals(redact("short"), "short");
});

Deno.test("createRedact() learns secrets, keeps what it had, and stays bounded", () => {
  const redact = createRedact(["given-secret"]);
  redact.learn("rotated-1");
  redact.learn("rotated-2");
  redact.learn("word");
  assertEquals(
    redact("given-secret rotated-1 rotated-2 word"),
    "[redacted] [redacted] [redacted] word",
  );
  assert(!redact.isClean('{"a":"rotated-1"}'));
  for (let index = 1; index < MAX_LEARNED; index++) redact.learn(`another-${index}`);
  redact.learn("rotated-2");
  redact.learn("the-last-one");
  assertEquals(
    redact("rotated-1 rotated-2 the-last-one given-secret"),
    "rotated-1 [redacted] [redacted] [redacted]",
  );
});

/** A JWT with a signature of its own. */
function jwtOf(signature: string): string {
  const part = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const claims = { iss: "https://login.example.com", sub: "alice", email: "alice@example.com" };
  return `${part({ alg: "ES256", typ: "at+jwt" })}.${part(claims)}.${signature}`;
}
const SIGNATURE = "q8Zr1TnVx5LmWd0KcYb7HsGe3UaJf9PiOo2Bk4Qy6Rt-MzXw_CvNj8ElDh1SgFpIuA";

Deno.test("createRedact() learns a JWT: it is hidden whole, and its signature in parts", () => {
  const redact = createRedact([]);
  const jwt = jwtOf(SIGNATURE);
  const another = jwtOf(SIGNATURE.split("").reverse().join(""));
  for (const text of [jwt, another]) assertEquals(redact.loose(`a ${text} b`), `a ${text} b`);
  redact.learn(jwt);
  // Others are hidden as well: their claims say who somebody is.
  for (const text of [jwt, another, jwt.slice(0, -20), jwt.slice(0, 120)]) {
    for (const hide of [redact, redact.thorough, redact.loose]) {
      assertEquals(hide(`a ${text} b`), "a [redacted] b");
      assertEquals(hide(`{"token":"${text}"}`), '{"token":"[redacted]"}');
    }
    assert(!redact.isClean(JSON.stringify({ text })));
  }
  assert(redact.isClean(JSON.stringify({ text: "no token" })));
  for (let at = 0; at + 12 <= SIGNATURE.length; at++) {
    const part = SIGNATURE.slice(at, at + 12);
    assertEquals(redact.thorough(`It has ${part} in it`), "It has [redacted] in it");
  }
  // What all JWTs have in common is no secret.
  const [header] = jwt.split(".");
  assertEquals(redact.loose(`The header is ${header} here`), `The header is ${header} here`);
});

Deno.test("createRedact() hides a JWT wherever it begins", () => {
  const redact = createRedact([]);
  redact.learn(jwtOf(SIGNATURE));
  const another = jwtOf(SIGNATURE.split("").reverse().join(""));
  for (const before of ["", "\n", "\t", "=", "a.", "token_", "a.b-", "eyJ.", `${another}\n`]) {
    const text = `${before}${another} b`;
    for (const hide of [redact, redact.thorough, redact.loose]) {
      const shown = hide(JSON.stringify(text));
      assert(!shown.includes("eyJhb") && !shown.includes(another.split(".")[1] ?? ""), shown);
      assert(JSON.parse(shown).endsWith("[redacted] b"), shown);
      assertEquals(hide(`${encodeURIComponent(`${before}=`)}${another}`).includes("eyJhb"), false);
    }
  }
  const odd = ".eyJ.eyJabcdefgh.eyJ a.eyJabcdefgh eyJabc.eyJabcdefgh";
  assertEquals(redact(odd), odd);
});

Deno.test("createRedact() forgets the oldest of many, and no other", () => {
  const redact = createRedact([]);
  const learned = Array.from({ length: MAX_LEARNED + 50 }, (_, index) => {
    const unlike = sha256(String(index));
    const secret = index % 2 === 0 ? unlike : jwtOf(unlike);
    redact.learn(secret);
    return secret;
  });
  for (const secret of learned.slice(50)) {
    assertEquals(redact.thorough(`a ${secret} b`), "a [redacted] b");
    assertEquals(redact.thorough(`a ${secret.slice(-40)} b`), "a [redacted] b");
  }
  // What both begin with stays hidden when one of them is forgotten.
  const alike = createRedact([]);
  const [gone, stays] = ["Ab9-Zx", "Kd7-Wq"].map((end) =>
    `${SIGNATURE.slice(0, 30)}${end.repeat(4)}`
  );
  for (const secret of [gone, stays]) alike.learn(secret ?? "");
  for (let index = 1; index < MAX_LEARNED; index++) alike.learn(sha256(`a${index}`));
  assertEquals(alike.thorough(`a ${SIGNATURE.slice(0, 30)} b`), "a [redacted] b");
  const unrelated = createRedact([]);
  for (let index = 0; index < MAX_LEARNED; index++) unrelated.learn(`${index}-Zz`.repeat(12));
  unrelated.learn("first-one-0123456789-abcdefghijKLMNOP");
  for (let index = 0; index < MAX_LEARNED; index++) unrelated.learn(`${index}-Yy`.repeat(12));
  const text = "first-one-0123456789-abcdefghijKLMNOP";
  assertEquals(unrelated.thorough(text), text);
  assertEquals(unrelated.thorough("7-Zz".repeat(12)), "7-Zz".repeat(12));
  assertEquals(unrelated.thorough("7-Yy".repeat(12)), "[redacted]");
});

const JSON_TEXTS: readonly [string, unknown, boolean][] = [
  ["an ordinary value", { reply: 'Say "hello"\n', count: 3 }, true],
  ["a secret", { reply: "it is hunter2-secret" }, false],
  ["a secret as a name", { "hunter2-secret": 1 }, false],
  ["a secret that JSON escapes", { reply: 'quo"ted\\secret' }, false],
  ["a key of any kind", { reply: "sk-ant-x" }, false],
];
for (const [name, value, expected] of JSON_TEXTS) {
  Deno.test(`createRedact().isClean() of ${name} is ${expected}`, () => {
    const redact = createRedact(["hunter2-secret", 'quo"ted\\secret']);
    assertEquals(redact.isClean(JSON.stringify(value)), expected);
  });
}

Deno.test("hasCredentialField() knows the fields that are credentials by their names", () => {
  for (const name of ["Authorization", "x-api-key", "cookie", "Proxy-Authorization"]) {
    assert(hasCredentialField(JSON.stringify({ a: { [name]: "x" } })), name);
  }
  assert(!hasCredentialField(JSON.stringify({ text: '"authorization": x', authorizations: 1 })));
});

Deno.test("redactValue() hides secrets in keys, texts, lists and nested objects", () => {
  const redact = createRedact(["hunter2-secret"]);
  const result = redactValue({
    plain: "fine",
    text: "it is hunter2-secret!",
    list: ["hunter2-secret", 7, null, true],
    nested: { "hunter2-secret": { deep: "Bearer abcdefgh12345678" } },
    headers: { "x-api-key": "0123456789", authorization: "Bearer abcdefgh12345678" },
  }, redact);
  assertEquals(result, {
    plain: "fine",
    text: "it is [redacted]!",
    list: ["[redacted]", 7, null, true],
    nested: { "[redacted]": { deep: "Bearer abcdefgh12345678" } },
    headers: { "x-api-key": "[redacted]", authorization: "[redacted]" },
  });
});

Deno.test("redactValue() does not break a text that quotes a header", () => {
  const text = 'curl -H "authorization: abcdefgh\\"x" {"a":"b"}';
  const result = redactValue({ text }, createRedact([]).loose);
  assertEquals(JSON.parse(JSON.stringify(result)), result);
  assertEquals(result.text, 'curl -H "authorization: [redacted]\\"x" {"a":"b"}');
});
