import { parser } from "@prometheus-io/lezer-promql";
import { parse as parseYaml } from "yaml";
import { z } from "zod";

const ROOT = new URL("../../", import.meta.url);

/** A query, and the file and name under which it stands. */
export interface NamedQuery {
  readonly where: string;
  readonly expr: string;
}

const alertSchema = z.object({
  alert: z.string(),
  expr: z.string(),
  annotations: z.object({
    summary: z.string(),
    description: z.string(),
    runbook_url: z.string(),
  }),
});
type Alert = z.output<typeof alertSchema>;

const rulesSchema = z.object({
  groups: z.array(z.object({ rules: z.array(alertSchema) })),
});

/** The alerts that the project ships. */
export async function shippedAlerts(): Promise<Alert[]> {
  const text = await Deno.readTextFile(new URL("deploy/prometheus/rules.yaml", ROOT));
  return rulesSchema.parse(parseYaml(text)).groups.flatMap(({ rules }) => rules);
}

const dashboardSchema = z.object({
  templating: z.object({
    list: z.array(z.object({ name: z.string(), definition: z.string().optional() })),
  }),
  panels: z.array(z.object({
    id: z.number(),
    title: z.string(),
    type: z.enum(["row", "stat", "timeseries"]),
    gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
    datasource: z.object({ uid: z.literal("${datasource}") }).optional(),
    targets: z.array(z.object({
      expr: z.string(),
      legendFormat: z.string(),
      datasource: z.object({ uid: z.literal("${datasource}") }),
    })).optional(),
  })),
});

/** The dashboard that the project ships. */
export async function shippedDashboard(): Promise<z.output<typeof dashboardSchema>> {
  const text = await Deno.readTextFile(new URL("deploy/grafana/dashboard.json", ROOT));
  return dashboardSchema.parse(JSON.parse(text));
}

/** All queries of dashboard and alerts, as Grafana and Prometheus send them. */
export async function shippedQueries(): Promise<NamedQuery[]> {
  const alerts = (await shippedAlerts()).map(({ alert, expr }) => ({ where: alert, expr }));
  const { panels, templating } = await shippedDashboard();
  const shown = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: title, expr }))
  );
  const variables = templating.list.flatMap(({ name, definition }) => {
    const selector = /^label_values\((.*), \w+\)$/.exec(definition ?? "")?.[1];
    return selector === undefined ? [] : [{ where: `$${name}`, expr: selector }];
  });
  return [...alerts, ...shown, ...variables].map(({ where, expr }) => ({
    where,
    expr: expr.replaceAll("$__rate_interval", "1m").replace(/\$(job|instance)\b/g, ".+"),
  }));
}

/** What a query asks for. */
export interface QueryParts {
  /** The texts that the grammar does not know; none in a good query. */
  readonly errors: readonly string[];
  /** The metrics, each with the labels that it is selected by. */
  readonly selectors: readonly { readonly metric: string; readonly labels: readonly string[] }[];
  /** The labels by which it groups. */
  readonly grouping: readonly string[];
}

/** Reads a query by Prometheus's own grammar. */
export function partsOf(expr: string): QueryParts {
  const errors: string[] = [];
  const selectors: { metric: string; labels: string[] }[] = [];
  const grouping: string[] = [];
  let groups = false;
  parser.parse(expr).iterate({
    enter({ type, name, from, to }) {
      const text = expr.slice(from, to);
      if (type.isError) errors.push(text);
      if (name === "VectorSelector") selectors.push({ metric: "", labels: [] });
      const last = selectors.at(-1);
      if (name === "Identifier" && last && last.metric === "") last.metric = text;
      if (name === "GroupingLabels") groups = true;
      if (name === "LabelName") groups ? grouping.push(text) : last?.labels.push(text);
    },
    leave({ name }) {
      if (name === "GroupingLabels") groups = false;
    },
  });
  return { errors, selectors, grouping };
}

/** The metrics of a page in Prometheus's text format, with the labels that their samples have. */
export function familiesOf(page: string): Map<string, Set<string>> {
  const families = new Map<string, Set<string>>();
  for (const line of page.split("\n")) {
    const declared = /^# TYPE (\w+) /.exec(line)?.[1];
    if (declared !== undefined) families.set(declared, new Set());
    const [, sample = "", labels = ""] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    for (const [, label = ""] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) {
      families.get(familyOf(sample, families))?.add(label);
    }
  }
  return families;
}

/** The name of a sample's metric: a histogram has samples with ends of their own. */
export function familyOf(sample: string, families: ReadonlyMap<string, unknown>): string {
  const base = sample.replace(/_(bucket|sum|count)$/, "");
  return !families.has(sample) && families.has(base) ? base : sample;
}
