/** Playlists rendered from a replica: once per log entry and directive, for any number of requests; gzip likewise. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Replica } from "../../core/broadcast/replica.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import { hash32 } from "../../core/kit/hash.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import {
  iframePlaylistChunks,
  joinChunks,
  mediaPlaylistChunks,
  type PlaylistChunk,
} from "../../core/media/hls/media-playlist.ts";
import { renderMultivariant } from "../../core/media/hls/multivariant-playlist.ts";
import { splitAfterUris } from "../../core/media/hls/split-after-uris.ts";
import { compressPiece, type DeflatedPiece, joinGzipPieces } from "./gzip-pieces.ts";

const encoder = new TextEncoder();

/** Kinds of responses with cached headers: each viewer with a token is a separate kind. */
const MAX_HEADER_KINDS = 64;

/** Fast enough to run for each entry of the log. */
const GZIP_LEVEL = 5;

/** A playlist up to this many characters, some minutes, is hashed and compressed faster as a whole than in pieces. */
const MIN_PIECEWISE_CHARS = 16_384;

/** Derived data of a piece; the pieces of a long window's past are kept with it. */
interface PieceCache {
  digest?: Uint8Array;
  compressed?: DeflatedPiece;
}

const pieceCaches = new WeakMap<PlaylistChunk, PieceCache>();

function getPieceCache(piece: PlaylistChunk): PieceCache {
  const known = pieceCaches.get(piece) ?? {};
  pieceCaches.set(piece, known);
  return known;
}

function digestPiece(piece: PlaylistChunk): Uint8Array {
  const known = getPieceCache(piece);
  known.digest ??= createHash("sha256").update(piece.text).digest();
  return known.digest;
}

function compressCachedPiece(piece: PlaylistChunk): DeflatedPiece {
  const known = getPieceCache(piece);
  known.compressed ??= compressPiece(encoder.encode(piece.text), GZIP_LEVEL);
  return known.compressed;
}

/** A playlist's bytes, its gzip form on request, and its headers. */
export class RenderedPlaylist {
  readonly #pieces: readonly PlaylistChunk[];
  #bytes: Uint8Array | null = null;
  #gzip: Uint8Array | null = null;
  #digest: string | null = null;
  /** Its text, split where a query is inserted. */
  #querySplits: string[] | null = null;
  readonly #headers = new BoundedMap<string, Headers>(MAX_HEADER_KINDS);

  constructor(pieces: readonly PlaylistChunk[]) {
    const chars = pieces.reduce((sum, { text }) => sum + text.length, 0);
    this.#pieces = chars > MIN_PIECEWISE_CHARS ? pieces : [{ text: joinChunks(pieces) }];
  }

  /** The whole text, joined once. */
  get bytes(): Uint8Array {
    this.#bytes ??= encoder.encode(joinChunks(this.#pieces));
    return this.#bytes;
  }

  /** The headers for one kind of response, created once while there are few kinds. */
  cachedHeaders(kind: string, make: () => Headers): Headers {
    const headers = this.#headers.get(kind) ?? make();
    this.#headers.set(kind, headers);
    return headers;
  }

  /** The entity tag, with its quotes: the same in every isolate that renders the same text. */
  etag(isGzip: boolean, query: string): string {
    this.#digest ??= this.#computeDigest().toString("base64url").slice(0, 22);
    const own = query === "" ? "" : `-${hash32(query).toString(36)}`;
    return `"${this.#digest}${own}${isGzip ? "-gzip" : ""}"`;
  }

  /** The playlist with `query` at every URI, for one viewer. */
  withQuery(query: string): Uint8Array {
    this.#querySplits ??= splitAfterUris(joinChunks(this.#pieces));
    return encoder.encode(this.#querySplits.join(query));
  }

  /** The gzip form, compressed once. */
  gzip(): Uint8Array {
    this.#gzip ??=
      this.#pieces.length === 1
        ? gzipBytes(this.bytes, GZIP_LEVEL)
        : joinGzipPieces(this.#pieces.map(compressCachedPiece));
    return this.#gzip;
  }

  /** The hash of the bytes, or of the digests of the pieces, whose boundaries are the same wherever the same text is rendered. */
  #computeDigest(): Buffer {
    const hash = createHash("sha256");
    if (this.#pieces.length === 1) return hash.update(this.bytes).digest();
    for (const piece of this.#pieces) hash.update(digestPiece(piece));
    return hash.digest();
  }
}

/** Compresses; `level` 1 to 9 is fast to small. */
export const gzipBytes = (bytes: Uint8Array, level: number): Uint8Array => gzipSync(bytes, { level });

/** Selects a playlist of a replica. */
export type PlaylistSelector =
  | { readonly kind: "multivariant"; readonly of: "stream" | "broadcast" }
  | { readonly kind: "media"; readonly track: TrackName; readonly skip: "none" | "YES" | "v2" }
  | { readonly kind: "iframes"; readonly track: TrackName; readonly skip: "none" | "YES" | "v2" };

/** The playlists of one replica at its current offset. */
export class PlaylistCache {
  readonly #replica: Replica;
  #offset = -1;
  readonly #rendered = new Map<string, RenderedPlaylist>();

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  /** The current playlist. */
  render(selector: PlaylistSelector): RenderedPlaylist {
    if (this.#offset !== this.#replica.offset) {
      this.#rendered.clear();
      this.#offset = this.#replica.offset;
    }
    const key =
      selector.kind === "multivariant"
        ? `${selector.kind} ${selector.of}`
        : `${selector.kind} ${selector.track} ${selector.skip}`;
    const rendered = this.#rendered.get(key) ?? new RenderedPlaylist(this.#renderPieces(selector));
    this.#rendered.set(key, rendered);
    return rendered;
  }

  #renderPieces(selector: PlaylistSelector): PlaylistChunk[] {
    const { config, state } = this.#replica;
    switch (selector.kind) {
      case "multivariant":
        return [{ text: renderMultivariant(config, { ended: state.ended, iframes: true, of: selector.of }) }];
      case "iframes":
        return iframePlaylistChunks(state, selector.track, { skip: selector.skip });
      case "media": {
        const latest = this.#replica.latestInitVersion(selector.track);
        const used = this.#replica.track(selector.track)?.segments.at(-1)?.start.initVersion;
        const changes = latest !== undefined && used !== undefined && latest !== used;
        return mediaPlaylistChunks(state, selector.track, {
          skip: selector.skip,
          ...(changes ? { nextInitVersion: latest } : {}),
        });
      }
    }
  }
}

const playlistCaches = new WeakMap<Replica, PlaylistCache>();

/** The playlists of a replica. */
export function getPlaylistCache(replica: Replica): PlaylistCache {
  const playlists = playlistCaches.get(replica) ?? new PlaylistCache(replica);
  playlistCaches.set(replica, playlists);
  return playlists;
}
