/** `Retry-After` in milliseconds, or null where it is missing or a date. */
export function retryAfterMs(value: string | undefined, maxMs: number): number | null {
  const seconds = value === undefined || !/^\d+$/.test(value.trim()) ? Number.NaN : Number(value);
  return Number.isNaN(seconds) ? null : Math.min(maxMs, seconds * 1000);
}
