/** What a viewer passes on: the stream's address without anything of the viewer's own. */

/** The shared address; `atS`: seconds of the recording at which it begins. */
export function shareLink(origin: string, stream: string, atS: number | null): string {
  const time = atS === null || atS < 1 ? "" : `?t=${Math.floor(atS)}`;
  return `${origin}/watch/${stream}${time}`;
}

/** The start in an address' query, seconds; null without a valid one. */
export function parseStartTime(query: string): number | null {
  const text = new URLSearchParams(query).get("t") ?? "";
  return /^\d{1,7}$/.test(text) ? Number(text) : null;
}
