/** What must hold of one flow response: its bytes are those that were published, in order, with nothing left out unsaid. */
import type { FlowEvent } from "../../../core/delivery/flow/flow-boxes.ts";
import { FLOW_EVENT_SCHEME, NTP_EPOCH_S } from "../../../core/delivery/flow/flow-boxes.ts";
import { BoxSplitter, type TopLevelBox } from "../../../core/media/cmaf/box-splitter.ts";
import { trackIdsOf } from "../../../core/media/cmaf/init.ts";
import type { BroadcastFrames } from "./broadcast-frames.ts";
import type { PartPlace, PublishedBroadcast, PublishedPart } from "./ledger.ts";

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
  last: PartPlace | null;
  /** Frames of it that have come, and of all that it has. */
  frames: number;
  ofFrames: number;
  /** Media was left out, as the response has said. */
  maySkip: boolean;
}

/** A part that came, or some frames of it, and its track. */
export interface JudgedPart {
  readonly track: string;
  readonly part: PartPlace;
  /** With it the part is complete. */
  readonly isComplete: boolean;
  readonly isWhole: boolean;
  /** When the packager gave the first of it. */
  readonly madeMs: number;
}

/** Frames of a part: a part has one of it all where its frames are not known. */
interface FrameRange {
  readonly from: number;
  readonly count: number;
  readonly of: number;
}

const WHOLE: FrameRange = { from: 0, count: 1, of: 1 };

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
  /** Parts, and chunks of them. */
  pieces = 0;

  /** `isUndisturbed`: nothing is wrong, and nothing has been. */
  constructor(request: JudgedRequest, isUndisturbed: () => boolean, fail: (checker: string, message: string) => void) {
    this.#isUndisturbed = isUndisturbed;
    this.#request = request;
    this.#fail = (checker, message) => fail(checker, `flow of ${request.broadcast.config.broadcast}: ${message}`);
    const names = [request.video, request.audio].filter((name) => name !== null);
    this.#tracks = names.map((name, index) => ({
      name,
      isLead: index === 0,
      last: null,
      frames: 0,
      ofFrames: 0,
      maySkip: false,
    }));
  }

  /** Names of the tracks. */
  get tracks(): readonly string[] {
    return this.#tracks.map(({ name }) => name);
  }

  /** Whether all that was there at the beginning has come. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp;
  }

  /** The parts, and chunks of parts, that `chunk` completes. */
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
      default: {
        this.#pieces.push(box);
        const { frames } = this.#request.broadcast;
        if (frames === null || box.type !== "mdat") return null;
        const bytes = Buffer.concat(this.#pieces.map((piece) => piece.bytes));
        this.#pieces = [];
        return this.#readFrames(frames, bytes);
      }
    }
  }

  #readFrames(frames: BroadcastFrames, bytes: Buffer): JudgedPart | null {
    const trackId = bytes.readUInt32BE(bytes.indexOf("tfhd") + 8);
    const decodeTicks = Number(bytes.readBigUInt64BE(bytes.indexOf("tfdt") + 8));
    const count = bytes.readUInt32BE(bytes.indexOf("trun") + 8);
    const progress = this.#tracks[this.#trackIds?.indexOf(trackId) ?? -1];
    if (progress === undefined) {
      this.#fail("bytes", `media of track ${trackId}, which was not asked for`);
      return null;
    }
    const { broadcast } = this.#request;
    const { index, frame: from } = frames.locate(progress.name, decodeTicks);
    const of = frames.countOf(progress.name);
    const found = broadcast.framedPart(progress.name, index);
    const name = `${progress.name} frames ${from} to ${from + count} of part ${index}`;
    if (found === null || from + count > of) {
      this.#fail("bytes", `${name}, which were not published`);
      return null;
    }
    const { place, passedMs } = found;
    const expected = frames.fragment(progress.name, { index, part: place.meta.part }, { from, count, trackId });
    if (Buffer.compare(expected, bytes) !== 0) this.#fail("bytes", `other bytes of ${name}`);
    const pushed = broadcast.parts(progress.name)[index];
    if (pushed === undefined && passedMs.length < from + count) this.#fail("bytes", `${name}, which were not made yet`);
    return this.#judge(
      progress,
      place,
      { from, count, of },
      {
        ...{ name, trackId, madeMs: passedMs[from] ?? pushed?.pushedMs ?? 0 },
      },
    );
  }

  #judge(
    progress: TrackProgress,
    part: PartPlace,
    range: FrameRange,
    { name, trackId, madeMs }: { readonly name: string; readonly trackId: number; readonly madeMs: number },
  ): JudgedPart {
    this.#checkClock(progress, part, range, trackId, name);
    this.#checkOrder(progress, part, range, name);
    progress.last = part;
    progress.frames = range.from + range.count;
    progress.ofFrames = range.of;
    progress.maySkip = false;
    const isComplete = progress.frames === range.of;
    this.pieces += 1;
    if (isComplete) this.parts += 1;
    return { track: progress.name, part, isComplete, isWhole: range.count === range.of, madeMs };
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
    return this.#judge(progress, part, WHOLE, { name, trackId, madeMs: part.pushedMs });
  }

  #checkOrder(progress: TrackProgress, part: PartPlace, { from }: FrameRange, name: string): void {
    const { last, frames, ofFrames, maySkip, isLead } = progress;
    // Of sound each frame is independent, and so are its parts; of pictures, the first of a part.
    const isIndependent = part.meta.independent && (from === 0 || this.#isSound(progress));
    if (last === null) {
      this.#checkBeginning(isLead, part, isIndependent, from, name);
      return;
    }
    const before = `${last.meta.msn}.${last.meta.part}, of which ${frames} of ${ofFrames} frames have come`;
    const isSamePart = part.index === last.index;
    if (part.index < last.index || part.startMs < last.startMs || (isSamePart && from < frames))
      this.#fail("order", `${name} after ${before}`);
    if (part.initVersion !== last.initVersion) this.#fail("flow", `${name} needs another init section`);
    const isNext = part.index === last.index + 1 && frames === ofFrames && from === 0;
    if (isNext || (isSamePart && from === frames)) return;
    if (!isIndependent) this.#fail("flow", `${name}, which is not independent, after what was left out`);
    if (!maySkip) this.#fail("flow gap", `${name} after ${before}, without a skip`);
  }

  #isSound({ name }: TrackProgress): boolean {
    return name === this.#request.audio;
  }

  #checkBeginning(isLead: boolean, part: PartPlace, isIndependent: boolean, from: number, name: string): void {
    if (!isIndependent) this.#fail("flow", `it begins with ${name}, which is not independent`);
    // Where a feed broke, the bytes of a segment's first parts may be missing: what comes next that is independent begins.
    const mustBegin = isLead && this.#request.join === "next" && this.#isUndisturbed();
    if (mustBegin && (part.meta.part !== 0 || from !== 0)) this.#fail("flow", `join=next begins with ${name}`);
    const lead = this.#tracks[0]?.last ?? null;
    // The sound plays at the first picture, unless it had not come that far.
    if (this.#isUndisturbed() && !isLead && lead !== null && this.pieces === 1 && part.endMs <= lead.startMs)
      this.#fail("flow", `its sound begins with ${name}, before the picture`);
  }

  /** The program time is said before the first part of each segment of the track that leads. */
  #checkClock(
    { isLead, last }: TrackProgress,
    part: PartPlace,
    { from, of }: FrameRange,
    trackId: number,
    name: string,
  ): void {
    const clock = this.#clock;
    this.#clock = null;
    if (clock === null) {
      if (isLead && ((part.meta.part === 0 && from === 0) || last === null))
        this.#fail("flow clock", `none before ${name}`);
      return;
    }
    const startMs = part.startMs + ((part.endMs - part.startMs) * from) / of;
    if (clock.trackId !== trackId || Math.abs(clock.programTimeMs - startMs) > CLOCK_TOLERANCE_MS)
      this.#fail("flow clock", `${name} is at ${startMs}, and ${clock.programTimeMs} was said`);
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
