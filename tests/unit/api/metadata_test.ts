import { assertEquals } from "@std/assert";
import { isMark } from "../../../src/api/metadata.ts";

Deno.test("isMark() knows the keys of this program's marks, however they are written", () => {
  for (const key of ["cma_mcp_owner", "cma_mcp_", " CMA_MCP_x"]) assertEquals(isMark(key), true);
  for (const key of ["", "cma_mcp", "ticket", "x_cma_mcp_owner"]) assertEquals(isMark(key), false);
});
