/** One viewer's loop over one rendition, as in a player; requests and counters are the caller's. */
import type { PlaybackBuffer } from "./playback-buffer.ts";
import { type K6MediaPlaylist, parseMediaPlaylist } from "./playlist.ts";

/** A requested resource. */
export type RequestKind = "multivariant" | "playlist" | "blocking" | "init" | "part" | "segment";

/** A response; `body` is empty if it was not requested. */
export interface ViewerAnswer {
  readonly status: number;
  readonly body: string;
  readonly bytes: number;
  /** Seconds, 0 if absent. */
  readonly retryAfterS: number;
}

/**
 * A viewer's counters: `retry`, a failed request that is repeated once; `error`, one that failed twice; `behind`, parts
 * that had left the playlist before the viewer requested them.
 */
export type ViewerEventKind = "retry" | "error" | "wrong" | "out-of-order" | "behind" | "part" | "switch";

/** The viewer's requests, waits, checks and counters. */
export interface ViewerRuntime {
  get(url: string, kind: RequestKind, body: "text" | "none"): Promise<ViewerAnswer>;
  wait(ms: number): Promise<void>;
  sha256(text: string): string;
  record(what: ViewerEventKind, kind: RequestKind): void;
}

/** Known properties of the media: bytes of a part by track; other tracks are not checked. */
export type PartSizes = Readonly<Record<string, number>>;

/** One part in this many is read whole and its hash compared; of the others the length. */
const HASH_EVERY = 16;
/** A failed request is repeated once after about this time, as players do. */
const RETRY_MS = 300;
/** One in this many reloads requests the full playlist, the others a delta update. */
const WHOLE_EVERY = 8;
/** A viewer changes its rendition after this many reloads, if there are several. */
const SWITCH_EVERY = 20;

/** A viewer of one rendition; `uri` and the others are from the multivariant playlist, `base` is its folder. */
export class RenditionViewer {
  uri: string;
  readonly #runtime: ViewerRuntime;
  readonly #base: string;
  readonly #partSizes: PartSizes;
  readonly #buffer: PlaybackBuffer | null;
  readonly #renditionUris: readonly string[];
  #last = { msn: -1, part: -1 };

  constructor(
    viewing: ViewerRuntime,
    media: { readonly base: string; readonly uri: string; readonly others: readonly string[] },
    partBytes: PartSizes,
    buffer: PlaybackBuffer | null,
  ) {
    this.#runtime = viewing;
    this.#base = media.base;
    this.uri = media.uri;
    this.#renditionUris = media.others;
    this.#partSizes = partBytes;
    this.#buffer = buffer;
  }

  /** The last received part. */
  get last(): { readonly msn: number; readonly part: number } {
    return this.#last;
  }

  /** Plays from the hold-back on until `over()`, the end of the broadcast, or two failed reloads in a row. */
  async follow(over: () => boolean): Promise<void> {
    let playlist = (await this.#loadPlaylist("")) ?? (await this.#loadPlaylist("", true));
    if (playlist === null) return;
    await this.#fetchInit();
    this.#startAtHoldBack(playlist);
    for (let round = 1; !over() && !playlist.ended; round += 1) {
      for (const [index, { msn, part, durationS }] of playlist.parts.entries()) {
        if (msn < this.#last.msn || (msn === this.#last.msn && part <= this.#last.part)) continue;
        if (!this.#isNextPart(msn, part)) this.#runtime.record(index === 0 ? "behind" : "out-of-order", "part");
        await this.#fetchPart(msn, part, durationS);
      }
      if (this.#renditionUris.length > 1 && round % SWITCH_EVERY === 0) this.#switchRendition(playlist);
      const { msn, part }: { msn: number; part: number } = playlist.nextPart;
      const skip: string = playlist.canSkip && round % WHOLE_EVERY !== 0 ? "&_HLS_skip=YES" : "";
      const next: K6MediaPlaylist | null =
        (await this.#loadPlaylist(`?_HLS_msn=${msn}&_HLS_part=${part}${skip}`)) ?? (await this.#loadPlaylist("", true));
      if (next === null) return;
      playlist = next;
    }
  }

  /** Requests a whole old segment, as after a seek; a playlist's text lists them. */
  async seek(playlistText: string): Promise<void> {
    const { segments } = parseMediaPlaylist(playlistText);
    const old = segments[Math.floor(Math.random() * Math.max(1, segments.length - 6))];
    if (old === undefined) return;
    await this.#fetchFile(`${old.msn}.m4s`, "segment", "none");
  }

  #startAtHoldBack({ parts, holdBackS, partTargetS }: K6MediaPlaylist): void {
    this.#buffer?.setStartS(2 * partTargetS);
    let behindS = 0;
    let first = parts.length;
    while (first > 0 && behindS < holdBackS) {
      first -= 1;
      behindS += parts[first]?.durationS ?? 0;
    }
    const start = parts[first];
    if (start !== undefined) this.#last = { msn: start.msn, part: start.part - 1 };
  }

  #urlOf(name: string): string {
    return `${this.#base}${this.uri.replace("media.m3u8", name)}`;
  }

  /** A playlist, or null if the response is none. */
  async #loadPlaylist(query: string, isRetry = false): Promise<K6MediaPlaylist | null> {
    if (isRetry) await this.#runtime.wait(RETRY_MS * (0.5 + Math.random()));
    const kind = query === "" ? "playlist" : "blocking";
    const { status, body } = await this.#runtime.get(`${this.#base}${this.uri}${query}`, kind, "text");
    if (status === 200) return parseMediaPlaylist(body);
    this.#runtime.record(isRetry ? "error" : "retry", kind);
    return null;
  }

  async #fetchInit(): Promise<void> {
    await this.#fetchFile("init-1.mp4", "init", "none");
  }

  /** A file, requested once more on failure; null if that fails too. */
  async #fetchFile(name: string, kind: RequestKind, body: "text" | "none"): Promise<ViewerAnswer | null> {
    for (const note of ["retry", "error"] as const) {
      const answer = await this.#runtime.get(this.#urlOf(name), kind, body);
      if (answer.status === 200) return answer;
      this.#runtime.record(note, kind);
      await this.#runtime.wait(RETRY_MS * (0.5 + Math.random()));
    }
    return null;
  }

  /** Switches to another rendition: its report states its position, from which its parts are requested. */
  #switchRendition(playlist: K6MediaPlaylist): void {
    const other = this.#renditionUris.find((uri) => uri !== this.uri);
    const report = playlist.renditionReports.find(({ uri }) => other?.endsWith(uri.replace(/^(\.\.\/)+/, "")) === true);
    if (other === undefined) return;
    if (report === undefined || report.msn < playlist.nextPart.msn - 1)
      this.#runtime.record("out-of-order", "playlist");
    this.uri = other;
    this.#runtime.record("switch", "playlist");
  }

  #isNextPart(msn: number, part: number): boolean {
    const { msn: lastMsn, part: lastPart } = this.#last;
    if (lastMsn < 0) return true;
    return msn === lastMsn ? part === lastPart + 1 : msn === lastMsn + 1 && part === 0;
  }

  async #fetchPart(msn: number, part: number, durationS: number): Promise<void> {
    this.#last = { msn, part };
    const whole = Math.random() * HASH_EVERY < 1;
    const answer = await this.#fetchFile(`${msn}.${part}.m4s`, "part", whole ? "text" : "none");
    if (answer === null) return;
    this.#runtime.record("part", "part");
    const track = this.uri.split("/").at(-2) ?? "";
    const expected = this.#partSizes[track];
    if (expected !== undefined) {
      const right = answer.bytes === expected && (!whole || this.#isIntact(answer.body, `${track} ${msn}.${part}`));
      if (!right) this.#runtime.record("wrong", "part");
    }
    this.#buffer?.append(durationS, Date.now());
  }

  /** Whether a part is the requested one, and its hash is that of its bytes. */
  #isIntact(body: string, name: string): boolean {
    const [, track, position, hash] = /^corral (\S+) (\S+) ([0-9a-f]{64}) *\n/.exec(body) ?? [];
    return `${track} ${position}` === name && this.#runtime.sha256(body.slice(128)) === hash;
  }
}

/**
 * The multivariant playlist, requested again before the broadcast and after a refused join; null when
 * `over()` is true first. `putOff` is called for each refused join.
 */
export async function fetchMultivariant(
  viewing: ViewerRuntime,
  base: string,
  isOver: () => boolean,
  onDeferred: () => void,
): Promise<string | null> {
  while (!isOver()) {
    const { status, body, retryAfterS } = await viewing.get(`${base}multivariant.m3u8`, "multivariant", "text");
    if (status === 200) return body;
    if (status === 503 && retryAfterS > 0) onDeferred();
    else if (status !== 404) viewing.record("error", "multivariant");
    await viewing.wait(
      status === 503 && retryAfterS > 0 ? (retryAfterS + Math.random()) * 1_000 : 200 + 300 * Math.random(),
    );
  }
  return null;
}
