/**
 * Query parameters, checked as the API checks them.
 *
 * @module
 */

import { invalid } from "./errors.ts";
import type { Habits } from "./habits.ts";
import { parseMicros } from "./ids.ts";

/** The habits that decide how a query is read. */
export type QueryHabits = Pick<Habits, "unknownQuery" | "listIgnores">;

/** Bounds of a time in microseconds since the epoch, inclusive. */
export interface MicrosRange {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** A request's query, whose parameters are all known. */
export class RequestQuery {
  readonly #params: URLSearchParams;
  readonly #ignored: readonly string[];

  /**
   * @param known names that the endpoint accepts; others get 400, except `beta`, which older
   * clients still send
   */
  constructor(params: URLSearchParams, known: readonly string[], habits: QueryHabits) {
    this.#ignored = habits.listIgnores;
    const kept = [...params].filter(([name]) => !this.ignores(name.replace(/\[.*$/, "")));
    this.#params = new URLSearchParams(kept);
    if (habits.unknownQuery === "ignored") return;
    for (const [name] of kept) {
      if (name === "beta" || known.includes(name)) continue;
      const valid = known.length > 0 ? `Valid parameters: ${known.join(", ")}.` : "None is valid.";
      throw invalid(`Unknown query parameter "${name}". ${valid}`);
    }
  }

  /** Returns true for a parameter, by its bare name, that has no effect. */
  ignores(name: string): boolean {
    return this.#ignored.includes(name);
  }

  /** Returns the parameter's value; an empty one counts as absent. */
  text(name: string): string | undefined {
    return this.#params.get(name) || undefined;
  }

  all(name: string): string[] {
    return this.#params.getAll(name);
  }

  /** Returns the parameter's values, each of which must be one of `allowed`. */
  allOf(name: string, allowed: readonly string[]): string[] {
    const values = this.all(name);
    const wrong = values.find((value) => !allowed.includes(value));
    if (wrong === undefined) return values;
    throw invalid(`${name}: "${wrong}" is not one of ${allowed.join(", ")}.`);
  }

  integer(name: string, bounds: { min: number; max: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
    if (value >= bounds.min && value <= bounds.max) return value;
    throw invalid(`${name}: must be an integer from ${bounds.min} to ${bounds.max}.`);
  }

  /** Returns the entries per page: `fallback` without the parameter, all where it has no effect. */
  limit(fallback: number, max: number): number {
    if (this.ignores("limit")) return Infinity;
    return this.integer("limit", { min: 1, max }) ?? fallback;
  }

  flag(name: string): boolean {
    const text = this.text(name);
    if (text === undefined || text === "false") return false;
    if (text === "true") return true;
    throw invalid(`${name}: must be true or false.`);
  }

  order(fallback: "asc" | "desc"): "asc" | "desc" {
    const text = this.text("order") ?? fallback;
    if (text === "asc" || text === "desc") return text;
    throw invalid("order: must be asc or desc.");
  }

  /** Reads the bounds in `name[gt]`, `name[gte]`, `name[lt]` and `name[lte]`. */
  range(name: string): MicrosRange {
    const at = (suffix: string, shift: number) => {
      const text = this.text(`${name}[${suffix}]`);
      if (text === undefined) return undefined;
      const micros = parseMicros(text);
      if (micros === undefined) throw invalid(`${name}[${suffix}]: must be an RFC 3339 time.`);
      return micros + shift;
    };
    const tightest = (pick: (...values: number[]) => number, ...values: (number | undefined)[]) => {
      const given = values.filter((value) => value !== undefined);
      return given.length > 0 ? pick(...given) : undefined;
    };
    return {
      min: tightest(Math.max, at("gte", 0), at("gt", 1)),
      max: tightest(Math.min, at("lte", 0), at("lt", -1)),
    };
  }

  /**
   * Returns the part of the query that a cursor belongs to: everything but the page and its size.
   */
  fingerprint(): string {
    return [...this.#params]
      .filter(([name, value]) => !["page", "limit", "beta"].includes(name) && value !== "")
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join("&");
  }
}
