/** What must hold of one flow response: its bytes are those that were published, in order, with nothing left out unsaid. */
import type { FlowEvent } from "../../../core/delivery/flow/flow-boxes.ts";
import { FLOW_EVENT_SCHEME, NTP_EPOCH_S } from "../../../core/delivery/flow/flow-boxes.ts";
import { BoxSplitter, type TopLevelBox } from "../../../core/media/cmaf/box-splitter.ts";
import { trackIdsOf } from "../../../core/media/cmaf/init.ts";
import type { PublishedBroadcast, PublishedPart } from "./ledger.ts";

/** What a response was asked for. */
export interface JudgedRequest {
  readonly broadcast: PublishedBroadcast;
  /** Names of tracks; the first leads. */
  readonly video: string | null;
  readonly audio: string | null;
  readonly join: "latest" | "next";
}

/** Program times are sent in whole ticks of a 2³² of a second, and parts have fractions of milliseconds. */
const CLOCK_TOLERANCE_MS = 1;

const decoder = new TextDecoder();

interface TrackProgress {
  readonly name: string;
  readonly isLead: boolean;
  last: PublishedPart | null;
  /** Media was left out, as the response has said. */
  maySkip: boolean;
}

/** A part that came, and its track. */
export interface JudgedPart {
  readonly track: string;
  readonly part: PublishedPart;
}

/** The judge of one response. */
export class FlowJudge {
  readonly #request: JudgedRequest;
  readonly #fail: (checker: string, message: string) => void;
  readonly #isUndisturbed: () => boolean;
  readonly #boxes = new BoxSplitter("flow");
  readonly #tracks: readonly TrackProgress[];
  /** The boxes of what is not complete. */
  #pieces: TopLevelBox[] = [];
  /** Ids of the response's tracks, as its init section has them; null before it. */
  #trackIds: readonly number[] | null = null;
  #clock: { readonly trackId: number; readonly programTimeMs: number } | null = null;
  #isCaughtUp = false;
  /** Why the response ends, as it says. */
  bye: (FlowEvent & { readonly kind: "bye" })["reason"] | null = null;
  skips = 0;
  parts = 0;

  /** `isUndisturbed`: nothing is wrong, and nothing has been. */
  constructor(request: JudgedRequest, isUndisturbed: () => boolean, fail: (checker: string, message: string) => void) {
    this.#isUndisturbed = isUndisturbed;
    this.#request = request;
    this.#fail = (checker, message) => fail(checker, `flow of ${request.broadcast.config.broadcast}: ${message}`);
    const names = [request.video, request.audio].filter((name) => name !== null);
    this.#tracks = names.map((name, index) => ({ name, isLead: index === 0, last: null, maySkip: false }));
  }

  /** Names of the tracks. */
  get tracks(): readonly string[] {
    return this.#tracks.map(({ name }) => name);
  }

  /** Whether all that was there at the beginning has come. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp;
  }

  /** The parts that `chunk` completes. */
  push(chunk: Uint8Array): JudgedPart[] {
    const played: JudgedPart[] = [];
    for (const box of this.#boxes.push(chunk)) {
      if (this.bye !== null) this.#fail("flow", `${box.type} after its end`);
      const part = this.#read(box);
      if (part !== null) played.push(part);
    }
    return played;
  }

  #read(box: TopLevelBox): JudgedPart | null {
    switch (box.type) {
      case "prft":
        this.#readClock(box.bytes);
        return null;
      case "emsg":
        this.#readEvent(box.bytes);
        return null;
      case "free": {
        // Synthetic media ends with its name.
        const name = decoder.decode(box.bytes.subarray(8));
        const pieces = [...this.#pieces, box];
        this.#pieces = [];
        if (name.startsWith("init ")) this.#readInit(pieces);
        else return this.#readPart(name, pieces);
        return null;
      }
      default:
        this.#pieces.push(box);
        return null;
    }
  }

  #readInit(pieces: readonly TopLevelBox[]): void {
    if (this.#trackIds !== null) this.#fail("flow", "a second init section");
    const bytes = Buffer.concat(pieces.map((piece) => piece.bytes));
    const ids = trackIdsOf(bytes);
    this.#trackIds = ids;
    const [lead, other] = this.#tracks;
    if (lead === undefined) return;
    if (other !== undefined && ids.length !== 2) this.#fail("flow", `an init section with tracks ${ids.join()}`);
    if (other !== undefined) return;
    const version = Number(decoder.decode((pieces.at(-1) as TopLevelBox).bytes.subarray(13)));
    const { broadcast } = this.#request;
    if (broadcast.compareInit(lead.name, version, bytes) !== "same") this.#fail("bytes", `init ${version} differs`);
  }

  #readPart(name: string, pieces: readonly TopLevelBox[]): JudgedPart | null {
    const [, track = "", msn, number] = /^(\S+) (\d+)\.(\d+)$/.exec(name) ?? [];
    const index = this.#tracks.findIndex((each) => each.name === track);
    const progress = this.#tracks[index];
    const part = this.#request.broadcast.part(track, Number(msn), Number(number));
    const trackId = this.#trackIds?.[index];
    if (progress === undefined || part === undefined || trackId === undefined) {
      this.#fail("bytes", `${name}, which was not published or asked for`);
      return null;
    }
    if (!isEqualTo(expectedBytes(part, trackId), pieces)) this.#fail("bytes", `other bytes of ${name}`);
    this.#checkClock(progress, part, trackId, name);
    this.#checkOrder(progress, part, name);
    progress.last = part;
    progress.maySkip = false;
    this.parts += 1;
    return { track, part };
  }

  #checkOrder(progress: TrackProgress, part: PublishedPart, name: string): void {
    const { last, maySkip, isLead } = progress;
    if (last === null) {
      this.#checkBeginning(isLead, part, name);
      return;
    }
    if (part.index <= last.index || part.startMs < last.startMs)
      this.#fail("order", `${name} after part ${last.meta.msn}.${last.meta.part}`);
    if (part.initVersion !== last.initVersion) this.#fail("flow", `${name} needs another init section`);
    if (part.index === last.index + 1) return;
    if (!part.meta.independent) this.#fail("flow", `${name}, which is not independent, after what was left out`);
    if (!maySkip) this.#fail("flow gap", `${name} after ${last.meta.msn}.${last.meta.part}, without a skip`);
  }

  #checkBeginning(isLead: boolean, part: PublishedPart, name: string): void {
    if (!part.meta.independent) this.#fail("flow", `it begins with ${name}, which is not independent`);
    if (isLead && this.#request.join === "next" && part.meta.part !== 0)
      this.#fail("flow", `join=next begins with ${name}`);
    const lead = this.#tracks[0]?.last ?? null;
    // The sound plays at the first picture, unless it had not come that far.
    if (this.#isUndisturbed() && !isLead && lead !== null && this.parts === 1 && part.endMs <= lead.startMs)
      this.#fail("flow", `its sound begins with ${name}, before the picture`);
  }

  /** The program time is said before the first part of each segment of the track that leads. */
  #checkClock({ isLead, last }: TrackProgress, part: PublishedPart, trackId: number, name: string): void {
    const clock = this.#clock;
    this.#clock = null;
    if (clock === null) {
      if (isLead && (part.meta.part === 0 || last === null)) this.#fail("flow clock", `none before ${name}`);
      return;
    }
    if (clock.trackId !== trackId || Math.abs(clock.programTimeMs - part.startMs) > CLOCK_TOLERANCE_MS)
      this.#fail("flow clock", `${name} is at ${part.startMs}, and ${clock.programTimeMs} was said`);
  }

  #readClock(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const ntpS = view.getUint32(16) + view.getUint32(20) / 2 ** 32;
    this.#clock = { trackId: view.getUint32(12), programTimeMs: (ntpS - NTP_EPOCH_S) * 1000 };
  }

  #readEvent(bytes: Uint8Array): void {
    const [scheme, , data = ""] = decoder.decode(bytes.subarray(32)).split("\0");
    if (scheme !== FLOW_EVENT_SCHEME) this.#fail("flow", `an event of ${scheme}`);
    const event = JSON.parse(data) as FlowEvent;
    if (event.kind === "skip") {
      this.skips += 1;
      for (const track of this.#tracks) track.maySkip = true;
    } else if (event.kind === "caught-up") {
      if (this.#isCaughtUp) this.#fail("flow", "it has caught up twice");
      this.#isCaughtUp = true;
    } else if (event.kind === "bye") {
      this.bye = event.reason;
      if (event.reason === "malformed") this.#fail("flow", "the edge finds its init sections malformed");
    }
  }
}

function isEqualTo(expected: Uint8Array, pieces: readonly TopLevelBox[]): boolean {
  let at = 0;
  for (const { bytes } of pieces) {
    if (Buffer.compare(expected.subarray(at, at + bytes.byteLength), bytes) !== 0) return false;
    at += bytes.byteLength;
  }
  return at === expected.byteLength;
}

/** Parts as they are in a response, by the id of their track there. */
const renumbered = new WeakMap<PublishedPart, Map<number, Uint8Array>>();

function expectedBytes(part: PublishedPart, trackId: number): Uint8Array {
  const copies = renumbered.get(part) ?? new Map<number, Uint8Array>();
  const known = copies.get(trackId);
  if (known !== undefined) return known;
  const copy = part.bytes.slice();
  // The first track of a fragment is numbered anew, a second one is that of muxed media.
  const at = Buffer.from(copy.buffer).indexOf("tfhd") + 8;
  new DataView(copy.buffer).setUint32(at, trackId);
  renumbered.set(part, copies.set(trackId, copy));
  return copy;
}
