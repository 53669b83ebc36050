import { assert, assertEquals } from "@std/assert";
import { createOwnerMarks } from "../../src/access/policy.ts";
import { createSealer, MIN_SEALING_KEY_BYTES, type Purpose } from "../../src/access/sealing.ts";
import { parseSealingKeys } from "../../src/access/sealing_keys.ts";
import { UsageError } from "../../src/core/errors.ts";
import { anyCharacter, assertAsync, fc, fuzzRuns, jsonValue } from "../helpers/fuzz.ts";

/** Not bounded by time: an interrupted property leaves its last run behind. */
const RUNS = { numRuns: 150 };

/** Bytes as a generator of keys gives them. */
const key = fc.uint8Array({ minLength: MIN_SEALING_KEY_BYTES, maxLength: 80 })
  .map((bytes) => new Uint8Array(bytes));
const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 4, selector: String });
/** Every purpose: the compiler demands a new one here. */
const PURPOSES: Readonly<Record<Purpose, true>> = {
  "approval state": true,
  "session owner": true,
  "session list": true,
  "session page": true,
  "file link": true,
  "proof": true,
  "client extension": true,
  "idempotency": true,
  "subject hash": true,
};
const ALL_PURPOSES = Object.keys(PURPOSES) as Purpose[];
const purpose = fc.constantFrom(...ALL_PURPOSES);
const name = fc.string({ unit: anyCharacter, maxLength: 64 });

Deno.test("a sealed value opens with every list that has its key, for its purpose, and no other", async () => {
  await assertAsync(
    fc.asyncProperty(
      fc.record({ keys, others: keys, purpose, other: purpose, value: jsonValue() }),
      async ({ keys, others, purpose, other, value }) => {
        const sealed = await createSealer(keys).seal(purpose, value);
        const opened = await createSealer([...others, ...keys]).open(other, sealed);
        assertEquals(opened, other === purpose ? value : undefined);
        const strangers = others.filter((bytes) => String(bytes) !== String(keys[0]));
        if (strangers.length === 0) return;
        assertEquals(await createSealer(strangers).open(purpose, sealed), undefined);
      },
    ),
    RUNS,
  );
});

Deno.test("what is sealed for one purpose opens for that one alone, each against each", async () => {
  const sealer = createSealer();
  for (const purpose of ALL_PURPOSES) {
    const sealed = await sealer.seal(purpose, [purpose]);
    for (const other of ALL_PURPOSES) {
      assertEquals(
        await sealer.open(other, sealed),
        other === purpose ? [purpose] : undefined,
        `${purpose} as ${other}`,
      );
    }
  }
});

Deno.test("a changed text does not open, whatever was changed", async () => {
  const sealer = createSealer();
  await assertAsync(
    fc.asyncProperty(
      jsonValue(),
      fc.nat(),
      fc.string({ unit: anyCharacter, minLength: 1, maxLength: 3 }),
      async (value, place, instead) => {
        const sealed = await sealer.seal("approval state", value);
        const at = place % sealed.length;
        const changed = sealed.slice(0, at) + instead + sealed.slice(at + instead.length);
        fc.pre(changed !== sealed);
        assertEquals(await sealer.open("approval state", changed), undefined);
        assertEquals(await sealer.open("approval state", instead), undefined);
      },
    ),
    RUNS,
  );
});

Deno.test("a mark is known to those that have its key, under its name only", async () => {
  await assertAsync(
    fc.asyncProperty(
      fc.record({
        keys,
        others: fc.array(key, { maxLength: 3 }),
        names: fc.uniqueArray(name, { minLength: 2, maxLength: 2 }),
        bindingKey: fc.option(fc.string({ minLength: 32 }), { nil: undefined }),
      }),
      async ({ keys, others, names: [mine = "", theirs = ""], bindingKey }) => {
        const under = (list: Uint8Array<ArrayBuffer>[], secret?: string) =>
          createOwnerMarks({
            ...(list.length > 0 && {
              sealed: () => createSealer(list).macKeys("session owner"),
            }),
            bindingKey: secret,
          });
        const mark = await under(keys).markOf(mine);
        const rotated = under([...others, ...keys], bindingKey);
        assertEquals(await rotated.isMarkOf(mark, mine), true);
        assertEquals(await rotated.isMarkOf(mark, theirs), false);
        const strangers = others.filter((bytes) => String(bytes) !== String(keys[0]));
        assertEquals(await under(strangers, bindingKey).isMarkOf(mark, mine), false);
        if (bindingKey === undefined) return;
        const earlier = await under([], bindingKey).markOf(mine);
        assertEquals(await rotated.isMarkOf(earlier, mine), true);
        assertEquals(await under(keys).isMarkOf(earlier, mine), false);
        assertEquals(await rotated.isMarkOf(earlier, theirs), false);
      },
    ),
    RUNS,
  );
});

Deno.test("a file of any text is read or refused in one line that repeats none of it", () => {
  const line = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 80 }),
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 20, maxLength: 130 }),
    key.map((bytes) => btoa(String.fromCharCode(...bytes))),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }).map((lines) => lines.join("\n")), (text) => {
      try {
        const found = parseSealingKeys(text, "'k'");
        assert(found.length > 0 && found.length <= 10);
        for (const { text: word, bytes } of found) {
          assert(text.includes(word) && bytes.byteLength >= MIN_SEALING_KEY_BYTES);
        }
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        assert(!/[\n\r]/.test(error.message));
        for (let at = 0; at + 12 <= text.length; at++) {
          assert(!error.message.includes(text.slice(at, at + 12)), error.message);
        }
      }
    }),
    fuzzRuns(1_000),
  );
});
