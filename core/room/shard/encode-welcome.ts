/** Encodes a welcome within a byte limit: with all missed events, else with as many recent events as fit. */
import type { RoomEvent } from "../events.ts";
import type { EventRange, ServerFrame } from "../room-protocol.ts";

/** A welcome without its events. */
export type WelcomeHeader = Omit<Extract<ServerFrame, { type: "welcome" }>, keyof EventRange | "recovered">;

/** The frame in JSON, of at most `maxBytes`; null if not even a frame without events fits. `missed`: null if unavailable. */
export function encodeWelcomeFrame(
  header: WelcomeHeader,
  missed: EventRange | null,
  recent: () => EventRange,
  maxBytes: number,
): { readonly text: string; readonly bytes: number } | null {
  if (missed !== null) {
    const whole = encodeFrame(header, true, missed, missed.events.map(encodeEvent));
    if (whole.bytes <= maxBytes) return whole;
  }
  const range = recent();
  const events = range.events.map(encodeEvent);
  const availableBytes = maxBytes - encodeFrame(header, false, range, []).bytes;
  if (availableBytes < 0) return null;
  const first = firstFittingIndex(events, availableBytes);
  const from = first === 0 ? range.from : (range.events[first - 1]?.offset ?? range.from);
  const fitting = events.slice(first);
  const unseen = range.to - from - fitting.length;
  return encodeFrame(header, false, { ...range, from, unseen }, fitting);
}

interface EncodedJson {
  readonly text: string;
  readonly bytes: number;
}

function encodeEvent(event: RoomEvent): EncodedJson {
  const text = JSON.stringify(event);
  // Includes the separating comma.
  return { text, bytes: utf8ByteLength(text) + 1 };
}

function encodeFrame(
  header: WelcomeHeader,
  recovered: boolean,
  { epoch, from, to, unseen }: Omit<EventRange, "events">,
  events: readonly EncodedJson[],
): EncodedJson {
  const head = JSON.stringify({ ...header, recovered, epoch, from, to, unseen });
  const text = `${head.slice(0, -1)},"events":[${events.map((event) => event.text).join()}]}`;
  return {
    text,
    bytes: utf8ByteLength(head) + 12 + events.reduce((sum, event) => sum + event.bytes, 0) + OFFSET_DIGITS_RESERVE,
  };
}

/** Digits by which the header's numbers may grow when events are left out. */
const OFFSET_DIGITS_RESERVE = 16;

/** The index from which on all events fit. */
function firstFittingIndex(events: readonly EncodedJson[], availableBytes: number): number {
  let remainingBytes = availableBytes;
  let first = events.length;
  while (first > 0) {
    remainingBytes -= events[first - 1]?.bytes ?? 0;
    if (remainingBytes < 0) break;
    first -= 1;
  }
  return first;
}

/** The UTF-8 length of a well-formed text, bytes. */
export function utf8ByteLength(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    // A surrogate pair is four bytes: two for each unit.
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
