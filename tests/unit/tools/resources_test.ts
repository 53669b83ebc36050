import { assert, assertEquals } from "@std/assert";
import { TOOL_SET_NAMES } from "../../../src/access/tool_sets.ts";
import { TOOLS } from "../../../src/tools/registry.ts";
import { RESOURCE_TEMPLATES } from "../../../src/tools/resource_uris.ts";
import {
  RESOURCE_LISTS,
  resourceListsOf,
  RESOURCES,
  resourcesOf,
} from "../../../src/tools/resources.ts";

Deno.test("resourcesOf() gives the resources of sets, each once", () => {
  assertEquals(resourcesOf(["core"]), []);
  assertEquals(resourcesOf(["resources", "files"]), RESOURCES);
  assertEquals(resourcesOf(TOOL_SET_NAMES), RESOURCES);
  assertEquals(resourcesOf(["files"]).map(({ kind }) => kind), ["file"]);
});

for (const { kind, read } of RESOURCES) {
  Deno.test(`the resource ${kind} is read by what its template names, and by nothing else`, () => {
    const names = [...RESOURCE_TEMPLATES[kind].matchAll(/\{\??([a-z_]+)\}/g)]
      .map(([, name]) => String(name));
    assertEquals(Object.keys(read.input.shape), names);
  });

  Deno.test(`the resource ${kind} changes nothing, and has the name of no tool`, () => {
    assertEquals(read.name, `resource:${kind}`);
    assert(read.annotations.readOnlyHint && read.scope.endsWith(":read"));
    assert(TOOLS.every(({ name }) => name !== read.name));
  });
}

Deno.test("resources are listed with the set resources only, by lists that read", () => {
  assertEquals(resourceListsOf(["core", "files"]), []);
  assertEquals(resourceListsOf(["resources"]), RESOURCE_LISTS);
  for (const { name, annotations, scope } of RESOURCE_LISTS) {
    assert(annotations.readOnlyHint && scope.endsWith(":read"), name);
    assert([...TOOLS, ...RESOURCES.map(({ read }) => read)].every((tool) => tool.name !== name));
  }
});
