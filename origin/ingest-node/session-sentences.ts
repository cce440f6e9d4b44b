/** What a session tells its operator. Pure. */
import type { Transcoder } from "../packager/transcoder.ts";

/** A sender is encoded anew for `reason`: what it costs. */
export function describeTranscoding({ used, options: { limit } }: Transcoder, reason: string): string {
  const cost = `takes processor cores (${used} of ${limit} places are taken) and about a second of delay`;
  return `${withFullStop(reason)} Until then the picture is encoded anew here, which ${cost}.`;
}

/** A sender would be encoded anew for `reason`, but no place is free. */
export function describeFullTranscoder({ options: { limit } }: Transcoder, reason: string): string {
  const full = `as many broadcasts are encoded anew here as this machine can (${limit})`;
  return `${withFullStop(reason)} Passed-through senders are still admitted; ${full}`;
}

/** `text` with one full stop. */
export function withFullStop(text: string): string {
  return `${text.replace(/\.+$/, "")}.`;
}
