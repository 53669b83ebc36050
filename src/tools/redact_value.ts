/**
 * Redaction of a result before it becomes text.
 *
 * @module
 */

import type { Redact } from "../core/redact.ts";

/**
 * The value with every text in it redacted. Done before serialising, since a pattern that runs over
 * JSON text could eat a quote of it.
 */
export function redactValue(value: Record<string, unknown>, redact: Redact): typeof value {
  return redactFields(value, redact);
}

function redactFields(fields: Record<string, unknown>, redact: Redact): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [redact(name), redactField(name, field, redact)]),
  );
}

function redactField(name: string, value: unknown, redact: Redact): unknown {
  if (typeof value === "string") return redactText(name, value, redact);
  if (Array.isArray(value)) return value.map((item) => redactField("", item, redact));
  if (typeof value === "object" && value !== null) return redactFields({ ...value }, redact);
  return value;
}

/** The name decides too: the value of `x-api-key` is a key whatever it looks like. */
function redactText(name: string, text: string, redact: Redact): string {
  const prefix = `${name}: `;
  const line = redact(prefix + text);
  return name !== "" && line.startsWith(prefix) ? line.slice(prefix.length) : redact(text);
}
