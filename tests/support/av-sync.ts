/** Audio/video sync on Chromium's media timeline: pictures by seeking, audio decoded; nothing in real time. */
import { createFile, MP4BoxBuffer } from "mp4box";
import type { Browser, Page } from "playwright-core";
import type { SourceOutput } from "../sources/package-source.ts";

/** A beep, and its distance from its flash. */
export interface FlashBeepPair {
  /** Media time at which the beep begins, seconds. */
  readonly beepS: number;
  /** Media time at which the nearest flash begins, seconds; null if there is none within `SEARCH_RADIUS_S`. */
  readonly flashS: number | null;
}

/** Chromium's view of a source. */
export interface AvSyncMeasurement {
  /** Number of beeps. */
  readonly beeps: number;
  /** Those whose flash was searched, including the first and the last. */
  readonly pairs: readonly FlashBeepPair[];
  /** Playable ranges of media time without a stop, seconds. */
  readonly buffered: Ranges;
}

/** Number of searched flashes, evenly spread. */
const MAX_PAIRS = 24;
/** A flash is searched this far from its beep, seconds: further than any meaningful offset. */
const SEARCH_RADIUS_S = 0.6;
/** Times further apart are different, seconds. */
const TIME_TOLERANCE_S = 0.001;
/** The page's address; nothing listens there, since the test fulfils its requests. */
const PAGE = "http://localhost/in-step";

/** Bytes for a SourceBuffer. */
interface BufferMedia {
  readonly mime: string;
  readonly bytes: Uint8Array;
}

/** Frames of AAC from a demuxer: times by `tfdt` and `trun`. */
interface AacFrames {
  readonly codec: string;
  /** AudioSpecificConfig. */
  readonly config: readonly number[];
  readonly frames: readonly { readonly us: number; readonly bytes: number }[];
  readonly data: Uint8Array;
}

/** Measures the first `withinS` seconds of the output, in a separate page. Throws if Chromium rejects it. */
export async function measureAvSync(
  browser: Browser,
  aired: SourceOutput,
  withinS: number = Number.POSITIVE_INFINITY,
): Promise<AvSyncMeasurement> {
  const video = aired.renditions.find(({ kind }) => kind === "video");
  const audio = aired.renditions.find(({ kind }) => kind === "audio");
  if (video === undefined || audio === undefined) throw new Error("flash and beep take picture and sound");
  const isMuxed = aired.config.muxed === true;
  const buffers = [video.name, ...(isMuxed ? [] : [audio.name])].map((track) => bufferOf(aired, track));
  const sound = aacFramesOf(buffers.at(-1)?.bytes ?? new Uint8Array(0));
  const page = await openPageWith(browser, [...buffers.map(({ bytes }) => bytes), sound.data]);
  try {
    const mimes = buffers.map(({ mime }) => mime);
    const { whole: buffered, last } = await page.evaluate(appendBuffers, mimes);
    const startS = (sound.frames[0]?.us ?? Number.NaN) / 1e6;
    if (!isMuxed && !(Math.abs((last[0]?.[0] ?? Number.NaN) - startS) < TIME_TOLERANCE_S))
      throw new Error(`sound begins at ${startS} s, and for Chromium at ${last[0]?.[0]} s`);
    const { data: _, ...described } = sound;
    const heard = await page.evaluate(decodeBeeps, { ...described, address: `/${mimes.length}` });
    const beeps = heard.filter((atS) => atS - (buffered[0]?.[0] ?? 0) < withinS);
    const chosen = beeps.filter((_, i) => isChosen(i, beeps.length));
    const beats: FlashBeepPair[] = [];
    const frameS = aired.schedule?.frameTimeS(1) ?? Number.NaN;
    for (const beepS of chosen)
      beats.push({ beepS, flashS: await page.evaluate(findFlash, { beepS, frameS, nearS: SEARCH_RADIUS_S }) });
    return { beeps: beeps.length, pairs: beats, buffered };
  } finally {
    await page.context().close();
  }
}

/** Whether the `i`-th of `count` is one of at most `MAX_PAIRS` evenly spread ones, including both ends. */
function isChosen(i: number, count: number): boolean {
  const step = Math.max(1, (count - 1) / (MAX_PAIRS - 1));
  return Math.round(Math.round(i / step) * step) === i;
}

function bufferOf({ outputs }: SourceOutput, track: string): BufferMedia {
  const pieces = outputs.flatMap((output) =>
    output.track !== track || (output.kind === "part" && output.meta.gap) ? [] : [output.bytes],
  );
  const bytes = concat(pieces);
  const file = demux(bytes);
  const codecs = file.getInfo().tracks.map(({ codec }) => codec);
  return {
    mime: `${file.getInfo().videoTracks.length > 0 ? "video" : "audio"}/mp4; codecs="${codecs.join(",")}"`,
    bytes,
  };
}

function demux(bytes: Uint8Array): ReturnType<typeof createFile> {
  const file = createFile(true);
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(bytes).buffer, 0), true);
  file.flush();
  return file;
}

function aacFramesOf(bytes: Uint8Array): AacFrames {
  const file = demux(bytes);
  const track = file.getInfo().audioTracks[0];
  if (track === undefined) throw new Error("no sound");
  const entry = file.getTrackById(track.id).mdia.minf.stbl.stsd.entries[0] as unknown as {
    esds: { esd: { findDescriptor(tag: number): { findDescriptor(tag: number): { data: Uint8Array } } } };
  };
  const config = [...entry.esds.esd.findDescriptor(4).findDescriptor(5).data];
  const samples = file
    .getTrackSamplesInfo(track.id)
    .map(({ cts, timescale }, i) => ({ us: (cts * 1e6) / timescale, data: file.getTrackSample(track.id, i).data }));
  return {
    ...{ codec: track.codec, config },
    frames: samples.map(({ us, data }) => ({ us, bytes: data?.length ?? 0 })),
    data: concat(samples.map(({ data }) => data ?? new Uint8Array(0))),
  };
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

/** A page that can fetch `bodies` as `/0`, `/1` and so on. */
async function openPageWith(browser: Browser, bodies: readonly Uint8Array[]): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.route("**/*", (route) => {
    const body = bodies[Number(new URL(route.request().url()).pathname.slice(1))];
    if (body === undefined) return route.fulfill({ contentType: "text/html", body: "<video muted></video>" });
    return route.fulfill({ contentType: "application/octet-stream", body: Buffer.from(body) });
  });
  await page.goto(PAGE);
  return page;
}

/** Seconds of media time, from and to. */
type Ranges = (readonly [number, number])[];

/** In the page: appends `/0`, `/1` … to SourceBuffers of these types; returns the playable ranges, and the content of the last. */
async function appendBuffers(mimes: readonly string[]): Promise<{ whole: Ranges; last: Ranges }> {
  const video = document.querySelector("video");
  if (video === null) throw new Error("no video");
  const event = (target: EventTarget, type: string): Promise<unknown> =>
    new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await event(source, "sourceopen");
  const buffers = mimes.map((mime) => source.addSourceBuffer(mime));
  for (const [i, buffer] of buffers.entries()) {
    const bytes = await (await fetch(`/${i}`)).arrayBuffer();
    const done = event(buffer, "updateend");
    buffer.appendBuffer(bytes);
    await done;
  }
  if (video.error !== null) throw new Error(video.error.message);
  source.endOfStream();
  const rangesOf = (ranges: TimeRanges | undefined): Ranges =>
    Array.from({ length: ranges?.length ?? 0 }, (_, i) => [ranges?.start(i) ?? 0, ranges?.end(i) ?? 0]);
  return { whole: rangesOf(video.buffered), last: rangesOf(buffers.at(-1)?.buffered) };
}

/** In the page: decodes audio, and returns its start times after silence, seconds of media time. */
async function decodeBeeps(sound: Omit<AacFrames, "data"> & { readonly address: string }): Promise<number[]> {
  const [LOUD, QUIET_S] = [0.1, 0.3];
  const data = new Uint8Array(await (await fetch(sound.address)).arrayBuffer());
  const beeps: number[] = [];
  const failed: unknown[] = [];
  let lastLoudS = Number.NEGATIVE_INFINITY;
  const decoder = new AudioDecoder({
    output: (decoded) => {
      const samples = new Float32Array(decoded.numberOfFrames);
      decoded.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      for (const [i, sample] of samples.entries()) {
        if (Math.abs(sample) < LOUD) continue;
        const atS = decoded.timestamp / 1e6 + i / decoded.sampleRate;
        if (atS - lastLoudS > QUIET_S) beeps.push(atS);
        lastLoudS = atS;
      }
      decoded.close();
    },
    error: (error) => failed.push(error),
  });
  const description = new Uint8Array(sound.config);
  decoder.configure({ codec: sound.codec, description, sampleRate: 48_000, numberOfChannels: 2 });
  let at = 0;
  for (const { us, bytes } of sound.frames) {
    decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: us, data: data.subarray(at, at + bytes) }));
    at += bytes;
  }
  await decoder.flush();
  if (failed.length > 0) throw failed[0];
  return beeps;
}

/** In the page: start time of the flash nearest to a beep, seconds of media time. */
async function findFlash(wanted: { beepS: number; frameS: number; nearS: number }): Promise<number | null> {
  const [WHITE, PATIENCE_MS] = [128, 10_000];
  const { beepS, frameS, nearS } = wanted;
  const video = document.querySelector("video");
  if (video === null) throw new Error("no video");
  const [firstS, endS] = [video.buffered.start(0), video.buffered.end(video.buffered.length - 1)];
  /** The picture on screen; null while a seek has left none. */
  const shown = async (element: HTMLVideoElement): Promise<{ atS: number; isWhite: boolean } | null> => {
    let frame: VideoFrame;
    try {
      frame = new VideoFrame(element);
    } catch (error) {
      if (error instanceof DOMException && error.name === "InvalidStateError") return null;
      throw error;
    }
    const bytes = new Uint8Array(frame.allocationSize());
    const [luma] = await frame.copyTo(bytes);
    const { width, height } = frame.visibleRect ?? { width: 0, height: 0 };
    const middle = (luma?.offset ?? 0) + Math.floor(height / 2) * (luma?.stride ?? 0) + Math.floor(width / 2);
    const seen = { atS: frame.timestamp / 1e6, isWhite: (bytes[middle] ?? 0) > WHITE };
    frame.close();
    return seen;
  };
  /** The picture at `atS`; null if there is none. */
  const look = async (atS: number): Promise<{ atS: number; isWhite: boolean } | null> => {
    if (atS < firstS || atS >= endS) return null;
    const done = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = atS;
    await done;
    // The screen may show the previous picture, or none, for some moments more.
    for (const untilMs = performance.now() + PATIENCE_MS; ; ) {
      const seen = await shown(video);
      if (seen !== null && Math.abs(atS - seen.atS - frameS / 2) <= frameS / 2 + 0.001) return seen;
      if (performance.now() > untilMs) throw new Error(`at ${atS} s the picture is that of ${seen?.atS ?? "no"} s`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const first = await look(beepS);
  const middleS = (first?.atS ?? beepS) + frameS / 2;
  let white = first?.isWhite === true ? first : null;
  for (let i = 1; white === null && i * frameS <= nearS; i++) {
    for (const step of [i, -i]) {
      const seen = await look(middleS + step * frameS);
      if (white === null && seen?.isWhite === true) white = seen;
    }
  }
  for (let before = white; before?.isWhite === true; before = await look(before.atS - frameS / 2)) white = before;
  return white?.atS ?? null;
}
