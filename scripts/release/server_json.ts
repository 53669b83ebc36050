/**
 * Makes `server.json`, which lists a release in the MCP registry. It checks the fields that it uses
 * of schema 2025-12-11, and the registry's rules for them (modelcontextprotocol/registry,
 * docs/reference/server-json); it does not hold the whole schema.
 *
 * @module
 */

import { z } from "zod";
import { SETTINGS } from "../../src/config/settings.ts";
import { DESCRIPTION } from "./mcpb_manifest.ts";
import { downloadUrl, imageName, registryName, type Repository, repositoryUrl } from "./names.ts";

const inputSchema = z.strictObject({
  name: z.string().min(1),
  description: z.string(),
  format: z.enum(["string", "number", "boolean", "filepath"]).optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  default: z.string().optional(),
  value: z.string().optional(),
  variables: z.record(
    z.string(),
    z.strictObject({
      description: z.string(),
      isRequired: z.boolean().optional(),
      isSecret: z.boolean().optional(),
    }),
  ).optional(),
});

const transportSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("stdio") }),
  z.strictObject({
    type: z.literal("streamable-http"),
    url: z.string().regex(/^https?:\/\/\S+$/),
    headers: z.array(inputSchema).optional(),
  }),
]);

const mcpbSchema = z.strictObject({
  registryType: z.literal("mcpb"),
  // The registry takes only releases of GitHub or GitLab, with "mcp" in the address.
  identifier: z.url().regex(/^https:\/\/(github|gitlab)\.com\/.*\/releases\/.*mcp/),
  version: z.string().min(1).optional(),
  fileSha256: z.string().regex(/^[a-f0-9]{64}$/),
  transport: transportSchema,
  environmentVariables: z.array(inputSchema).optional(),
});

const imageSchema = z.strictObject({
  registryType: z.literal("oci"),
  // The version is in the reference; the registry refuses "latest".
  identifier: z.string().regex(/^(docker\.io|ghcr\.io)\/[a-z0-9._/-]+:(?!latest$)[\w.-]+$/),
  transport: transportSchema,
  environmentVariables: z.array(inputSchema).optional(),
  runtimeHint: z.string().optional(),
  runtimeArguments: z.array(z.strictObject({
    type: z.literal("named"),
    name: z.string(),
    value: z.string(),
    description: z.string(),
  })).optional(),
});

/** The schema of this project's `server.json`. */
export const serverJsonSchema = z.strictObject({
  $schema: z.literal(
    "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
  ),
  name: z.string().min(3).max(200).regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  version: z.string().max(255).regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/),
  websiteUrl: z.url(),
  repository: z.strictObject({ url: z.url(), source: z.literal("github") }),
  packages: z.array(z.discriminatedUnion("registryType", [mcpbSchema, imageSchema])).min(1),
});

/** A checked `server.json`. */
export type ServerJson = z.output<typeof serverJsonSchema>;

function variable(
  setting: { readonly env: readonly string[]; readonly help: string; readonly secret?: boolean },
  isRequired: boolean,
): z.output<typeof inputSchema> {
  const { env: [name = ""], help, secret } = setting;
  return { name, description: help, isRequired, ...(secret && { isSecret: true }) };
}

const { token } = SETTINGS.tokens;
const { allowedHosts } = SETTINGS.http;
const { apiKey } = SETTINGS.credential;
const { environmentId, allowedAgentIds } = SETTINGS.server;

const LOCAL_VARIABLES = [
  variable(apiKey, true),
  variable(environmentId, false),
  variable(allowedAgentIds, false),
];

const IMAGE_VARIABLES = [
  ...LOCAL_VARIABLES,
  variable(token, true),
  { ...variable(allowedHosts, true), default: "localhost" },
];

/**
 * Makes the `server.json` of a release.
 *
 * @param bundles SHA-256 of the bundles for Claude Desktop, by file name
 * @throws ZodError when the registry would not accept it
 */
export function serverJson(
  repository: Repository,
  version: string,
  bundles: ReadonlyMap<string, string>,
): ServerJson {
  const url = repositoryUrl(repository);
  const mcpb = [...bundles].map(([file, fileSha256]) => ({
    registryType: "mcpb",
    identifier: downloadUrl(repository, version, file),
    version,
    fileSha256,
    transport: { type: "stdio" },
    environmentVariables: LOCAL_VARIABLES,
  }));
  const image = {
    registryType: "oci",
    identifier: imageName(repository, version),
    transport: {
      type: "streamable-http",
      url: "http://localhost:3000/mcp",
      headers: [{
        name: "Authorization",
        description: "The bearer token that the server was given",
        value: "Bearer {token}",
        variables: { token: { description: token.help, isRequired: true, isSecret: true } },
      }],
    },
    runtimeHint: "docker",
    runtimeArguments: [{
      type: "named",
      name: "--publish",
      value: "127.0.0.1:3000:3000",
      description: "Where clients on this machine reach it",
    }],
    environmentVariables: IMAGE_VARIABLES,
  };
  return serverJsonSchema.parse({
    $schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    name: registryName(repository),
    title: "Claude Managed Agents",
    description: DESCRIPTION,
    version,
    websiteUrl: url,
    repository: { url, source: "github" },
    packages: [...mcpb, image],
  });
}
