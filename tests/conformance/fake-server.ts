/** A synthetic broadcast that satisfies every rule unless a fault is set, for tests of the checker. */
import { gzipSync } from "node:zlib";
import type { BroadcastConfig, BroadcastState, PartMeta } from "../../core/broadcast/broadcast-log.ts";
import { type Clock, sleep, startInterval } from "../../core/kit/clock.ts";
import { parseTrackName, type TrackName } from "../../core/kit/ids.ts";
import {
  decidePartRequest,
  decideReload,
  isReloadSatisfied,
  parseDirectives,
} from "../../core/media/hls/directives.ts";
import { addFixturePart, emptyState, evenPart, fixtureConfig, fixtureTrack } from "../../core/media/hls/fixtures.ts";
import { renderIframePlaylist, renderMediaPlaylist } from "../../core/media/hls/media-playlist.ts";
import { renderMultivariant } from "../../core/media/hls/multivariant-playlist.ts";
import type { Transport, TransportAnswer } from "./client.ts";
import {
  type FakeFragment,
  type FakeMediaTrack,
  type FakeSamples,
  fakeFirstSampleEnd,
  fakeFragment,
  fakeInit,
} from "./fake-media.ts";

/** Faults of a server; each hook receives the correct value. */
export interface FakeServerFaults {
  /** Changes a playlist's text. */
  readonly playlist?: (text: string, at: FakeRequest) => string;
  /** Changes a response. */
  readonly answer?: (answer: FakeAnswer, at: FakeRequest) => FakeAnswer | Promise<FakeAnswer>;
  /** Responds instead of the correct server. */
  readonly replaceAnswer?: (
    at: FakeRequest,
    state: BroadcastState,
    wait: WaitUntil,
    clock: Clock,
  ) => Promise<FakeAnswer | null>;
  /** Changes the media of a part. */
  readonly media?: (fragment: FakeFragment, meta: PartMeta, track: TrackName) => FakeFragment;
  /** Changes a track in an init section. */
  readonly init?: (track: FakeMediaTrack) => FakeMediaTrack;
  /** Video parts carry the audio. */
  readonly isMuxed?: boolean;
  readonly noIframes?: boolean;
}

/** A request for the hooks. */
export interface FakeRequest {
  readonly file: string;
  readonly track: TrackName;
  readonly query: URLSearchParams;
}

/** A response for the hooks. */
export interface FakeAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
  /** Sends the body in two halves, this far apart. */
  readonly trickleMs?: number;
}

/** Resolves when `ready` is true after some entry, or after three target durations with false. */
export type WaitUntil = (ready: () => boolean) => Promise<boolean>;

const TARGET_S = 1;
const PARTS = 4;
/** A whole number of AAC frames, 12 of them, and of video frames. */
const TICK_MS = 256;
const AAC_FRAME = 1024;
const AUDIO_RATE = 48_000;
const HISTORY_SEGMENTS = 14;
const SAMPLE_BYTES = 500;
/** Virtual latency of a request. */
const ROUND_TRIP_MS = 2;
const IMMUTABLE = { "cache-control": "public, max-age=31536000, immutable" };

/** A broadcast without sockets: its requests are calls, and its time is the clock's. */
export class FakeServer implements Transport {
  readonly url: string = "http://fake.test/live/demo/multivariant.m3u8";
  readonly #broadcast: FakeBroadcast;
  readonly #faults: FakeServerFaults;
  readonly #clock: Clock;

  constructor(clock: Clock, faults: FakeServerFaults = {}) {
    this.#clock = clock;
    this.#faults = faults;
    this.#broadcast = new FakeBroadcast(clock, faults);
  }

  /** Ends the broadcast. */
  end(): void {
    this.#broadcast.end();
  }

  async get(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<TransportAnswer> {
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => {});
    signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
    return Promise.race([this.#answer(new URL(url), headers["range"]), aborted.promise]);
  }

  async close(): Promise<void> {
    this.#broadcast.stop();
  }

  async #answer(url: URL, range: string | undefined): Promise<TransportAnswer> {
    await sleep(this.#clock, ROUND_TRIP_MS);
    const { status, headers, body, trickleMs } = await respond(this.#broadcast, this.#faults, url, range, this.#clock);
    const clock = this.#clock;
    async function* chunks(): AsyncGenerator<Uint8Array> {
      const half = trickleMs === undefined ? 0 : body.byteLength >> 1;
      if (trickleMs !== undefined) {
        yield body.subarray(0, half);
        await sleep(clock, trickleMs);
      }
      yield body.subarray(half);
    }
    return { status, headers, body: chunks() };
  }
}

class FakeBroadcast {
  readonly config: BroadcastConfig;
  state: BroadcastState;
  readonly bytes: Map<string, Uint8Array> = new Map();
  readonly requested: Set<string> = new Set();
  readonly #faults: FakeServerFaults;
  readonly #waiting: Set<() => void> = new Set();
  readonly #clock: Clock;
  readonly #stopGrowth: () => void;
  #index = 0;
  #iframeBytes = 0;

  constructor(clock: Clock, faults: FakeServerFaults) {
    this.#clock = clock;
    this.#faults = faults;
    const startedAtMs = clock.nowMs() - TICK_MS * PARTS * HISTORY_SEGMENTS;
    const video = fixtureTrack("video", { partTargetMs: TICK_MS });
    const audio = fixtureTrack("audio", { kind: "audio", timescale: AUDIO_RATE, partTargetMs: TICK_MS });
    const tracks = faults.isMuxed ? [{ ...video, codecs: `${video.codecs},${audio.codecs}` }] : [video, audio];
    this.config = fixtureConfig(tracks, { targetDurationS: TARGET_S, windowS: 9, startedAtMs });
    this.state = emptyState(this.config);
    for (let i = 0; i < HISTORY_SEGMENTS * PARTS; i++) this.#addParts();
    this.#stopGrowth = startInterval(clock, TICK_MS, () => this.#addParts());
  }

  #addParts(): void {
    if (this.state.ended) return;
    for (const track of this.config.tracks) {
      const partTicks = (track.timescale * TICK_MS) / 1000;
      const shape = { parts: PARTS, partTicks, timescale: track.timescale, startedAtMs: this.config.startedAtMs };
      const even = evenPart(shape, this.#index);
      const video = track.kind === "video";
      const videoSamples: FakeSamples = {
        baseTicks: this.#index * partTicks,
        sampleTicks: partTicks / 5,
        samples: 5,
        sampleBytes: SAMPLE_BYTES,
        sync: even.part === 0 ? "first" : "none",
      };
      const audioSamples = fakeAudio(this.#index);
      const made = !video
        ? audioSamples
        : this.#faults.isMuxed
          ? { ...videoSamples, audio: audioSamples }
          : videoSamples;
      const bytes = fakeFragment(this.#faults.media?.(made, even, track.name) ?? made);
      if (video && even.part === 0) this.#iframeBytes = fakeFirstSampleEnd(bytes, SAMPLE_BYTES);
      const close = even.close === undefined ? {} : { close: video ? { iframeBytes: this.#iframeBytes } : {} };
      const meta: PartMeta = { ...even, independent: !video || even.part === 0, ...close };
      this.bytes.set(`${track.name}/${meta.msn}.${meta.part}.m4s`, bytes);
      this.state = addFixturePart(this.state, track.name, meta, bytes.byteLength);
    }
    this.#index += 1;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  readonly wait: WaitUntil = (ready) => {
    if (ready()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const done = (result: boolean): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve(result);
      };
      const wake = (): void => {
        if (ready()) done(true);
      };
      const cancel = this.#clock.startTimer(3000 * TARGET_S, () => done(false));
      this.#waiting.add(wake);
    });
  };

  end(): void {
    this.state = { ...this.state, ended: true };
    this.#wake();
  }

  stop(): void {
    this.#stopGrowth();
  }
}

/** The audio samples of the part at `index`. */
function fakeAudio(index: number): FakeSamples {
  const samples = (TICK_MS * AUDIO_RATE) / 1000 / AAC_FRAME;
  const baseTicks = index * samples * AAC_FRAME;
  return { baseTicks, sampleTicks: AAC_FRAME, samples, sampleBytes: SAMPLE_BYTES / 5, sync: "all" };
}

async function respond(
  broadcast: FakeBroadcast,
  faults: FakeServerFaults,
  url: URL,
  range: string | undefined,
  clock: Clock,
): Promise<FakeAnswer & { readonly body: Uint8Array }> {
  const steps = url.pathname.split("/").slice(1);
  const multivariant = steps.join("/") === "live/demo/multivariant.m3u8";
  const at: FakeRequest = {
    file: multivariant ? "multivariant.m3u8" : (steps[4] ?? ""),
    track: parseTrackName(steps[3] ?? "") ?? ("none" as TrackName),
    query: url.searchParams,
  };
  const isRepeated = broadcast.requested.has(url.href);
  broadcast.requested.add(url.href);
  const right =
    (await faults.replaceAnswer?.(at, broadcast.state, broadcast.wait, clock)) ??
    (await answerRequest(broadcast, faults, at, range));
  const answer = (await faults.answer?.(right, at)) ?? right;
  const gzip = typeof answer.body === "string" && answer.headers["content-encoding"] === "gzip";
  const body = gzip ? gzipSync(answer.body) : Buffer.from(answer.body);
  const date = new Date(clock.nowMs()).toUTCString();
  const headers: Record<string, string> = {
    "content-length": String(body.byteLength),
    age: "0",
    date,
    "last-modified": date,
    "cache-status": `fake; ${isRepeated ? "hit" : "fwd=uri-miss"}`,
    ...answer.headers,
  };
  // A fault removes a header by emptying it.
  return { ...answer, body, headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== "")) };
}

function notFoundAnswer(at: FakeRequest, known: boolean): FakeAnswer {
  const playlist = at.file.endsWith(".m3u8");
  const blocking = at.query.has("_HLS_msn");
  const seconds = known || playlist ? (blocking ? 4 * TARGET_S : TARGET_S) : TARGET_S;
  return { status: 404, headers: { "cache-control": `max-age=${seconds}` }, body: "not here" };
}

const playlistAnswer = (text: string, seconds: number): FakeAnswer => ({
  status: 200,
  headers: {
    "content-type": "application/vnd.apple.mpegurl",
    "content-encoding": "gzip",
    "cache-control": `max-age=${seconds}`,
  },
  body: text,
});

async function answerRequest(
  broadcast: FakeBroadcast,
  faults: FakeServerFaults,
  at: FakeRequest,
  range: string | undefined,
): Promise<FakeAnswer> {
  if (at.file === "multivariant.m3u8") {
    return playlistAnswer(
      renderMultivariant(broadcast.config, { ended: false, iframes: !faults.noIframes, of: "stream" }),
      1,
    );
  }
  if (!broadcast.state.tracks.has(at.track)) return notFoundAnswer(at, false);
  if (at.file === "media.m3u8" || at.file === "iframes.m3u8") return answerPlaylist(broadcast, faults, at);
  if (at.file === "init-0.mp4") {
    const track = broadcast.state.tracks.get(at.track)?.track;
    const own: FakeMediaTrack = { kind: track?.kind ?? "video", timescale: track?.timescale ?? 1 };
    const tracks = faults.isMuxed ? [own, { kind: "audio" as const, timescale: AUDIO_RATE }] : [own];
    return { status: 200, headers: IMMUTABLE, body: fakeInit(tracks.map((one) => faults.init?.(one) ?? one)) };
  }
  const [, msn, part] = /^(\d+)(?:\.(\d+))?\.m4s$/.exec(at.file) ?? [];
  if (msn === undefined) return notFoundAnswer(at, true);
  return part === undefined
    ? answerSegment(broadcast, at, Number(msn), range)
    : answerPart(broadcast, at, Number(msn), Number(part));
}

async function answerPlaylist(
  broadcast: FakeBroadcast,
  faults: FakeServerFaults,
  at: FakeRequest,
): Promise<FakeAnswer> {
  const refuse = (detail: string): FakeAnswer => ({
    status: 400,
    headers: { "cache-control": "no-store" },
    body: detail,
  });
  const directives = parseDirectives(at.query);
  if ("error" in directives) return refuse(directives.error);
  const decision = decideReload(broadcast.state, at.track, directives);
  if (decision.kind === "refuse") return refuse(decision.detail);
  if (decision.kind === "wait") {
    const isReady = await broadcast.wait(() => isReloadSatisfied(broadcast.state, at.track, decision));
    if (!isReady) return { status: 503, headers: { "cache-control": "no-store" }, body: "too late" };
  }
  const { skip, msn } = directives;
  const text =
    at.file === "media.m3u8"
      ? renderMediaPlaylist(broadcast.state, at.track, { skip })
      : renderIframePlaylist(broadcast.state, at.track, { skip });
  return playlistAnswer(
    faults.playlist?.(text, at) ?? text,
    msn === undefined ? Math.floor(TARGET_S / 2) : 6 * TARGET_S,
  );
}

async function answerPart(broadcast: FakeBroadcast, at: FakeRequest, msn: number, part: number): Promise<FakeAnswer> {
  const kind = () => decidePartRequest(broadcast.state, at.track, msn, part).kind;
  await broadcast.wait(() => kind() !== "wait");
  const bytes = broadcast.bytes.get(`${at.track}/${msn}.${part}.m4s`);
  return bytes === undefined || kind() !== "ready"
    ? notFoundAnswer(at, true)
    : { status: 200, headers: IMMUTABLE, body: bytes };
}

function answerSegment(broadcast: FakeBroadcast, at: FakeRequest, msn: number, range: string | undefined): FakeAnswer {
  const parts = Array.from({ length: PARTS }, (_, part) => broadcast.bytes.get(`${at.track}/${msn}.${part}.m4s`));
  const there = parts.filter((one) => one !== undefined);
  if (there.length < PARTS) return notFoundAnswer(at, true);
  const whole = new Uint8Array(Buffer.concat(there));
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
  if (first === undefined || last === undefined) return { status: 200, headers: IMMUTABLE, body: whole };
  const content = { "content-range": `bytes ${first}-${last}/${whole.byteLength}` };
  return { status: 206, headers: { ...IMMUTABLE, ...content }, body: whole.slice(Number(first), Number(last) + 1) };
}
