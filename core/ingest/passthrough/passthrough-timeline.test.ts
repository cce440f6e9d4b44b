import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ArrivingEvent,
  arrivingEvents,
  type SimulatedSender,
  senderConfigs,
  senderFrames,
} from "../../../origin/testing/simulated-sender.ts";
import { CmafError } from "../../media/cmaf/errors.ts";
import { Packager, partTargetFor } from "../../media/cmaf/packager.ts";
import type { IngestEvent } from "../media-event.ts";
import { pictureWithMessages } from "../obs/testing.ts";
import { PassthroughError } from "./limits.ts";
import { type PassthroughOutput, PassthroughTimeline } from "./passthrough-timeline.ts";

const START = 1_760_000_000_000;
const OBS = { sizes: ["128x72"], fps: 30, gop: 60, hasAudio: true } as const;

function timeline(mustBeJudged = false): PassthroughTimeline {
  return new PassthroughTimeline({ previous: [], mustBeJudged });
}

function feed(passthrough: PassthroughTimeline, events: readonly ArrivingEvent[]): PassthroughOutput[] {
  return events.flatMap(({ event, atMs }) => passthrough.push(event, atMs));
}

const kinds = (outputs: readonly PassthroughOutput[]): string[] =>
  outputs.flatMap(({ kind }) => (kind === "frame" || kind === "silence" ? [] : [kind]));
const framesOf = (outputs: readonly PassthroughOutput[], name: string) =>
  outputs.flatMap((output) => (output.kind === "frame" && output.track === name ? [output.frame] : []));
const begins = (outputs: readonly PassthroughOutput[]) =>
  outputs.flatMap((output) => (output.kind === "begin" ? [output] : []));
const shift = (events: readonly ArrivingEvent[], byMs: number): ArrivingEvent[] =>
  events.map(({ event, atMs }) => ({ event, atMs: atMs + byMs }));

test("a timeline begins after 0.7 s with the least delay, and has every frame with even durations", () => {
  const passthrough = timeline();
  // The first 0.4 s arrive late, in a burst.
  const events = arrivingEvents(OBS, START, 6).map(({ event, atMs }) => ({ event, atMs: Math.max(atMs, START + 400) }));
  const outputs = feed(passthrough, events);
  const [begin] = begins(outputs);
  expect(begin?.programOffsetMs).toBeCloseTo(START, 0);
  expect(begin?.tracks.map(({ name, timescale, frameRate }) => ({ name, timescale, frameRate }))).toEqual([
    { name: "72p", timescale: 90_000, frameRate: { num: 30, den: 1 } },
    { name: "audio", timescale: 48_000, frameRate: null },
  ]);
  outputs.push(...passthrough.end());
  const video = framesOf(outputs, "72p");
  expect(video).toHaveLength(180);
  expect(new Set(video.map(({ durationTicks }) => durationTicks))).toEqual(new Set([3000]));
  expect(new Set(framesOf(outputs, "audio").map(({ durationTicks }) => durationTicks))).toEqual(new Set([1024]));
  expect(kinds(outputs)).toEqual(["begin", "decision", "end"]);
});

test("a sender that must be judged begins with its third keyframe, and nothing is lost", () => {
  const outputs = feed(timeline(true), arrivingEvents(OBS, START, 6));
  expect(kinds(outputs)).toEqual(["decision", "begin"]);
  expect(framesOf(outputs, "72p")[0]).toMatchObject({ dts: 0, sync: true });
});

/** Events of `sender` whose first picture of each track has x264's settings. */
function withSettings(sender: SimulatedSender, keyint: number, untilS: number): ArrivingEvent[] {
  const text = `0123456789abcdefx264 - core 164 - options: open_gop=0 keyint=${keyint} keyint_min=25`;
  const data = pictureWithMessages("h264", [new TextEncoder().encode(text)]);
  return arrivingEvents(sender, START, untilS).map(({ event, atMs }) => ({
    event: event.kind === "frame" && event.media === "video" && event.dts === 0 ? { ...event, data } : event,
    atMs,
  }));
}

test("an encoder that announces long groups is judged before a timeline begins, and loses nothing", () => {
  const rare = timeline();
  const outputs = feed(rare, withSettings({ ...OBS, gop: 250 }, 250, 6));
  expect(kinds(outputs)).toEqual(["decision"]);
  expect(outputs[0]).toMatchObject({ decision: { kind: "transcode", reason: "keyframe-interval" } });
  // The program asks for a keyframe every 2 s, whatever the encoder would do.
  const forced = feed(timeline(), withSettings(OBS, 250, 6));
  expect(kinds(forced)).toEqual(["decision", "begin"]);
  expect(framesOf(forced, "72p")[0]).toMatchObject({ dts: 0, sync: true });
});

test("an encoder that announces groups of up to 4 s is on the air while it is judged", () => {
  const kindsUntil = (keyint: number, untilS: number): string[] =>
    kinds(feed(timeline(), withSettings(OBS, keyint, untilS)));
  expect(kindsUntil(60, 0.9)).toEqual(["begin"]);
  expect(kindsUntil(120, 0.9)).toEqual(["begin"]);
  expect(kindsUntil(125, 0.9)).toEqual([]);
});

test("several video tracks become renditions named by height, largest first, on one grid", () => {
  const ladder = { ...OBS, sizes: ["64x36", "128x72", "96x54"] } as const;
  const outputs = feed(timeline(), arrivingEvents(ladder, START, 5));
  expect(begins(outputs)[0]?.tracks.map(({ name }) => name)).toEqual(["72p", "54p", "36p", "audio"]);
  const [a, b] = [framesOf(outputs, "72p"), framesOf(outputs, "36p")];
  expect(a.map(({ dts }) => dts)).toEqual(b.map(({ dts }) => dts));
});

test("another resolution ends the timeline, and the next one keeps names, timescales and program time", () => {
  const passthrough = timeline();
  const first = feed(passthrough, arrivingEvents(OBS, START, 4));
  const [config] = senderConfigs({ sizes: ["160x90"], hasAudio: false });
  const change = config === undefined ? [] : [{ event: config, atMs: START + 4000 }];
  const rest = senderFrames(OBS, 4, 8).map((event) => ({ event, atMs: START + event.dts }));
  const outputs = [...first, ...feed(passthrough, [...change, ...rest])];
  expect(kinds(outputs)).toEqual(["begin", "end", "begin"]);
  const [before, after] = begins(outputs);
  expect(after?.tracks.map(({ name }) => name)).toEqual(before?.tracks.map(({ name }) => name));
  expect(after?.programOffsetMs).toBe(before?.programOffsetMs);
  expect(after?.tracks[0]?.init.info).toMatchObject({ width: 160, height: 90 });
});

test("audio that comes late begins a timeline with audio", () => {
  const silent = { ...OBS, hasAudio: false } as const;
  const audio = senderConfigs({ sizes: [], hasAudio: true }).map((event) => ({ event, atMs: START + 5000 }));
  const sound = senderFrames({ ...OBS, sizes: [] }, 5, 9);
  const events: ArrivingEvent[] = [
    ...arrivingEvents(silent, START, 9),
    ...audio,
    ...sound.map((event) => ({ event, atMs: START + event.dts })),
  ].sort((a, b) => a.atMs - b.atMs);
  const outputs = feed(timeline(), events);
  expect(begins(outputs).map(({ tracks }) => tracks.length)).toEqual([1, 2]);
});

test("a pause of the audio is declared silent, and late frames within it are dropped", () => {
  const events = arrivingEvents(OBS, START, 12).filter(
    ({ event }) => event.kind !== "frame" || event.media === "video" || event.dts < 3000 || event.dts >= 9000,
  );
  const passthrough = timeline();
  const outputs = feed(passthrough, events);
  const silent = outputs.filter(({ kind }) => kind === "silence");
  expect(silent.length).toBeGreaterThan(3);
  const late = passthrough.push(
    { kind: "frame", media: "audio", track: 0, dts: 11_990, ctsOffset: 0, sync: true, data: new Uint8Array(9) },
    START + 12_000,
  );
  expect(late.filter(({ kind }) => kind === "end")).toEqual([]);
  expect(kinds(outputs)).toEqual(["begin", "decision"]);
});

test("a clock that jumps forward or back begins a new timeline at its new relation to program time", () => {
  for (const jumpMs of [40_000, -3_000]) {
    const first = arrivingEvents(OBS, START, 4);
    const rest = senderFrames(OBS, 4, 9).map((event) => ({
      event: { ...event, dts: event.dts + jumpMs },
      atMs: START + event.dts,
    }));
    const outputs = feed(timeline(), [...first, ...rest]);
    expect(kinds(outputs).filter((kind) => kind !== "decision")).toEqual(["begin", "end", "begin"]);
    expect(begins(outputs)[1]?.programOffsetMs).toBeCloseTo(START - jumpMs, 0);
  }
});

test("a sender at 20 times real time is refused with a sentence", () => {
  const events = arrivingEvents(OBS, START, 60).map(({ event, atMs }) => ({
    event,
    atMs: START + (atMs - START) / 20,
  }));
  expect(() => feed(timeline(), events)).toThrow(/faster than real time/);
});

test("a record that cannot be read, a frame over the limit and media without a keyframe are refused with sentences", () => {
  const config = { kind: "config", track: 0, media: "video", codec: "h264", timescale: 1000 } as const;
  expect(() => timeline().push({ ...config, record: new Uint8Array(3) }, START)).toThrow(PassthroughError);
  const passthrough = timeline();
  feed(passthrough, arrivingEvents({ ...OBS, hasAudio: false }, START, 0));
  const frame = { kind: "frame", media: "video", track: 0, dts: 0, ctsOffset: 0, sync: false } as const;
  expect(() => passthrough.push({ ...frame, data: new Uint8Array(17_000_000) }, START)).toThrow(/over the limit/);
  const data = new Uint8Array(1_000_000);
  const flood = (): void => {
    for (let i = 0; i < 100; i += 1) passthrough.push({ ...frame, dts: i * 33, data }, START + i * 33);
  };
  expect(flood).toThrow(/no keyframe/);
});

test("whatever a sender does, its media is packaged or ends with an error of its own", () => {
  const fault = fc.record({
    at: fc.nat(600),
    kind: fc.constantFrom("drop", "dropKey", "back", "forward", "repeat", "stall", "config", "noAudio", "swap"),
    size: fc.integer({ min: 1, max: 4000 }),
  });
  const input = fc.tuple(
    fc.array(fault, { maxLength: 8 }),
    fc.constantFrom(30, 24, 59.94),
    fc.integer({ min: 1, max: 250 }),
  );
  fc.assert(
    fc.property(input, fc.boolean(), ([faults, fps, gop], mustBeJudged) => {
      const sender = { ...OBS, fps, gop, sizes: ["128x72", "64x36"] };
      const events = arrivingEvents(sender, START, 12);
      for (const { at, kind, size } of faults) applyFault(events, at, kind, size);
      publish(new PassthroughTimeline({ previous: [], mustBeJudged }), events);
    }),
    { numRuns: 150 },
  );
});

function applyFault(events: ArrivingEvent[], at: number, kind: string, size: number): void {
  const here = events[at];
  if (here === undefined) return;
  const shiftClock = (byMs: number): void => {
    for (const [i, { event, atMs }] of events.entries())
      if (i >= at && event.kind === "frame") events[i] = { event: { ...event, dts: event.dts + byMs }, atMs };
  };
  const [config] = senderConfigs({ sizes: ["96x54"], hasAudio: false });
  const is = (event: IngestEvent, media: string): boolean => event.kind === "frame" && event.media === media;
  if (kind === "drop") events.splice(at, size % 40);
  else if (kind === "back") shiftClock(-size);
  else if (kind === "forward") shiftClock(size * 4);
  else if (kind === "repeat") events.splice(at, 0, here, here);
  else if (kind === "stall") events.splice(at, events.length, ...shift(events.slice(at), size));
  else if (kind === "config" && config !== undefined) events.splice(at, 0, { event: config, atMs: here.atMs });
  else if (kind === "noAudio")
    events.splice(at, events.length, ...events.slice(at).filter(({ event }) => !is(event, "audio")));
  else if (kind === "swap") events.splice(at, 2, ...events.slice(at, at + 2).reverse());
  else {
    const rest = events.slice(at).filter(({ event }, i) => i > size / 10 || event.kind !== "frame" || !event.sync);
    events.splice(at, events.length, ...rest);
  }
}

/** The packager's errors end a timeline only. */
function publish(passthrough: PassthroughTimeline, events: readonly ArrivingEvent[]): void {
  let packager: Packager | null = null;
  let isOpen = false;
  let names = "";
  const apply = (output: PassthroughOutput): void => {
    try {
      if (output.kind === "begin") {
        const now = output.tracks.map(({ name, timescale }) => `${name}/${timescale}`).join();
        if (now !== names) packager = null;
        names = now;
        packager ??= new Packager({
          tracks: output.tracks.map(({ name, kind, timescale, frameMs }) => {
            return { name, kind, timescale, partTargetMs: partTargetFor(333, frameMs) };
          }),
          segmentTargetMs: 2000,
          targetDurationS: 4,
          startedAtMs: START,
          maxKeyframeMs: 4000,
        });
        isOpen = true;
        const inits = new Map(output.tracks.map(({ name, init }) => [name, init]));
        packager.beginTimeline({ inits, programOffsetMs: output.programOffsetMs });
      } else if (!isOpen) return;
      else if (output.kind === "frame") packager?.push(output.track, output.frame);
      else if (output.kind === "silence") packager?.markSilent(output.track, output.untilTicks);
      else if (output.kind === "end") {
        packager?.endTimeline();
        isOpen = false;
      }
    } catch (error) {
      if (!(error instanceof CmafError)) throw error;
      packager?.endTimeline();
      isOpen = false;
    }
  };
  try {
    for (const { event, atMs } of events) for (const output of passthrough.push(event, atMs)) apply(output);
  } catch (error) {
    if (!(error instanceof PassthroughError)) throw error;
  }
  for (const output of passthrough.end()) apply(output);
}
