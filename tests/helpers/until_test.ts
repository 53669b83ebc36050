import { assertEquals, assertRejects } from "@std/assert";
import { until } from "./until.ts";

Deno.test("until() asks until it is so", async () => {
  let asked = 0;
  await until(() => ++asked === 3);
  await until(() => Promise.resolve(++asked === 5));
  assertEquals(asked, 5);
});

Deno.test("until() gives up what does not come in time", async () => {
  const neverSo = () => asked++ < 0;
  let asked = 0;
  await assertRejects(() => until(neverSo, 20), Error, "within 20 ms: ");
});
