/** Playlists as rendered from a replica: once per log entry and directive, however many ask; gzip likewise. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Replica } from "../../protocol/broadcast/replica.ts";
import { renderIframes, renderMedia } from "../../protocol/hls/media.ts";
import { renderMultivariant } from "../../protocol/hls/multivariant.ts";
import { cutAtQueries } from "../../protocol/hls/queries.ts";
import type { TrackName } from "../../protocol/ids.ts";
import { hash32 } from "../../protocol/room/hash.ts";

const encoder = new TextEncoder();

/** Kinds of answers whose headers are kept: viewers with a token each have their own. */
const MOST_KINDS = 64;

/** A playlist's bytes, its gzip form when asked for, and the headers that go with it. */
export class Rendered {
  readonly bytes: Uint8Array;
  readonly #text: string;
  #gzip: Uint8Array | null = null;
  #digest: string | null = null;
  /** Cut where a query goes. */
  #pieces: string[] | null = null;
  readonly #headers = new Map<string, Headers>();

  constructor(text: string) {
    this.#text = text;
    this.bytes = encoder.encode(text);
  }

  /** The headers for one kind of answer, made once as long as there are few kinds. */
  headers(kind: string, make: () => Headers): Headers {
    const headers = this.#headers.get(kind) ?? make();
    if (this.#headers.size >= MOST_KINDS) this.#headers.clear();
    this.#headers.set(kind, headers);
    return headers;
  }

  /** What tells its bytes from all others, with its quotes: the same in every isolate that renders the same text. */
  etag(zipped: boolean, query: string): string {
    this.#digest ??= createHash("sha256").update(this.bytes).digest("base64url").slice(0, 22);
    const own = query === "" ? "" : `-${hash32(query).toString(36)}`;
    return `"${this.#digest}${own}${zipped ? "-gzip" : ""}"`;
  }

  /** One viewer's: every address with `query`. */
  withQuery(query: string): Uint8Array {
    this.#pieces ??= cutAtQueries(this.#text);
    return encoder.encode(this.#pieces.join(query));
  }

  /** The gzip form, made once. */
  gzip(): Uint8Array {
    this.#gzip ??= zip(this.bytes, 5);
    return this.#gzip;
  }
}

/** Compressed; `level` 1 to 9 is fast to small. */
export const zip = (bytes: Uint8Array, level: number): Uint8Array => gzipSync(bytes, { level });

/** What can be rendered from a replica. */
export type PlaylistKind =
  | { readonly kind: "multivariant" }
  | { readonly kind: "media"; readonly track: TrackName; readonly skip: "none" | "YES" | "v2" }
  | { readonly kind: "iframes"; readonly track: TrackName; readonly skip: "none" | "YES" | "v2" };

/** The playlists of one replica at its present offset. */
export class Playlists {
  readonly #replica: Replica;
  #offset = -1;
  readonly #rendered = new Map<string, Rendered>();

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  /** The playlist as it stands. */
  get(wanted: PlaylistKind): Rendered {
    if (this.#offset !== this.#replica.offset) {
      this.#rendered.clear();
      this.#offset = this.#replica.offset;
    }
    const key = wanted.kind === "multivariant" ? wanted.kind : `${wanted.kind} ${wanted.track} ${wanted.skip}`;
    const rendered = this.#rendered.get(key) ?? new Rendered(this.#render(wanted));
    this.#rendered.set(key, rendered);
    return rendered;
  }

  #render(wanted: PlaylistKind): string {
    const { config, state } = this.#replica;
    switch (wanted.kind) {
      case "multivariant":
        return renderMultivariant(config, { ended: state.ended, iframes: true });
      case "iframes":
        return renderIframes(state, wanted.track, { skip: wanted.skip });
      case "media": {
        const latest = this.#replica.latestInit(wanted.track);
        const used = this.#replica.track(wanted.track)?.segments.at(-1)?.start.initVersion;
        const changes = latest !== undefined && used !== undefined && latest !== used;
        return renderMedia(state, wanted.track, { skip: wanted.skip, ...(changes ? { nextInitVersion: latest } : {}) });
      }
    }
  }
}

const cache = new WeakMap<Replica, Playlists>();

/** The playlists of a replica. */
export function playlistsOf(replica: Replica): Playlists {
  const playlists = cache.get(replica) ?? new Playlists(replica);
  cache.set(replica, playlists);
  return playlists;
}
