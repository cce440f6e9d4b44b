/** A welcome that fits what its receiver may be sent: what it missed, else as many of the last events as there is room for. */
import type { RoomEvent } from "../events.ts";
import type { EventRange, ServerFrame } from "../room-protocol.ts";

/** What a welcome says beside the events. */
export type WelcomeHeader = Omit<Extract<ServerFrame, { type: "welcome" }>, keyof EventRange | "recovered">;

/** The frame in JSON, of at most `bytes`; null if not even one without events fits. `missed`: null where that can't be told. */
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
  const stretch = recent();
  const events = stretch.events.map(encodeEvent);
  const room = maxBytes - encodeFrame(header, false, stretch, []).bytes;
  if (room < 0) return null;
  const first = firstFittingIndex(events, room);
  const from = first === 0 ? stretch.from : (stretch.events[first - 1]?.offset ?? stretch.from);
  const fitting = events.slice(first);
  const unseen = stretch.to - from - fitting.length;
  return encodeFrame(header, false, { ...stretch, from, unseen }, fitting);
}

interface EncodedJson {
  readonly text: string;
  readonly bytes: number;
}

function encodeEvent(event: RoomEvent): EncodedJson {
  const text = JSON.stringify(event);
  // With the comma before it.
  return { text, bytes: utf8ByteLength(text) + 1 };
}

function encodeFrame(
  greeting: WelcomeHeader,
  recovered: boolean,
  { epoch, from, to, unseen }: Omit<EventRange, "events">,
  events: readonly EncodedJson[],
): EncodedJson {
  const head = JSON.stringify({ ...greeting, recovered, epoch, from, to, unseen });
  const text = `${head.slice(0, -1)},"events":[${events.map((event) => event.text).join()}]}`;
  return {
    text,
    bytes: utf8ByteLength(head) + 12 + events.reduce((sum, event) => sum + event.bytes, 0) + OFFSET_DIGITS_RESERVE,
  };
}

/** Numbers of a head that grow when events are left out. */
const OFFSET_DIGITS_RESERVE = 16;

function firstFittingIndex(events: readonly EncodedJson[], room: number): number {
  let left = room;
  let first = events.length;
  while (first > 0) {
    left -= events[first - 1]?.bytes ?? 0;
    if (left < 0) break;
    first -= 1;
  }
  return first;
}

/** Bytes of a well-formed text in UTF-8. */
export function utf8ByteLength(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    // A pair of surrogates is four bytes: two for each.
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
