/** Playlists as rendered from a replica: once per log entry and directive, however many ask; gzip likewise. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Replica } from "../../protocol/broadcast/replica.ts";
import { iframePieces, mediaPieces, type Piece, textOf } from "../../protocol/hls/media.ts";
import { renderMultivariant } from "../../protocol/hls/multivariant.ts";
import { cutAtQueries } from "../../protocol/hls/queries.ts";
import type { TrackName } from "../../protocol/ids.ts";
import { hash32 } from "../../protocol/room/hash.ts";
import { type DeflatedPiece, deflatePiece, gzipOf } from "./gzip-pieces.ts";

const encoder = new TextEncoder();

/** Kinds of answers whose headers are kept: viewers with a token each have their own. */
const MOST_KINDS = 64;

/** Fast enough for what is made for each entry of the log. */
const ZIP_LEVEL = 5;

/** A playlist of so many characters, of some minutes, is digested and compressed faster whole than in pieces. */
const WHOLE_CHARS = 16_384;

/** What was made of a piece; pieces of a long window's past stay, and what was made of them with them. */
interface Made {
  digest?: Uint8Array;
  deflated?: DeflatedPiece;
}

const madeOf = new WeakMap<Piece, Made>();

function made(piece: Piece): Made {
  const known = madeOf.get(piece) ?? {};
  madeOf.set(piece, known);
  return known;
}

function digestOf(piece: Piece): Uint8Array {
  const known = made(piece);
  known.digest ??= createHash("sha256").update(piece.text).digest();
  return known.digest;
}

function deflatedOf(piece: Piece): DeflatedPiece {
  const known = made(piece);
  known.deflated ??= deflatePiece(encoder.encode(piece.text), ZIP_LEVEL);
  return known.deflated;
}

/** A playlist's bytes, its gzip form when asked for, and the headers that go with it. */
export class Rendered {
  readonly #pieces: readonly Piece[];
  #bytes: Uint8Array | null = null;
  #gzip: Uint8Array | null = null;
  #digest: string | null = null;
  /** Cut where a query goes. */
  #atQueries: string[] | null = null;
  readonly #headers = new Map<string, Headers>();

  constructor(pieces: readonly Piece[]) {
    const chars = pieces.reduce((sum, { text }) => sum + text.length, 0);
    this.#pieces = chars > WHOLE_CHARS ? pieces : [{ text: textOf(pieces) }];
  }

  /** The whole of it, made once. */
  get bytes(): Uint8Array {
    this.#bytes ??= encoder.encode(textOf(this.#pieces));
    return this.#bytes;
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
    this.#digest ??= this.#sum().toString("base64url").slice(0, 22);
    const own = query === "" ? "" : `-${hash32(query).toString(36)}`;
    return `"${this.#digest}${own}${zipped ? "-gzip" : ""}"`;
  }

  /** One viewer's: every address with `query`. */
  withQuery(query: string): Uint8Array {
    this.#atQueries ??= cutAtQueries(textOf(this.#pieces));
    return encoder.encode(this.#atQueries.join(query));
  }

  /** The gzip form, made once. */
  gzip(): Uint8Array {
    this.#gzip ??= this.#pieces.length === 1 ? zip(this.bytes, ZIP_LEVEL) : gzipOf(this.#pieces.map(deflatedOf));
    return this.#gzip;
  }

  /** Of the bytes, or of the digests of the pieces, which lie at the same places wherever the same text is rendered. */
  #sum(): Buffer {
    const hash = createHash("sha256");
    if (this.#pieces.length === 1) return hash.update(this.bytes).digest();
    for (const piece of this.#pieces) hash.update(digestOf(piece));
    return hash.digest();
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

  #render(wanted: PlaylistKind): Piece[] {
    const { config, state } = this.#replica;
    switch (wanted.kind) {
      case "multivariant":
        return [{ text: renderMultivariant(config, { ended: state.ended, iframes: true }) }];
      case "iframes":
        return iframePieces(state, wanted.track, { skip: wanted.skip });
      case "media": {
        const latest = this.#replica.latestInit(wanted.track);
        const used = this.#replica.track(wanted.track)?.segments.at(-1)?.start.initVersion;
        const changes = latest !== undefined && used !== undefined && latest !== used;
        return mediaPieces(state, wanted.track, { skip: wanted.skip, ...(changes ? { nextInitVersion: latest } : {}) });
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
