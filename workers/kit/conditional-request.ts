/** Conditional requests of RFC 9110: whether the client already has the current state. */

/** The validators of an object's state. */
export interface Validators {
  /** With its quotes. */
  readonly etag: string;
  /** Time of its last change, milliseconds since the epoch. */
  readonly changedMs: number;
}

/**
 * The `Last-Modified` time of an object changed at `changedMs`. It has whole seconds, and live objects change several
 * times per second: within the second of a change the previous second is sent, so that no two states share a time.
 */
export function computeLastModifiedMs(changedMs: number, nowMs: number): number {
  const second = Math.floor(changedMs / 1_000);
  return 1_000 * (Math.floor(nowMs / 1_000) > second ? second : second - 1);
}

/** Whether the response to a `GET` or `HEAD` is 304. */
export function isNotModified(headers: Headers, { etag, changedMs }: Validators): boolean {
  const tags = headers.get("if-none-match");
  if (tags !== null) return matchesEtag(tags, etag);
  // §13.1.3: "A recipient MUST ignore If-Modified-Since if the request contains an If-None-Match header field", and where
  // its value is not a valid date.
  const since = headers.get("if-modified-since");
  return since !== null && 1_000 * Math.floor(changedMs / 1_000) <= Date.parse(since);
}

/** §13.1.2: the weak comparison, and "*" for any state. */
function matchesEtag(tags: string, etag: string): boolean {
  const opaque = etag.replace(/^W\//, "");
  return tags.trim() === "*" || (tags.match(/"[^"]*"/g)?.includes(opaque) ?? false);
}
