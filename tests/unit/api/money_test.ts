import { assertEquals } from "@std/assert";
import { budgetDollarsOf, budgetOf, centsOf, costCentsOf } from "../../../src/api/money.ts";

Deno.test("budgetOf() rounds dollars down to cents, by their digits", () => {
  const amounts = [0.01, 0.019, 0.29, 1, 1.15, 2.5, 4.999999999, 1_000_000, 2 ** 53 - 1];
  assertEquals(
    amounts.map((dollars) => budgetOf(dollars).max_list_cost.amount),
    ["1", "1", "29", "100", "115", "250", "499", "100000000", "900719925474099100"],
  );
  assertEquals(budgetOf(5), {
    type: "limit",
    max_list_cost: { amount: "500", currency: "USD" },
  });
});

Deno.test("centsOf() reads whole cents of US dollars, and nothing else", () => {
  const usd = (amount: unknown) => centsOf({ amount, currency: "USD" });
  assertEquals([usd("187"), usd(187), usd("0")], [187, 187, 0]);
  for (const odd of ["1.87", "", "x", null, undefined, {}, 1.5]) assertEquals(usd(odd), undefined);
  for (const odd of [null, "187", [], {}, { amount: "187" }, { amount: "187", currency: "EUR" }]) {
    assertEquals(centsOf(odd), undefined);
  }
});

Deno.test("budgetDollarsOf() and costCentsOf() find the amount where it is known", () => {
  assertEquals(budgetDollarsOf(budgetOf(2.5)), 2.5);
  assertEquals(costCentsOf({ list_cost: { amount: "187", currency: "USD" } }), 187);
  for (const odd of [null, undefined, [], "5", { list_cost: null, max_list_cost: 5 }]) {
    assertEquals([budgetDollarsOf(odd), costCentsOf(odd)], [undefined, undefined]);
  }
  assertEquals(costCentsOf({ list_cost: { amount: "-1", currency: "USD" } }), undefined);
});
