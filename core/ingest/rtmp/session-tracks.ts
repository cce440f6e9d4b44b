/** The tracks of a session: media messages to events, with unwrapped times and without repeated configurations. */
import type { IngestAudioCodec, IngestEvent, IngestVideoCodec } from "../media-event.ts";
import { checkDecoderRecord } from "./decoder-record.ts";
import type { FlvPacket } from "./flv-packet.ts";
import { RTMP_LIMITS } from "./limits.ts";
import { RtmpError } from "./rtmp-error.ts";

/** Ticks per second of RTMP's timestamps. */
const RTMP_TIMESCALE = 1_000;

/**
 * Continues timestamps through their wraparound: each is the one nearest to that before it. The protocol's wrap around at
 * 2^32, FFmpeg's at 2^31; times modulo 2^31 serve both.
 */
export class RtmpTimestampUnwrapper {
  #last: number | null = null;

  /** The unwrapped time of `timestamp`, milliseconds. The first is itself. */
  unwrap(timestamp: number): number {
    // The difference modulo 2^31 as a signed number of 31 bits.
    const time = this.#last === null ? timestamp : this.#last + (((timestamp - this.#last) << 1) >> 1);
    this.#last = time;
    return time;
  }
}

interface TrackState {
  readonly codec: IngestVideoCodec | IngestAudioCodec;
  readonly record: Uint8Array;
}

/** All tracks of a session share one timeline. */
export class SessionTracks {
  readonly #unwrapper = new RtmpTimestampUnwrapper();
  readonly #tracks = { video: new Map<number, TrackState>(), audio: new Map<number, TrackState>() };

  /** The events of one message's packets. Frames before their track's configuration cannot be decoded and are dropped. */
  readPackets(media: "video" | "audio", timestamp: number, packets: readonly FlvPacket[]): IngestEvent[] {
    // Configurations often carry a timestamp of zero, far from that of the frames.
    const dts = packets.some(({ kind }) => kind === "frame") ? this.#unwrapper.unwrap(timestamp) : 0;
    return packets.flatMap((packet): IngestEvent[] => {
      const { track, codec } = packet;
      const state = this.#tracks[media].get(track);
      if (packet.kind === "config") return this.#configure(media, packet, state);
      if (state?.codec !== codec) return [];
      const { ctsOffset, sync, data } = packet;
      return [{ kind: "frame", track, media, dts, ctsOffset, sync, data }];
    });
  }

  #configure(
    media: "video" | "audio",
    { track, codec, record: declared }: Extract<FlvPacket, { kind: "config" }>,
    state: TrackState | undefined,
  ): IngestEvent[] {
    const record = checkDecoderRecord(codec, declared);
    if (state?.codec === codec && isEqual(state.record, record)) return [];
    if (state === undefined && this.#tracks[media].size === RTMP_LIMITS.tracksPerMedia) {
      throw new RtmpError(`The sender has more than ${RTMP_LIMITS.tracksPerMedia} ${media} tracks.`);
    }
    this.#tracks[media].set(track, { codec, record });
    return [{ kind: "config", track, media, codec, timescale: RTMP_TIMESCALE, record }];
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
