/**
 * Times, sizes, money and lists as the person's locale writes them, by `Intl`.
 *
 * @module
 */

/** Writes values for one locale. */
export interface Format {
  /** The locale, for the language of the elements that hold its texts. */
  readonly locale: string;
  /** Time of day, `14:03:22`; undefined for a text that is no time. */
  time(iso: string): string | undefined;
  /** Day and time. */
  dateTime(iso: string): string | undefined;
  /** Minutes and seconds as on a clock, with hours where there are any: `1:02:03`. */
  duration(seconds: number): string;
  /** Dollars; amounts below a cent with more digits. */
  dollars(amount: number): string;
  /** Bytes, in the largest unit that leaves a whole number. */
  bytes(count: number): string;
  number(value: number): string;
}

/** Units of sizes by `Intl`, each a thousand of the one before. */
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/**
 * Makes the format of a locale.
 *
 * @param locale BCP 47; one that the browser does not know counts as `en-US`
 * @param timeZone of the IANA; one that the browser does not know counts as its own
 */
export function formatFor(locale: string, timeZone?: string): Format {
  const known = knownLocale(locale);
  const zone = timeZone !== undefined && isTimeZone(timeZone) ? timeZone : undefined;
  const time = new Intl.DateTimeFormat(known, { timeStyle: "medium", timeZone: zone });
  const dateTime = new Intl.DateTimeFormat(known, {
    dateStyle: "medium",
    timeStyle: "medium",
    timeZone: zone,
  });
  const number = new Intl.NumberFormat(known);
  const twoDigits = new Intl.NumberFormat(known, { minimumIntegerDigits: 2 });
  return {
    locale: known,
    time: (iso) => at(iso, time),
    dateTime: (iso) => at(iso, dateTime),
    duration(seconds) {
      const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
      const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
      const tail = twoDigits.format(whole % 60);
      return hours > 0
        ? `${number.format(hours)}:${twoDigits.format(minutes)}:${tail}`
        : `${number.format(minutes)}:${tail}`;
    },
    dollars: (amount) =>
      new Intl.NumberFormat(known, {
        style: "currency",
        currency: "USD",
        ...amount > 0 && amount < 0.01
          ? { maximumSignificantDigits: 2 }
          : { minimumFractionDigits: 2, maximumFractionDigits: 2 },
      }).format(amount),
    bytes(count) {
      const power = Math.min(
        UNITS.length - 1,
        Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)),
      );
      const value = count / 1_000 ** power;
      return new Intl.NumberFormat(known, {
        style: "unit",
        unit: UNITS[power],
        unitDisplay: power === 0 ? "long" : "short",
        maximumFractionDigits: power === 0 || value >= 100 ? 0 : 1,
      }).format(value);
    },
    number: (value) => number.format(value),
  };
}

function at(iso: string, format: Intl.DateTimeFormat): string | undefined {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? undefined : format.format(ms);
}

function knownLocale(locale: string): string {
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? "en-US";
  } catch {
    return "en-US";
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
