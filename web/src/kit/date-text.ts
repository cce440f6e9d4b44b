/** Dates as every page writes them; pure. */

/** The reader's language and time zone; absent: the browser's. */
interface DateReader {
  readonly locale?: string;
  readonly timeZone?: string;
}

/**
 * A day and its time for those who read it at `nowMs`: `Sat, 5 Dec, 19:00`, with `long` `Saturday 5 December at 19:00`. The year
 * is named unless it is the present one. Empty if `atMs` is no time.
 */
export function formatDateTime(
  atMs: number,
  nowMs: number,
  length: "short" | "long" = "short",
  { locale, timeZone }: DateReader = {},
): string {
  if (!Number.isFinite(atMs)) return "";
  const zone = timeZone === undefined ? {} : { timeZone };
  // In the reader's calendar and time zone, whose year may be another one than that of UTC.
  const yearOf = new Intl.DateTimeFormat(locale, { year: "numeric", ...zone });
  return new Intl.DateTimeFormat(locale, {
    weekday: length,
    ...(yearOf.format(atMs) === yearOf.format(nowMs) ? {} : { year: "numeric" }),
    month: length,
    day: "numeric",
    hour: "numeric",
    minute: "2-digit",
    ...zone,
  }).format(atMs);
}
