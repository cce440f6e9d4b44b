/** A welcome that fits what its receiver may be sent: what it missed, else as many of the last events as there is room for. */
import type { RoomEvent } from "./events.ts";
import type { ServerFrame, Stretch } from "./wire.ts";

/** What a welcome says beside the events. */
export type Greeting = Omit<Extract<ServerFrame, { type: "welcome" }>, keyof Stretch | "recovered">;

/** The frame in JSON, of at most `bytes`; null if not even one without events fits. `missed`: null where that can't be told. */
export function encodeWelcome(
  greeting: Greeting,
  missed: Stretch | null,
  recent: () => Stretch,
  bytes: number,
): { readonly text: string; readonly bytes: number } | null {
  if (missed !== null) {
    const whole = encode(greeting, true, missed, missed.events.map(encodeEvent));
    if (whole.bytes <= bytes) return whole;
  }
  const stretch = recent();
  const events = stretch.events.map(encodeEvent);
  const room = bytes - encode(greeting, false, stretch, []).bytes;
  if (room < 0) return null;
  const first = firstThatFits(events, room);
  const from = first === 0 ? stretch.from : (stretch.events[first - 1]?.offset ?? stretch.from);
  const fitting = events.slice(first);
  const unseen = stretch.to - from - fitting.length;
  return encode(greeting, false, { ...stretch, from, unseen }, fitting);
}

interface Encoded {
  readonly text: string;
  readonly bytes: number;
}

function encodeEvent(event: RoomEvent): Encoded {
  const text = JSON.stringify(event);
  // With the comma before it.
  return { text, bytes: utf8Length(text) + 1 };
}

function encode(
  greeting: Greeting,
  recovered: boolean,
  { epoch, from, to, unseen }: Omit<Stretch, "events">,
  events: readonly Encoded[],
): Encoded {
  const head = JSON.stringify({ ...greeting, recovered, epoch, from, to, unseen });
  const text = `${head.slice(0, -1)},"events":[${events.map((event) => event.text).join()}]}`;
  return { text, bytes: utf8Length(head) + 12 + events.reduce((sum, event) => sum + event.bytes, 0) + DIGITS };
}

/** Numbers of a head that grow when events are left out. */
const DIGITS = 16;

function firstThatFits(events: readonly Encoded[], room: number): number {
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
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    // A pair of surrogates is four bytes: two for each.
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
