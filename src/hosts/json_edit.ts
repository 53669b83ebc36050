/**
 * Edits JSON files that people write by hand, with comments and trailing commas. The rest of the
 * text stays as it is, byte for byte.
 *
 * @module
 */

import {
  createScanner,
  type Edit,
  findNodeAtLocation,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";

/**
 * Thrown for a text that cannot be edited. The message continues a sentence that begins with the
 * file's name.
 */
export class JsonEditError extends Error {
  override name = "JsonEditError";
}

/** Names the position of an offset for people: `line 3, column 5`. */
function placeOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split("\n");
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}

/** Writes `CommaExpected` as `comma expected`. */
function describe({ error }: ParseError): string {
  return printParseErrorCode(error).replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`)
    .toLowerCase();
}

/**
 * Parses a text whose root is an object.
 *
 * @throws JsonEditError when it is not one
 */
export function parseObject(text: string): Node {
  const errors: ParseError[] = [];
  // A byte order mark is white space here, but not to the parser.
  const root = parseTree(text.replace(/^\uFEFF/, " "), errors, { allowTrailingComma: true });
  const [first] = errors;
  if (text.replace(/^\uFEFF/, "").trim() === "") throw new JsonEditError("is empty");
  if (first) {
    throw new JsonEditError(
      `is not valid JSON (${placeOf(text, first.offset)}: ${describe(first)})`,
    );
  }
  if (root?.type !== "object") throw new JsonEditError("does not hold a JSON object");
  return root;
}

/**
 * Returns the value of a member; undefined where there is none.
 *
 * @throws JsonEditError when the member is there twice, or is not of the type
 */
export function memberOf(
  object: Node,
  key: string,
  type: "object" | "array",
): Node | undefined {
  const found = (object.children ?? []).filter(({ children }) => children?.[0]?.value === key);
  if (found.length > 1) throw new JsonEditError(`has "${key}" twice`);
  const value = findNodeAtLocation(object, [key]);
  if (value && value.type !== type) {
    throw new JsonEditError(`has a "${key}" that is not an ${type}`);
  }
  return value;
}

function indentAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[\uFEFF]?([ \t]*)/.exec(text.slice(start, offset))?.[1] ?? "";
}

function beginsItsLine(text: string, offset: number): boolean {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return start > 0 && text.slice(start, offset).trim() === "";
}

/** Returns the line break and the indentation of a text. */
function styleOf(text: string): { readonly eol: string; readonly unit: string } {
  const eol = /\r\n/.test(text) ? "\r\n" : "\n";
  return { eol, unit: /^([ \t]+)["}\]]/m.exec(text)?.[1] ?? "  " };
}

/** Writes a value; its lines after the first begin with `indent`. */
function render(value: unknown, indent: string, { eol, unit }: ReturnType<typeof styleOf>): string {
  return JSON.stringify(value, null, unit).replaceAll("\n", eol + indent);
}

/** Returns the offset of the comma between an offset and the next value. */
function commaAfter(text: string, offset: number): number | undefined {
  const scanner = createScanner(text, true);
  scanner.setPosition(offset);
  scanner.scan();
  const start = scanner.getTokenOffset();
  return text[start] === "," ? start : undefined;
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}

/**
 * Makes the edits that add a child at the end of an object or array.
 *
 * @param key the member's name; absent in an array
 */
export function appendChild(
  text: string,
  container: Node,
  value: unknown,
  key?: string,
): Edit[] {
  const style = styleOf(text);
  const close = endOf(container) - 1;
  const last = container.children?.at(-1);
  const outer = indentAt(text, container.offset);
  const inner = last && beginsItsLine(text, last.offset)
    ? indentAt(text, last.offset)
    : outer + style.unit;
  const trailing = last && commaAfter(text, endOf(last)) !== undefined;
  const child = (key === undefined ? "" : `${JSON.stringify(key)}: `) +
    render(value, inner, style) + (trailing ? "," : "");
  const comma = last && !trailing ? [{ offset: endOf(last), length: 0, content: "," }] : [];
  // Text after the last child on its line, such as a comment, stays with it.
  const gap = /\s*$/.exec(text.slice(container.offset + 1, close))?.[0] ?? "";
  const lineBreak = /\r?\n/.exec(gap);
  return [
    ...comma,
    lineBreak
      ? {
        offset: close - gap.length + lineBreak.index,
        length: 0,
        content: style.eol + inner + child,
      }
      : {
        offset: close - gap.length,
        length: gap.length,
        content: style.eol + inner + child + style.eol + outer,
      },
  ];
}

/** Makes the edits that give a member another value, or add it. */
export function setMember(text: string, object: Node, key: string, value: unknown): Edit[] {
  const known = findNodeAtLocation(object, [key]);
  if (!known) return appendChild(text, object, value, key);
  const content = render(value, indentAt(text, known.offset), styleOf(text));
  return [{ offset: known.offset, length: known.length, content }];
}

/** Makes the edits that take a child out of an object or array; comments around it stay. */
export function removeChild(text: string, container: Node, child: Node): Edit[] {
  const children = container.children ?? [];
  const previous = children[children.indexOf(child) - 1];
  const own = commaAfter(text, endOf(child));
  const between = own === undefined && previous ? commaAfter(text, endOf(previous)) : undefined;
  const close = endOf(container) - 1;
  if (children.length === 1 && isBlank(text, container.offset + 1, child, own, close)) {
    return [{ offset: container.offset + 1, length: close - container.offset - 1, content: "" }];
  }
  const range = lineOf(text, child, own) ?? { start: child.offset, end: endOf(child) };
  const edits = [{ offset: range.start, length: range.end - range.start, content: "" }];
  const ownIsLeft = own !== undefined && (own < range.start || own >= range.end);
  for (const comma of [ownIsLeft ? own : undefined, between]) {
    if (comma !== undefined) edits.push({ offset: comma, length: 1, content: "" });
  }
  return edits;
}

/** Returns true when only the child, its comma and white space are between two offsets. */
function isBlank(text: string, start: number, child: Node, comma: number | undefined, end: number) {
  const rest = text.slice(start, child.offset) + text.slice(endOf(child), end);
  return rest.replace(comma === undefined ? "" : ",", "").trim() === "";
}

/** Returns the range of a child's lines, with the break before, when nothing else is on them. */
function lineOf(text: string, child: Node, comma: number | undefined) {
  if (!beginsItsLine(text, child.offset)) return undefined;
  const after = /^[ \t]*(,?)[ \t]*(?=\r?\n|$)/.exec(text.slice(endOf(child)));
  if (!after || (after[1] === "") !== (comma === undefined)) return undefined;
  const lineStart = text.lastIndexOf("\n", child.offset - 1);
  const start = text[lineStart - 1] === "\r" ? lineStart - 1 : lineStart;
  return { start, end: endOf(child) + after[0].length };
}
