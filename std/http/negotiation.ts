/**
 * Content negotiation by the `Accept` header (RFC 9110, 12.5.1).
 *
 * @module
 */

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly q: number;
  readonly order: number;
}

function parseRanges(header: string): MediaRange[] {
  const ranges: MediaRange[] = [];
  for (const [order, part] of header.split(",").entries()) {
    const [range = "", ...params] = part.split(";").map((piece) => piece.trim().toLowerCase());
    const [type, subtype] = range.split("/");
    if (!type || !subtype) continue;
    const q = params.find((param) => param.startsWith("q="))?.slice(2);
    ranges.push({ type, subtype, q: q === undefined ? 1 : Number.parseFloat(q), order });
  }
  return ranges;
}

function specificity(range: MediaRange, type: string, subtype: string): number {
  if (range.type === type && range.subtype === subtype) return 3;
  if (range.type === type && range.subtype === "*") return 2;
  return range.type === "*" && range.subtype === "*" ? 1 : 0;
}

/**
 * The media types that the request accepts, best first; with `types`, the best of those, or
 * `undefined` when it accepts none of them.
 */
export function accepts(request: Pick<Request, "headers">): string[];
export function accepts(
  request: Pick<Request, "headers">,
  ...types: string[]
): string | undefined;
export function accepts(
  request: Pick<Request, "headers">,
  ...types: string[]
): string | string[] | undefined {
  const header = request.headers.get("accept");
  if (header === null) return types.length > 0 ? types[0] : ["*/*"];
  const ranges = parseRanges(header);
  if (types.length === 0) {
    return ranges.filter((range) => range.q > 0)
      .sort((a, b) => b.q - a.q || a.order - b.order)
      .map((range) => `${range.type}/${range.subtype}`);
  }
  const candidates = types.map((text, index) => {
    const [type = "", subtype = ""] = text.toLowerCase().split("/");
    const best = ranges
      .map((range) => ({ range, rank: specificity(range, type, subtype) }))
      .filter(({ rank }) => rank > 0)
      .sort((a, b) => b.rank - a.rank)[0];
    return { text, index, q: best?.range.q ?? 0, rank: best?.rank ?? 0 };
  });
  return candidates.filter(({ q }) => q > 0)
    .sort((a, b) => b.q - a.q || b.rank - a.rank || a.index - b.index)[0]?.text;
}
