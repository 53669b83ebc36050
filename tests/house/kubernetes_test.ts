import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ENV_NAMES } from "../../src/config/settings.ts";
import { CALLS_MS } from "../../src/commands/serve/drain.ts";
import { runDeno } from "../helpers/run_deno.ts";
import { settingsOf } from "../helpers/settings_file.ts";
import { stagesOf, variablesOf } from "../e2e/dockerfile.ts";

const ROOT = new URL("../../", import.meta.url);
const FOLDER = new URL("deploy/kubernetes/", ROOT);

/** An object of Kubernetes, as far as these tests know it. */
const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});
type KubernetesObject = z.output<typeof objectSchema>;

function objectsOf(text: string): KubernetesObject[] {
  return parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
    assertEquals(document.errors, []);
    return objectSchema.parse(document.toJS());
  });
}

async function filesIn(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(new URL(folder, FOLDER)), ({ name }) => name);
  return names.sort();
}

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, FOLDER));
}

const manifests = new Map<string, KubernetesObject>();
for (const folder of ["base/", "example/"]) {
  for (const name of await filesIn(folder)) {
    if (!name.endsWith(".yaml") || name === "kustomization.yaml") continue;
    for (const object of objectsOf(await read(folder + name))) manifests.set(object.kind, object);
  }
}

/** Where the library has the types of a group of the API, such as `apps/v1`. */
function moduleOf(apiVersion: string): string {
  return `kubernetes-models/${apiVersion}`;
}

/** Throws where an object is not as the API's schemas say; these let unknown fields pass. */
async function validate(object: KubernetesObject): Promise<void> {
  const models = await import(moduleOf(object.apiVersion));
  const model = new models[object.kind](object);
  model.validate();
}

/** Checks the objects against the API's types, which know every field by name. */
async function checkFields(objects: readonly KubernetesObject[]): Promise<string> {
  const lines = objects.map((object, index) => {
    const type = `import("${moduleOf(object.apiVersion)}").I${object.kind}`;
    return `export const object${index}: ${type} = ${JSON.stringify(object)};`;
  });
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/objects.ts`, lines.join("\n"));
    const config = fileURLToPath(new URL("deno.json", ROOT));
    const args = ["check", "--quiet", "--config", config, `${folder}/objects.ts`];
    const { code, stderr } = await runDeno(args);
    return code === 0 ? "" : stderr;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const KINDS = [
  "Deployment",
  "HorizontalPodAutoscaler",
  "Ingress",
  "NetworkPolicy",
  "PodDisruptionBudget",
  "Service",
];

Deno.test("the Kubernetes objects are all there, and are what the API's schemas say", async () => {
  assertEquals([...manifests.keys()].sort(), KINDS);
  for (const object of manifests.values()) await validate(object);
});

Deno.test("the schemas refuse a number of replicas in words", async () => {
  const autoscaler = structuredClone(manifests.get("HorizontalPodAutoscaler"));
  assert(autoscaler);
  Object.assign(Object(autoscaler.spec), { minReplicas: "two" });
  const refused = await validate(autoscaler).then(() => false, (error) => String(error));
  assertMatch(String(refused), /minReplicas must be integer/);
});

Deno.test("every field of the Kubernetes objects is one that the API knows", async () => {
  assertEquals(await checkFields([...manifests.values()]), "");
  const service = structuredClone(manifests.get("Service"));
  assert(service);
  Object.assign(Object(service.spec), { sessionAfinity: "None" });
  assertMatch(await checkFields([service]), /sessionAfinity/);
});

/** The part of a Deployment that must fit the program. */
const deploymentSchema = z.object({
  spec: z.object({
    strategy: z.object({
      rollingUpdate: z.object({ maxUnavailable: z.literal(0), maxSurge: z.literal(1) }),
    }),
    template: z.object({
      metadata: z.object({ annotations: z.record(z.string(), z.string()) }),
      spec: z.object({
        automountServiceAccountToken: z.literal(false),
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.object({
          runAsNonRoot: z.literal(true),
          runAsUser: z.literal(65_532),
          fsGroup: z.literal(65_532),
          seccompProfile: z.object({ type: z.literal("RuntimeDefault") }),
        }),
        containers: z.tuple([z.object({
          args: z.array(z.string()),
          ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
          startupProbe: z.object({ httpGet: z.object({ path: z.literal("/health") }) }),
          livenessProbe: z.object({ httpGet: z.object({ path: z.literal("/health") }) }),
          readinessProbe: z.object({
            httpGet: z.object({ path: z.literal("/ready") }),
            // The program waits five seconds for the API.
            timeoutSeconds: z.number().gt(5),
          }),
          lifecycle: z.object({ preStop: z.object({ sleep: z.object({ seconds: z.number() }) }) }),
          securityContext: z.strictObject({
            allowPrivilegeEscalation: z.literal(false),
            readOnlyRootFilesystem: z.literal(true),
            capabilities: z.object({ drop: z.tuple([z.literal("ALL")]) }),
          }),
          resources: z.object({
            requests: z.object({ cpu: z.string(), memory: z.string() }),
            limits: z.strictObject({ memory: z.string() }),
          }),
          volumeMounts: z.tuple([z.object({ mountPath: z.string(), readOnly: z.literal(true) })]),
        })]),
      }),
    }),
  }),
});

const deployment = deploymentSchema.parse(manifests.get("Deployment"));
const pod = deployment.spec.template;
const [container] = pod.spec.containers;
const settings = settingsOf(await read("base/settings.env"));

Deno.test("the Deployment's variables are settings of the program, and its files are mounted", async () => {
  const example = await read("example/kustomization.yaml");
  const literals = [...example.matchAll(/^ {6}- (\w+)=/gm)].map(([, name]) => name ?? "");
  assertEquals(literals.length, 2);
  const known: readonly string[] = ENV_NAMES;
  for (const name of [...Object.keys(settings), ...literals]) assert(known.includes(name), name);
  const [{ mountPath }] = container.volumeMounts;
  const kustomization = await read("base/kustomization.yaml");
  const files = Object.entries(settings).filter(([name]) => name.endsWith("_FILE"));
  assertEquals(files.length, 3);
  for (const [, path] of files) {
    assert(path.startsWith(`${mountPath}/`), path);
    assertStringIncludes(kustomization, `--from-file=${path.slice(mountPath.length + 1)}`);
  }
});

Deno.test("the Deployment's ports are those of image, settings, Service and NetworkPolicy", async () => {
  const [, image = []] = stagesOf(await Deno.readTextFile(new URL("Dockerfile", ROOT)));
  const http = Number(variablesOf(image).PORT);
  const metrics = Number(settings.CMA_MCP_METRICS_PORT);
  assertEquals(container.ports, [
    { name: "http", containerPort: http },
    { name: "metrics", containerPort: metrics },
  ]);
  assertEquals(container.args, ["--http"]);
  assertEquals(pod.metadata.annotations["prometheus.io/port"], String(metrics));
  assertEquals(pod.metadata.annotations["prometheus.io/path"], "/metrics");
  const service = JSON.stringify(manifests.get("Service"));
  assertStringIncludes(service, '"targetPort":"http"');
  const policy = z.object({
    spec: z.object({
      ingress: z.array(z.object({ ports: z.array(z.object({ port: z.number() })) })),
      egress: z.array(z.object({ ports: z.array(z.object({ port: z.number() })) })),
    }),
  }).parse(manifests.get("NetworkPolicy"));
  const portsOf = (rules: typeof policy.spec.ingress) =>
    rules.map(({ ports }) => ports.map(({ port }) => port));
  assertEquals(portsOf(policy.spec.ingress), [[http], [metrics]]);
  assertEquals(portsOf(policy.spec.egress), [[53, 53], [443]]);
});

Deno.test("a replica has the time to drain before it is killed", () => {
  const { seconds } = container.lifecycle.preStop.sleep;
  // Then come the calls that run, and a second for their answers.
  const needed = seconds + Number(settings.CMA_MCP_DRAIN_SECONDS) + CALLS_MS / 1_000 + 1;
  assert(pod.spec.terminationGracePeriodSeconds >= needed + 5, String(needed));
});

Deno.test("the autoscaler keeps two replicas or more, and nodes are emptied one by one", () => {
  const autoscaler = JSON.stringify(manifests.get("HorizontalPodAutoscaler"));
  assertStringIncludes(autoscaler, '"minReplicas":2');
  assertStringIncludes(JSON.stringify(manifests.get("PodDisruptionBudget")), '"maxUnavailable":1');
});

async function kubectl(): Promise<boolean> {
  try {
    const command = new Deno.Command("kubectl", { args: ["kustomize", "--help"], stdin: "null" });
    return (await command.output()).success;
  } catch {
    return false;
  }
}

const hasKubectl = await kubectl();

Deno.test({
  name: `${hasKubectl ? "" : "SKIPPED for want of kubectl: "}kustomize builds the example`,
  ignore: !hasKubectl,
  async fn() {
    const path = fileURLToPath(new URL("example", FOLDER));
    const { success, stdout, stderr } = await new Deno.Command("kubectl", {
      args: ["kustomize", path],
      stdin: "null",
    }).output();
    const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert(success, errors);
    const objects = objectsOf(output ?? "");
    assertEquals(objects.map(({ kind }) => kind).sort(), ["ConfigMap", ...KINDS].sort());
    for (const object of objects) await validate(object);
    assertEquals(await checkFields(objects), "");
    const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    assertStringIncludes(output ?? "", `image: registry.example.com/cma-mcp:${version}\n`);
    const config = objects.find(({ kind }) => kind === "ConfigMap");
    assertEquals(
      Object.keys(Object(config?.data)).sort(),
      [
        ...Object.keys(settings),
        "CMA_MCP_OAUTH_ISSUER",
        "CMA_MCP_PUBLIC_URL",
      ].sort(),
    );
  },
});
