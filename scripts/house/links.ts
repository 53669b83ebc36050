/**
 * The rule about links in documents: each leads to a file, and to a heading in it, that is there.
 *
 * @module
 */

import type { Finding, TextFile } from "./tree.ts";

/** Links and pictures of Markdown, the targets that it names apart, and those of HTML in it. */
const LINK =
  /\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s+(\S+)|\b(?:href|src|srcset)="([^"]+)"/g;

/** Relative links in documents lead to a file or folder of the project, and to a heading in it. */
export function linksLeadSomewhere(files: readonly TextFile[]): Finding[] {
  const documents = files.filter(({ path }) => path.endsWith(".md"));
  const anchors = new Map(documents.map(({ path, text }) => [path, anchorsOf(text)]));
  const isThere = (path: string) =>
    path === "" || files.some((file) => file.path === path || file.path.startsWith(`${path}/`));
  return documents.flatMap(({ path, text }) =>
    proseLines(text).flatMap((prose, index): Finding[] =>
      [...prose.matchAll(LINK)].flatMap(([, inline, apart, html]) => {
        const link = inline ?? apart ?? html ?? "";
        if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return [];
        const [place = "", anchor] = link.split("#");
        const target = place === "" ? path : resolve(path, place);
        const problem = !isThere(target)
          ? `links to ${target}, which is not there`
          : anchor !== undefined && anchors.get(target)?.has(anchor) === false
          ? `links to #${anchor}, which ${target} does not have`
          : undefined;
        return problem === undefined
          ? []
          : [{ path, line: index + 1, message: problem, mend: "write where that is now" }];
      })
    )
  );
}

function resolve(from: string, place: string): string {
  const { pathname } = new URL(place, `https://project.example/${from}`);
  return decodeURIComponent(pathname).replace(/^\/|\/$/g, "");
}

/** Returns the lines of a document, empty where code stands. */
function proseLines(text: string): string[] {
  let fence: string | undefined;
  return text.split("\n").map((line) => {
    const [, mark] = /^\s*(```+|~~~+)/.exec(line) ?? [];
    if (mark !== undefined && (fence === undefined || mark === fence)) {
      fence = fence === undefined ? mark : undefined;
      return "";
    }
    return fence === undefined ? line.replace(/(`+)[^`]+\1/g, "") : "";
  });
}

/** Returns the anchors of a document: those that GitHub gives its headings, and ids in HTML. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const lines = text.split("\n");
  for (const [index, prose] of proseLines(text).entries()) {
    for (const [, id = ""] of prose.matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(id);
    // The whole line, because code in a heading is a part of its anchor.
    const heading = prose.startsWith("#") ? /^#{1,6}\s+(.*)$/.exec(lines[index] ?? "") : null;
    if (!heading) continue;
    const slug = slugOf(heading[1] ?? "");
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

function slugOf(heading: string): string {
  const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").trim().toLowerCase();
  return words.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "").replaceAll(" ", "-");
}
