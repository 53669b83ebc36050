import { assert, assertEquals, assertMatch } from "@std/assert";
import { createMetrics } from "../../src/mcp/metrics.ts";
import type { CallReport } from "../../src/mcp/call_report.ts";
import {
  familiesOf,
  familyOf,
  partsOf,
  shippedAlerts,
  shippedDashboard,
  shippedQueries,
} from "../helpers/promql.ts";

const ROOT = new URL("../../", import.meta.url);

/** Labels that Prometheus itself gives to all that it scrapes. */
const OWN_LABELS = ["job", "instance"];

const CALL: CallReport = {
  tool: "get_agent",
  kind: "call",
  changes: false,
  verdict: "failed",
  outcome: "too_many_calls",
  durationMs: 1,
  upstreamMs: 1,
  upstreamRequests: 1,
  bytes: 1,
  ids: {},
  apiRequestIds: [],
};

/** Every metric of the program with all of its labels. */
async function allFamilies(): Promise<Map<string, Set<string>>> {
  const metrics = createMetrics({
    version: "1.2.3",
    waits: () => ({ openWaits: 0, openStreams: 0, reconnects: 0 }),
    calls: () => ({ running: 0, max: 1 }),
    usage: () => Promise.resolve({ startedAtSec: 1, residentBytes: 1, cpuSec: 1 }),
  });
  metrics.call(CALL);
  metrics.call({ ...CALL, kind: "wait", outcome: "idle" });
  metrics.upstream({ method: "GET", path: "/v1/agents", status: 200, ms: 1, attempt: 0 });
  metrics.decided({ decision: "allow", outcome: "sent", channel: "form" });
  metrics.asked({ channel: "form", answer: "decided" });
  metrics.downloaded({ outcome: "ok", bytes: 1 });
  metrics.refused(429);
  metrics.authenticated("jwt", "accepted");
  metrics.scopeMissing("actions");
  metrics.call({
    ...CALL,
    caller: { issuer: "https://login.example.com", subject: "1", rule: "staff" },
  });
  metrics.addServer({
    isDraining: () => false,
    isReady: () => true,
    connections: () => ({ open: 0, closedForRoom: 0 }),
    tokens: () => 1,
    rules: () => 0,
  });
  return familiesOf(await metrics.render());
}

const families = await allFamilies();
const queries = await shippedQueries();

Deno.test("every query of the dashboard and of the alerts is PromQL", () => {
  assert(queries.length > 50, String(queries.length));
  for (const { where, expr } of queries) assertEquals(partsOf(expr).errors, [], where);
  assert(partsOf("sum(rate(up[5m])").errors.length > 0);
});

Deno.test("every query asks for metrics and labels that the program has", () => {
  for (const { where, expr } of queries) {
    const { selectors, grouping } = partsOf(expr);
    assert(selectors.length > 0, where);
    const groupable = new Set([...OWN_LABELS, "le"]);
    for (const { metric, labels } of selectors) {
      // Whether a scrape succeeded, which Prometheus knows without the program.
      const known = metric === "up" ? new Set<string>() : families.get(familyOf(metric, families));
      assert(known, `${where}: there is no ${metric}`);
      for (const label of labels) {
        assert(OWN_LABELS.includes(label) || known.has(label), `${where}: ${metric}{${label}}`);
      }
      for (const label of known) groupable.add(label);
    }
    for (const label of grouping) assert(groupable.has(label), `${where}: by (${label})`);
  }
});

Deno.test("the dashboard leaves out no metric of the program", async () => {
  const { panels } = await shippedDashboard();
  const shown = new Set(
    panels.flatMap(({ targets = [] }) =>
      targets.flatMap(({ expr }) =>
        partsOf(expr).selectors.map(({ metric }) => familyOf(metric, families))
      )
    ),
  );
  assertEquals([...families.keys()].filter((name) => !shown.has(name)), []);
});

Deno.test("the dashboard's panels lie beside each other, and their legends name what they show", async () => {
  const { panels } = await shippedDashboard();
  assertEquals(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const [at, { title, type, gridPos: { x, y, w, h }, targets = [] }] of panels.entries()) {
    assert(x + w <= 24, title);
    for (const { title: other, gridPos } of panels.slice(at + 1)) {
      const isBeside = x + w <= gridPos.x || gridPos.x + gridPos.w <= x || y + h <= gridPos.y ||
        gridPos.y + gridPos.h <= y;
      assert(isBeside, `${title} lies on ${other}`);
    }
    assertEquals(targets.length === 0, type === "row", title);
    for (const { expr, legendFormat } of targets) {
      const { grouping } = partsOf(expr);
      const shown = grouping.length > 0 ? grouping : OWN_LABELS;
      for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        assert(shown.includes(label), `${title}: the legend has {{${label}}}`);
      }
    }
  }
});

Deno.test("every alert says what to do, below a heading that is there", async () => {
  const alerts = await shippedAlerts();
  assert(alerts.length >= 15);
  assertEquals(new Set(alerts.map(({ alert }) => alert)).size, alerts.length);
  for (const { alert, annotations } of alerts) {
    const [path = "", anchor] = annotations.runbook_url.split("#");
    const text = await Deno.readTextFile(new URL(path, ROOT));
    const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
      heading.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-")
    );
    assert(anchor !== undefined && anchors.includes(anchor), `${alert}: ${anchor}`);
    assertMatch(text, new RegExp(`\`${alert}\``), `${path} does not name ${alert}`);
  }
});

Deno.test("docs/observing.md lists every metric with its labels, and no other", async () => {
  const page = await Deno.readTextFile(new URL("docs/observing.md", ROOT));
  const [, section = ""] = /^## Metrics\n([^]*?)^## /m.exec(page) ?? [];
  const rows = section.split("\n").filter((line) => /^\| (?!About|-)/.test(line)).join("\n");
  const processes = section.split("\n").find((line) => line.includes("`process_")) ?? "";
  const listed = [
    ...[...rows.matchAll(/`(\w+)(\{[\w,]+\})?`/g)].map(([, name, labels = ""]) =>
      `cma_mcp_${name}${labels}`
    ),
    ...[...processes.matchAll(/`(process_\w+)`/g)].map(([, name]) => name),
  ];
  const made = [...families].map(([name, labels]) => {
    const own = [...labels].filter((label) => label !== "le").sort();
    return own.length === 0 ? name : `${name}{${own.join()}}`;
  });
  const sorted = listed.map((text = "") =>
    text.replace(/\{(.*)\}/, (_, labels) => `{${labels.split(",").sort().join()}}`)
  );
  assertEquals(sorted.sort(), made.sort());
});
