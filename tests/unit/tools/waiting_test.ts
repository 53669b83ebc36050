import { assertEquals } from "@std/assert";
import type { ClientInfo } from "../../../src/tools/define.ts";
import { defaultWaitMs } from "../../../src/tools/waiting.ts";

const CLIENTS: readonly [ClientInfo | undefined, boolean, number][] = [
  [undefined, true, 50],
  [{ name: "claude-code", version: "2.1.330" }, true, 100],
  [{ name: "claude-code", version: "2.1.332" }, true, 100],
  [{ name: "claude-code", version: "2.2" }, true, 100],
  [{ name: "claude-code", version: "10.0.1-beta" }, true, 100],
  [{ name: "claude-code", version: "2.1.330" }, false, 50],
  [{ name: "claude-code", version: "2.1.329" }, true, 50],
  [{ name: "claude-code", version: "1.9.999" }, true, 50],
  [{ name: "claude-code", version: "2.1" }, true, 50],
  [{ name: "claude-code", version: "unknown" }, true, 50],
  [{ name: "claude-ai", version: "0.1.0" }, true, 50],
  [{ name: "toString", version: "9" }, true, 50],
];
for (const [client, hasProgress, sec] of CLIENTS) {
  const name = client ? `${client.name} ${client.version}` : "an unknown client";
  Deno.test(`a wait of ${name} takes ${sec} s${hasProgress ? "" : " without progress"}`, () => {
    assertEquals(defaultWaitMs(client, hasProgress), sec * 1_000);
  });
}
