import { assertEquals, assertRejects } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import { CursorTrail, readAllPages } from "../../../src/api/pages.ts";
import { json, setup } from "./support.ts";

Deno.test("lists of other implementations read as pages", async () => {
  const bodies: readonly [body: unknown, length: number, next?: string][] = [
    [{ data: [{ type: "a" }], has_more: false, first_id: "1", last_id: "1" }, 1],
    [{ data: null, next_page: null }, 0],
    [{ data: {}, next_page: "" }, 0],
    [{ data: { 0: { type: "a" }, 1: { type: "b" } } }, 2],
    [{}, 0],
    [[], 0],
    [[{ type: "a" }], 1],
    [{ data: [{ type: "a" }], next_page: 2 }, 1, "2"],
    [{ data: [{ type: "a" }], next_page: {} }, 1],
  ];
  for (const [body, length, next] of bodies) {
    const { api } = setup([json(body)]);
    const page = await api.events.list("sesn_1", {});
    assertEquals([page.data.length, page.next_page ?? undefined], [length, next]);
  }
});

Deno.test("a body that is not a page is an error, not an empty page", async () => {
  for (const body of [{ data: 7 }, { data: "none" }, { data: { a: 1 } }, "none", 7, null]) {
    const { api } = setup([json(body)]);
    await assertRejects(() => api.events.list("sesn_1", {}), ApiError, "no page of events");
  }
});

Deno.test("an agent that cannot be read does not hide the others", async () => {
  const data = [{ id: "agent_1" }, null, 7, { name: "no id" }, [], { id: 5 }, { id: "agent_2" }];
  const { api } = setup([json({ data })]);
  const page = await api.agents.list({});
  assertEquals(page.data.map(({ id }) => id), ["agent_1", "agent_2"]);
});

/** The pages that a server gives, each with the cursor that leads to the next. */
type Pages = readonly (readonly [ids: readonly string[], next?: string | null])[];

/** Takes the pages of a list as long as the trail leads on. */
function follow(pages: Pages): string[] {
  const trail = new CursorTrail();
  const ids: string[] = [];
  for (const [page, next_page] of pages) {
    const { data, next } = trail.take({ data: page.map((id) => ({ id })), next_page });
    ids.push(...data.map(({ id }) => id));
    if (next === undefined) return ids;
  }
  throw new Error("The trail leads on past the last page");
}

const TRAILS: readonly [string, Pages, string][] = [
  ["ends where there is no cursor", [[["a"], "2"], [["b"], null]], "a b"],
  ["ends at a cursor that was given before", [[["a"], "2"], [["b"], "3"], [["c"], "2"]], "a b c"],
  ["ends at the page before once more", [[["a", "b"], "2"], [["b"], "3"]], "a b"],
  [
    "goes on past an empty page",
    [[["a"], "2"], [[], "3"], [["b"], undefined]],
    "a b",
  ],
  [
    "ends after six empty pages in a row",
    [[["a"], "1"], ...["2", "3", "4", "5", "6", "7"].map((next) => [[], next] as const)],
    "a",
  ],
];
for (const [name, pages, expected] of TRAILS) {
  Deno.test(`CursorTrail ${name}`, () => assertEquals(follow(pages).join(" "), expected));
}

Deno.test("CursorTrail ends at the cursor that it began with", () => {
  const trail = new CursorTrail("2");
  assertEquals(trail.take({ data: [{ id: "a" }], next_page: "2" }), { data: [{ id: "a" }] });
});

/** A list of one entry a page, without an end. */
function endless(page: string | undefined) {
  const count = Number(page ?? 0);
  const data = [{ id: `agent_${count}` }, { id: "agent_0" }];
  return Promise.resolve({ data, next_page: String(count + 1) });
}

Deno.test("readAllPages() gives each entry once, and says whether these are all", async () => {
  const found = ["agent_0", "agent_1", "agent_2"].map((id) => ({ id }));
  assertEquals(await readAllPages(endless, 3), { found, complete: false });
  const ending = async (page: string | undefined) => {
    const { data, next_page } = await endless(page);
    return { data, next_page: page === "2" ? null : next_page };
  };
  assertEquals(await readAllPages(ending, 3), { found, complete: true });
});

Deno.test("readAllPages() reads no more pages than are wanted", async () => {
  const found = ["agent_0", "agent_1"].map((id) => ({ id }));
  assertEquals(await readAllPages(endless, 3, 2), { found, complete: false });
  const only = () => Promise.resolve({ data: found, next_page: null });
  assertEquals(await readAllPages(only, 3, 2), { found, complete: true });
});
