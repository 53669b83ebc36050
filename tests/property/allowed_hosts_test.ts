// A suffix of host names lets in the names below it, and nobody else.
import { assertEquals } from "@std/assert";
import { checkHostHeader } from "../../src/config/checks.ts";
import { hostSuffix } from "../../src/core/addresses.ts";
import { createGuard } from "../../src/http/guard.ts";
import { anyCharacter, fc, fuzzRuns } from "../helpers/fuzz.ts";

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,6}[a-z0-9])?$/);
const anyLabels = (minLength: number) => fc.array(label, { minLength, maxLength: 4 });
const port = fc.constantFrom("", ":443", ":8080");

/** Returns whether a guard for `suffix` answers a request for `host` with 421. */
function isRefused(suffix: string, host: string): boolean {
  const guard = createGuard({ allowedHosts: [suffix], allowedOrigins: [], maxBodyBytes: 1 });
  const request = new Request("http://localhost/mcp", { method: "POST", headers: { host } });
  // The URL has the host too where a server makes the request.
  Object.defineProperty(request, "url", { value: `http://${host}/mcp` });
  return guard.check(request)?.status === 421;
}

Deno.test("a suffix accepts every name below it, with every port, in every letter case", () => {
  fc.assert(
    fc.property(anyLabels(2), anyLabels(1), port, fc.boolean(), (suffix, before, at, upper) => {
      const host = [...before, ...suffix].join(".") + at;
      const pattern = checkHostHeader(`*.${suffix.join(".")}`, "ALLOWED_HOSTS");
      assertEquals(isRefused(pattern, upper ? host.toUpperCase() : host), false);
    }),
    fuzzRuns(300),
  );
});

Deno.test("a suffix accepts no name that has not all its labels, and one before them", () => {
  fc.assert(
    fc.property(anyLabels(2), anyLabels(0), label, port, (suffix, before, other, at) => {
      const end = suffix.join(".");
      const pattern = `*.${end}`;
      const front = before.map((name) => `${name}.`).join("");
      const hosts = [
        end,
        `.${end}`,
        `${front}.${end}`,
        // Its first label is only the end of one.
        `${front}${other}${end}`,
        `${front}${other}-${end}`,
        `${front}${end}.${other}`,
        `${front}${end}.`,
        `${other}..${end}`,
        `${other}..${other}.${end}`,
        `.${other}.${end}`,
        `${front}${suffix.slice(1).join(".")}`,
      ].filter((host) => !isBelow(host, suffix));
      for (const host of hosts) assertEquals(isRefused(pattern, host + at), true, host);
    }),
    fuzzRuns(300),
  );
});

/** What is meant, in labels. */
function isBelow(host: string, suffix: readonly string[]): boolean {
  const labels = host.split(".");
  const [before, end] = [labels.slice(0, -suffix.length), labels.slice(-suffix.length)];
  return before.length > 0 && !labels.includes("") && end.join(".") === suffix.join(".");
}

Deno.test("a suffix lets in, of all texts, names below it only", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: anyCharacter, maxLength: 20 }),
        fc.string({ unit: fc.constantFrom(..."a.:@/\\*[]%2e#? run.app"), maxLength: 20 }),
      ),
      fc.constantFrom("", "run.app", ".run.app", "a.run.app", "run.app:1"),
      (text, end) => {
        const host = text + end;
        const request = new Request("http://localhost/mcp", { method: "POST" });
        Object.defineProperty(request, "url", { value: `http://${host}/mcp` });
        const guard = createGuard({
          allowedHosts: ["*.run.app"],
          allowedOrigins: [],
          maxBodyBytes: 1,
        });
        if (guard.check(request)?.status === 421) return;
        // What a browser would have connected to.
        const { hostname } = new URL(`http://${host.split(/[/?#]/)[0]}`);
        assertEquals(isBelow(hostname, ["run", "app"]), true, JSON.stringify(host));
      },
    ),
    fuzzRuns(1_000),
  );
});

Deno.test("hostSuffix() takes no text that stands for more than the names below two labels", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."*.:a-_1/"), maxLength: 12 }),
      (text) => {
        const suffix = hostSuffix(text);
        if (suffix === undefined) return;
        assertEquals(text.startsWith("*."), true);
        assertEquals(text.slice(1), suffix);
        assertEquals(suffix.split(".").length >= 3 && !suffix.includes("*"), true, text);
        assertEquals(suffix.slice(1).split(".").includes(""), false, text);
      },
    ),
    fuzzRuns(1_000),
  );
});
