/** A broadcast with a fast clock and made-up media, right in every rule unless told otherwise: tests of the checker. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { BroadcastConfig, BroadcastState, PartMeta } from "../../core/broadcast/broadcast-log.ts";
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
import {
  type FakeFragment,
  type FakeMediaTrack,
  type FakeSamples,
  fakeFirstSampleEnd,
  fakeFragment,
  fakeInit,
} from "./fake-media.ts";

/** What a server may do wrong; each hook sees what the right server would say. */
export interface FakeServerFaults {
  /** Changes a playlist's text. */
  readonly playlist?: (text: string, at: FakeRequest) => string;
  /** Changes an answer. */
  readonly answer?: (answer: FakeAnswer, at: FakeRequest) => FakeAnswer | Promise<FakeAnswer>;
  /** Answers instead of the right server. */
  readonly replaceAnswer?: (at: FakeRequest, state: BroadcastState, wait: WaitUntil) => Promise<FakeAnswer | null>;
  /** Changes the media of a part. */
  readonly media?: (fragment: FakeFragment, meta: PartMeta, track: TrackName) => FakeFragment;
  /** Changes what an init section says of a track. */
  readonly init?: (track: FakeMediaTrack) => FakeMediaTrack;
  /** Sound comes in the pictures' parts. */
  readonly isMuxed?: boolean;
  readonly noIframes?: boolean;
}

/** A request as the hooks see it. */
export interface FakeRequest {
  readonly file: string;
  readonly track: TrackName;
  readonly query: URLSearchParams;
}

/** An answer as the hooks see it. */
export interface FakeAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
  /** Sends the body in two halves, this far apart. */
  readonly trickleMs?: number;
}

/** Resolves when `ready` holds after some entry, or after three target durations with false. */
export type WaitUntil = (ready: () => boolean) => Promise<boolean>;

const TARGET_S = 1;
const PARTS = 4;
/** A whole number of AAC frames, 12 of them, and of pictures. */
const TICK_MS = 256;
const AAC_FRAME = 1024;
const SOUND_RATE = 48_000;
const HISTORY_SEGMENTS = 14;
const SAMPLE_BYTES = 500;
const IMMUTABLE = { "cache-control": "public, max-age=31536000, immutable" };

/** A running fake. */
export interface FakeServer {
  readonly url: string;
  /** Ends the broadcast. */
  end(): void;
  close(): Promise<void>;
}

/** Starts a fake on a port of the system's choice. */
export async function startFakeServer(faults: FakeServerFaults = {}): Promise<FakeServer> {
  const broadcast = new FakeBroadcast(faults);
  const server = createServer((request, response) => void serve(broadcast, faults, request, response));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/live/demo/multivariant.m3u8`,
    end: () => broadcast.end(),
    close: async () => {
      broadcast.stop();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

class FakeBroadcast {
  readonly config: BroadcastConfig;
  state: BroadcastState;
  readonly bytes: Map<string, Uint8Array> = new Map();
  readonly asked: Map<string, boolean> = new Map();
  readonly #faults: FakeServerFaults;
  readonly #waiting: Set<() => void> = new Set();
  readonly #timer: NodeJS.Timeout;
  #index = 0;
  #iframeBytes = 0;

  constructor(faults: FakeServerFaults) {
    this.#faults = faults;
    const startedAtMs = Date.now() - TICK_MS * PARTS * HISTORY_SEGMENTS;
    const video = fixtureTrack("video", { partTargetMs: TICK_MS });
    const audio = fixtureTrack("audio", { kind: "audio", timescale: SOUND_RATE, partTargetMs: TICK_MS });
    const tracks = faults.isMuxed ? [{ ...video, codecs: `${video.codecs},${audio.codecs}` }] : [video, audio];
    this.config = fixtureConfig(tracks, { targetDurationS: TARGET_S, windowS: 9, startedAtMs });
    this.state = emptyState(this.config);
    for (let i = 0; i < HISTORY_SEGMENTS * PARTS; i++) this.#addParts();
    const begun = performance.now();
    let grown = 0;
    // Ticks are counted from the start, so that a late timer is followed by an early one.
    this.#timer = setInterval(() => {
      while ((grown + 1) * TICK_MS <= performance.now() - begun) {
        grown += 1;
        this.#addParts();
      }
    }, 10);
  }

  #addParts(): void {
    if (this.state.ended) return;
    for (const track of this.config.tracks) {
      const partTicks = (track.timescale * TICK_MS) / 1000;
      const cut = { parts: PARTS, partTicks, timescale: track.timescale, startedAtMs: this.config.startedAtMs };
      const even = evenPart(cut, this.#index);
      const video = track.kind === "video";
      const pictures: FakeSamples = {
        baseTicks: this.#index * partTicks,
        sampleTicks: partTicks / 5,
        samples: 5,
        sampleBytes: SAMPLE_BYTES,
        sync: even.part === 0 ? "first" : "none",
      };
      const sound = fakeAudio(this.#index);
      const made = !video ? sound : this.#faults.isMuxed ? { ...pictures, sound } : pictures;
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
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve(result);
      };
      const wake = (): void => {
        if (ready()) done(true);
      };
      const timer = setTimeout(() => done(false), 3000 * TARGET_S);
      this.#waiting.add(wake);
    });
  };

  end(): void {
    this.state = { ...this.state, ended: true };
    this.#wake();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** The sound of the part at `index`. */
function fakeAudio(index: number): FakeSamples {
  const samples = (TICK_MS * SOUND_RATE) / 1000 / AAC_FRAME;
  const baseTicks = index * samples * AAC_FRAME;
  return { baseTicks, sampleTicks: AAC_FRAME, samples, sampleBytes: SAMPLE_BYTES / 5, sync: "all" };
}

async function serve(
  broadcast: FakeBroadcast,
  faults: FakeServerFaults,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const url = new URL(request.url ?? "/", "http://localhost");
  const steps = url.pathname.split("/").slice(1);
  const multivariant = steps.join("/") === "live/demo/multivariant.m3u8";
  const at: FakeRequest = {
    file: multivariant ? "multivariant.m3u8" : (steps[4] ?? ""),
    track: parseTrackName(steps[3] ?? "") ?? ("none" as TrackName),
    query: url.searchParams,
  };
  const seenBefore = broadcast.asked.has(url.href);
  broadcast.asked.set(url.href, true);
  const right =
    (await faults.replaceAnswer?.(at, broadcast.state, broadcast.wait)) ??
    (await answerRequest(broadcast, faults, at, request.headers.range));
  const { status, headers, body, trickleMs } = (await faults.answer?.(right, at)) ?? right;
  const gzip = typeof body === "string" && headers["content-encoding"] === "gzip";
  const bytes = gzip ? gzipSync(body) : Buffer.from(body);
  const all: Record<string, string> = {
    "content-length": String(bytes.byteLength),
    age: "0",
    "last-modified": new Date().toUTCString(),
    "cache-status": `fake; ${seenBefore ? "hit" : "fwd=uri-miss"}`,
    ...headers,
  };
  // A fault takes a header away by emptying it.
  response.writeHead(status, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "")));
  if (trickleMs !== undefined) {
    response.write(bytes.subarray(0, bytes.byteLength >> 1));
    await new Promise((done) => setTimeout(done, trickleMs));
    response.end(bytes.subarray(bytes.byteLength >> 1));
  } else response.end(bytes);
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
    return playlistAnswer(renderMultivariant(broadcast.config, { ended: false, iframes: !faults.noIframes }), 1);
  }
  if (!broadcast.state.tracks.has(at.track)) return notFoundAnswer(at, false);
  if (at.file === "media.m3u8" || at.file === "iframes.m3u8") return answerPlaylist(broadcast, faults, at);
  if (at.file === "init-0.mp4") {
    const track = broadcast.state.tracks.get(at.track)?.track;
    const own: FakeMediaTrack = { kind: track?.kind ?? "video", timescale: track?.timescale ?? 1 };
    const tracks = faults.isMuxed ? [own, { kind: "audio" as const, timescale: SOUND_RATE }] : [own];
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
    const came = await broadcast.wait(() => isReloadSatisfied(broadcast.state, at.track, decision));
    if (!came) return { status: 503, headers: { "cache-control": "no-store" }, body: "too late" };
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
