/**
 * What is known of a room's history from outside: every event that anybody got, and every acknowledgement. All of it must
 * agree: one event at an offset, a command at one offset, and nothing of whoever had lost the right before.
 */

import type { RoomEvent } from "../../../core/room/events.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { isCommonText, REWRITTEN_MARK } from "./message-texts.ts";
import type { ReviewLedger } from "./review-ledger.ts";

/** An event as its offset stands for it; the text of messages beside it, where it was seen. */
interface KnownEvent {
  readonly kind: string;
  readonly subject: string | null;
  text: string | null;
  detail: string;
}

/** Where nothing may be written by somebody from an offset on; `untilOffset`: it was allowed again. */
interface Silence {
  readonly why: string;
  /** Null: nobody may write. */
  readonly subject: string | null;
  readonly fromOffset: number;
  untilOffset: number;
}

/** An event that removes others. */
export interface KnownRemoval {
  readonly offset: number;
  readonly scope: "message" | "author" | "events";
  readonly target: number | string | readonly number[];
}

const isBlank = (event: RoomEvent): boolean =>
  (event.kind === "chat" && event.gone === true) || (event.kind === "erase" && event.targets.length === 0);

function subjectOf(event: RoomEvent): string | null {
  if (event.kind === "chat") return event.by.subject;
  return "subject" in event ? event.subject : null;
}

function detailOf(event: RoomEvent): string {
  const { kind, offset, atMs, programmeMs, ...rest } = event as RoomEvent & Record<string, unknown>;
  return kind === "chat" ? "" : JSON.stringify(rest);
}

/** The history of one room. */
export class RoomLedger {
  readonly #fail: (checker: string, message: string) => void;
  readonly #reviews: ReviewLedger;
  readonly #events = new Map<number, KnownEvent>();
  readonly #offsetOfText = new Map<string, number>();
  readonly #silences: Silence[] = [];
  readonly removals: KnownRemoval[] = [];
  /** Offsets of acknowledged events. */
  readonly acknowledged: Set<number> = new Set();
  /** Subjects whose data was erased: their events may be blank. */
  readonly erased: Set<string> = new Set();
  #epoch: string | null = null;
  head = 0;

  constructor(fail: (checker: string, message: string) => void, reviews: ReviewLedger) {
    this.#fail = fail;
    this.#reviews = reviews;
  }

  /** Events that are known. */
  get size(): number {
    return this.#events.size;
  }

  /** The text at an offset, or null. */
  textAt(offset: number): string | null {
    return this.#events.get(offset)?.text ?? null;
  }

  /** The author, or the subject, of an event. */
  subjectAt(offset: number): string | null {
    return this.#events.get(offset)?.subject ?? null;
  }

  /** An offset of a text, or null. */
  offsetOf(text: string): number | null {
    return this.#offsetOfText.get(text) ?? null;
  }

  /** A frame with events says which epoch they are of. */
  seeEpoch(epoch: string, to: number, who: string): void {
    if (to === 0) return;
    this.#epoch ??= epoch;
    if (this.#epoch !== epoch) this.#fail("epoch", `${who} got epoch ${epoch}, and the room's was ${this.#epoch}`);
  }

  /** Somebody got an event. */
  see(event: RoomEvent, who: string): void {
    const { offset, kind } = event;
    this.head = Math.max(this.head, offset);
    const known = this.#events.get(offset);
    if (known === undefined) {
      if (isBlank(event)) return;
      const text = event.kind === "chat" ? event.text : null;
      const made: KnownEvent = { kind, subject: subjectOf(event), text, detail: detailOf(event) };
      this.#events.set(offset, made);
      this.#noteRemoval(event);
      if (text !== null) this.#noteText(text, offset, who);
      this.#checkSilences(offset, made, who);
      return;
    }
    if (isBlank(event)) return;
    const isErased = known.subject !== null && this.erased.has(known.subject);
    if (isErased && subjectOf(event) === "") return;
    const text = event.kind === "chat" ? event.text : null;
    const isSame = known.kind === kind && known.subject === subjectOf(event) && known.text === text;
    if (!isSame || known.detail !== detailOf(event)) {
      const is = JSON.stringify({ kind, subject: subjectOf(event), text, detail: detailOf(event) });
      this.#fail("order", `${who} got ${is} at offset ${offset}, which is ${JSON.stringify(known)}`);
    }
  }

  /** A command was acknowledged. */
  acknowledge(outcome: CommandOutcome, text: string | null, who: string): void {
    if (!outcome.ok || outcome.event === undefined) return;
    const { event } = outcome;
    const isSame =
      event.kind === "chat" &&
      (event.gone === true || event.text === text || event.text === `${text}${REWRITTEN_MARK}`);
    if (text !== null && !isSame)
      this.#fail("acknowledgement", `${who} wrote "${text}", and was told ${JSON.stringify(event)}`);
    this.see(event, who);
    this.acknowledged.add(event.offset);
  }

  /** From now on nobody may write, or this subject; the room's storage is at `fromOffset`. Returns what ends that. */
  silence(why: string, subject: string | null, fromOffset: number): (atOffset: number) => void {
    const silence: Silence = { why, subject, fromOffset, untilOffset: Number.POSITIVE_INFINITY };
    this.#silences.push(silence);
    for (const [offset, event] of this.#events) this.#checkSilence(silence, offset, event, "the log");
    return (atOffset) => {
      silence.untilOffset = atOffset;
    };
  }

  #noteText(text: string, offset: number, who: string): void {
    if (isCommonText(text)) return;
    if (this.#reviews.isWithheld(text)) this.#fail("review", `${who} got "${text}", which is held and nobody approved`);
    const before = this.#offsetOfText.get(text);
    if (before !== undefined && before !== offset)
      this.#fail("once", `${who} got "${text}" at offset ${offset}, and it was at ${before}`);
    this.#offsetOfText.set(text, offset);
  }

  #noteRemoval(event: RoomEvent): void {
    if (event.kind === "delete") this.removals.push({ offset: event.offset, scope: "message", target: event.target });
    else if (event.kind === "clear")
      this.removals.push({ offset: event.offset, scope: "author", target: event.subject });
    else if (event.kind === "erase")
      this.removals.push({ offset: event.offset, scope: "events", target: event.targets });
  }

  #checkSilences(offset: number, event: KnownEvent, who: string): void {
    for (const silence of this.#silences) this.#checkSilence(silence, offset, event, who);
  }

  #checkSilence(
    { why, subject, fromOffset, untilOffset }: Silence,
    offset: number,
    event: KnownEvent,
    who: string,
  ): void {
    if (event.kind !== "chat" || offset <= fromOffset || offset > untilOffset) return;
    if (subject !== null && event.subject !== subject) return;
    // It was written before, and a moderator approved it.
    if (event.text !== null && this.#reviews.wasApproved(event.text)) return;
    this.#fail(
      "silence",
      `${who} got "${event.text}" of ${event.subject} at offset ${offset}: ${why} at ${fromOffset}`,
    );
  }

  /** The removal of a message that is at or before an offset, or null. */
  removalOf(offset: number, author: string, until: number): KnownRemoval | null {
    for (const removal of this.removals) {
      if (removal.offset > until || removal.offset <= offset) continue;
      const { scope, target } = removal;
      if (scope === "message" && target === offset) return removal;
      if (scope === "author" && target === author) return removal;
      if (scope === "events" && (target as readonly number[]).includes(offset)) return removal;
    }
    return null;
  }
}
