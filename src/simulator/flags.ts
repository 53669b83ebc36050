/**
 * Parses faults and habits from texts, for command lines and settings.
 *
 * A fault is its kind, with a value where it takes one, then in any order the conditions for its
 * requests, each after a colon:
 *
 * ```text
 * reset:POST:/events:chance=20%
 * status=529:GET:/sessions/*:from=3:times=2
 * drop_after=3:/stream
 * lost_ack:user.tool_confirmation:times=1
 * ```
 *
 * A habit is `name=value`: `listLagMs=500`, `interrupts=silent`, `listIgnores=order+limit`.
 *
 * @module
 */

import type { Fault, FaultRule } from "./faults.ts";
import { HABIT_VALUES, type Habits, hostedHabits, type IgnorableParameter } from "./habits.ts";

/** Longest delay of a fault, in milliseconds: an hour. */
const MAX_DELAY_MS = 3_600_000;

/** Parses the value after a fault's kind. */
type MakeFault = (value: string) => Fault | undefined;

function withEvents<K extends "drop_after" | "end_after" | "silence_after">(kind: K): MakeFault {
  return (value) => {
    const events = count(value, 0);
    return events === undefined ? undefined : { kind, events };
  };
}

function withMs<K extends "latency" | "slow_first_byte">(kind: K): MakeFault {
  return (value) => {
    const ms = milliseconds(value);
    return ms === undefined ? undefined : { kind, ms };
  };
}

function withoutValue<K extends "reset" | "hang" | "lost_ack">(kind: K): MakeFault {
  return (value) => value === "" ? { kind } : undefined;
}

/** An `error_code` of the API's errors, such as `enforced_spend_limit_reached`. */
const ERROR_CODE = /^[a-z][a-z_]*$/;

/** Every kind of fault: the parser of its value, and an example to type. */
const KINDS: { readonly [K in Fault["kind"]]: readonly [example: string, make: MakeFault] } = {
  latency: ["latency=2s", withMs("latency")],
  status: ["status=529", (value) => {
    const [number = "", ...parts] = value.split("+");
    const status = count(number, 400, 599);
    const retryAfter = parts.map((part) => count(part, 0)).find((part) => part !== undefined);
    const code = parts.find((part) => ERROR_CODE.test(part));
    const read = [retryAfter, code].filter((part) => part !== undefined).length;
    if (status === undefined || read !== parts.length) return;
    return {
      kind: "status",
      status,
      ...(retryAfter !== undefined && { retryAfter }),
      ...(code !== undefined && { code }),
    };
  }],
  reset: ["reset", withoutValue("reset")],
  hang: ["hang", withoutValue("hang")],
  lost_ack: ["lost_ack", withoutValue("lost_ack")],
  drop_after: ["drop_after=3", withEvents("drop_after")],
  end_after: ["end_after=3", withEvents("end_after")],
  silence_after: ["silence_after=3", withEvents("silence_after")],
  malformed_frame: ["malformed_frame=3", (value) => {
    const after = count(value, 0);
    return after === undefined ? undefined : { kind: "malformed_frame", after };
  }],
  slow_first_byte: ["slow_first_byte=2s", withMs("slow_first_byte")],
};

function isKind(word: string): word is Fault["kind"] {
  return Object.hasOwn(KINDS, word);
}

/**
 * Parses a fault.
 *
 * @throws RangeError one line that says what to type
 */
export function parseFault(text: string): FaultRule {
  const [head = "", ...parts] = text.split(":");
  const { name: kind, value } = pair(head);
  if (!isKind(kind)) {
    throw new RangeError(`'${kind}' is no fault: type one of ${Object.keys(KINDS).join(", ")}`);
  }
  const [example, make] = KINDS[kind];
  const fault = make(value ?? "");
  if (!fault) throw new RangeError(`Cannot use '${head}' as a fault: type it as ${example}`);
  let rule: FaultRule = { fault };
  for (const part of parts) rule = { ...rule, ...readPart(part, rule.match, text) };
  return rule;
}

/** Parses one condition of a fault. */
function readPart(part: string, match: FaultRule["match"], text: string): Partial<FaultRule> {
  const { name, value = "" } = pair(part);
  if (/^(GET|POST|DELETE)$/.test(part)) return { match: { ...match, method: part } };
  if (part.startsWith("/")) return { match: { ...match, path: pathEnding(part) } };
  if (/^(user|system)\.[a-z_]+$/.test(part)) return { match: { ...match, event: part } };
  const number = name === "from" || name === "times" ? count(value, 1) : undefined;
  if (number !== undefined) return { [name]: number };
  const percent = name === "chance" ? /^(\d+(?:\.\d+)?)%$/.exec(value)?.[1] : undefined;
  if (percent !== undefined && Number(percent) <= 100) return { chance: Number(percent) / 100 };
  throw new RangeError(
    `Cannot use '${part}' in the fault '${text}': type GET, POST or DELETE, the end of a path such ` +
      "as /events, an event such as user.tool_confirmation, from=3, times=2 or chance=20%",
  );
}

/** Makes a pattern of paths with this end; `*` stands for one part of a path. */
function pathEnding(text: string): RegExp {
  const escaped = text.replace(
    /[.*+?^${}()|[\]\\]/g,
    (sign) => sign === "*" ? "[^/]+" : `\\${sign}`,
  );
  return new RegExp(`${escaped}$`);
}

/**
 * Parses a habit.
 *
 * @throws RangeError one line that says what to type
 */
export function parseHabit(text: string): Partial<Habits> {
  const { name, value } = pair(text);
  if (!isHabit(name)) {
    throw new RangeError(`'${name}' is no habit: docs/simulator.md lists them`);
  }
  const [read, toType] = habitReader(name);
  const habit = read(value ?? "");
  if (habit === undefined) {
    throw new RangeError(`Cannot use '${text}' as a habit: type ${name}=${toType}`);
  }
  return { [name]: habit };
}

type HabitValue = Habits[keyof Habits];

/** Returns the parser of a habit's value, and the values for people. */
function habitReader(
  name: keyof Habits,
): [read: (value: string) => HabitValue | undefined, toType: string] {
  if (name === "listIgnores") {
    const known: readonly IgnorableParameter[] = HABIT_VALUES[name];
    const read = (value: string) => {
      const words = value.split("+").map((word) => known.find((one) => one === word));
      return words.includes(undefined) ? undefined : words.filter((word) => word !== undefined);
    };
    return [read, `${known.join("+")}, or some of these`];
  }
  if (isWorded(name)) {
    const known: readonly HabitValue[] = HABIT_VALUES[name];
    return [(value) => known.find((one) => String(one) === value), known.join(" or ")];
  }
  if (typeof hostedHabits[name] === "number") {
    return name.endsWith("Ms")
      ? [milliseconds, "milliseconds, such as 500"]
      : [(value) => count(value, 0), "a whole number"];
  }
  const switches = new Map([["true", true], ["false", false]]);
  return [(value) => switches.get(value), "true or false"];
}

function isHabit(name: string): name is keyof Habits {
  return Object.hasOwn(hostedHabits, name);
}

function isWorded(name: string): name is keyof typeof HABIT_VALUES {
  return Object.hasOwn(HABIT_VALUES, name);
}

/** Splits `name=value`. */
function pair(text: string): { readonly name: string; readonly value?: string } {
  const at = text.indexOf("=");
  return at < 0 ? { name: text } : { name: text.slice(0, at), value: text.slice(at + 1) };
}

function count(text: string, min: number, max = 1_000_000): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined;
}

/** Parses `2s`, `500ms` or a number of milliseconds. */
function milliseconds(text: string): number | undefined {
  const [, value, unit] = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text) ?? [];
  const ms = Number(value) * (unit === "s" ? 1000 : 1);
  return ms <= MAX_DELAY_MS ? ms : undefined;
}
