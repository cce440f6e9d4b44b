/** MPEG transport streams: the tracks of the first program as ingest events. */
import type { IngestEvent } from "../media-event.ts";
import { ContinuityCounter } from "./continuity.ts";
import { MPEG_TS_LIMITS } from "./limits.ts";
import { type TransportPacket, TransportPacketReader } from "./packet-reader.ts";
import { PesAssembler, type PesUnit } from "./pes-assembler.ts";
import { ProgramClock, subtractTimes } from "./program-clock.ts";
import { type ElementaryStream, parseProgramAssociation, parseProgramMap, SectionAssembler } from "./sections.ts";
import { identifyStream } from "./stream-kinds.ts";
import type { TrackReader } from "./track-reader.ts";

const PAT_PID = 0;

/** A PID with sections. */
interface SectionPid {
  readonly pid: number;
  readonly assembler: SectionAssembler;
  readonly continuity: ContinuityCounter;
}

/** A PID with a track. */
interface StreamPid {
  readonly kindId: string;
  readonly media: "video" | "audio";
  readonly track: number;
  readonly assembler: PesAssembler;
  readonly continuity: ContinuityCounter;
  readonly reader: TrackReader;
}

/** What could not be used, since the beginning. */
export interface TransportCounts {
  /** Bytes that belong to no transport packet. */
  readonly skippedBytes: number;
  /** Gaps in the continuity counters of the PIDs that are read. */
  readonly continuityErrors: number;
  /** PES packets and frames that were damaged, malformed, too large, or before their track's configuration. */
  readonly droppedUnits: number;
  /** Streams of the program map now that cannot be read, or exceed the limit. */
  readonly unreadStreams: number;
}

/** Demultiplexes a transport stream that comes in pieces of any size. Never throws; malformed input is left out and counted. */
export class TransportDemuxer {
  readonly #packets = new TransportPacketReader();
  readonly #clock = new ProgramClock();
  readonly #association: SectionPid = openSectionPid(PAT_PID);
  #map: SectionPid | null = null;
  /** By PID. */
  #streams = new Map<number, StreamPid>();
  #continuityErrors = 0;
  #closedDroppedUnits = 0;
  #unreadStreams = 0;

  /** The events that are complete with `bytes`; their data are copies. */
  push(bytes: Uint8Array): IngestEvent[] {
    const events: IngestEvent[] = [];
    for (const packet of this.#packets.read(bytes)) {
      if (packet.payload.byteLength > 0) this.#readPacket(packet, events);
    }
    return events;
  }

  /** The events of the last units, which nothing follows. */
  end(): IngestEvent[] {
    const events: IngestEvent[] = [];
    for (const stream of this.#streams.values()) this.#readUnits(stream, stream.assembler.close(), events);
    return events;
  }

  get counts(): TransportCounts {
    let droppedUnits = this.#closedDroppedUnits;
    for (const { assembler, reader } of this.#streams.values())
      droppedUnits += assembler.droppedUnits + reader.droppedUnits;
    return {
      skippedBytes: this.#packets.skippedBytes,
      continuityErrors: this.#continuityErrors,
      droppedUnits,
      unreadStreams: this.#unreadStreams,
    };
  }

  #readPacket(packet: TransportPacket, events: IngestEvent[]): void {
    if (packet.pid === PAT_PID) {
      for (const section of this.#readSections(this.#association, packet)) {
        const pid = parseProgramAssociation(section);
        if (pid !== null && pid !== PAT_PID && pid !== this.#map?.pid) this.#map = openSectionPid(pid);
      }
      return;
    }
    if (packet.pid === this.#map?.pid) {
      for (const section of this.#readSections(this.#map, packet)) {
        const streams = parseProgramMap(section);
        if (streams !== null) this.#selectStreams(streams, events);
      }
      return;
    }
    const stream = this.#streams.get(packet.pid);
    if (stream === undefined) return;
    const continuity = stream.continuity.check(packet);
    if (continuity === "duplicate") return;
    if (continuity === "gap") {
      this.#continuityErrors += 1;
      // A picture with a part missing breaks some players' decoders; a missing picture does not.
      this.#readUnits(stream, stream.assembler.close(), events);
      stream.reader.reset();
    }
    this.#readUnits(stream, stream.assembler.read(packet), events);
  }

  #readSections(source: SectionPid, packet: TransportPacket): Iterable<Uint8Array> {
    const continuity = source.continuity.check(packet);
    if (continuity === "duplicate") return [];
    if (continuity === "gap") {
      this.#continuityErrors += 1;
      source.assembler.reset();
    }
    return source.assembler.read(packet);
  }

  /** Keeps the readers of streams that stay, ends those of streams that are gone, and opens new ones. */
  #selectStreams(listed: readonly ElementaryStream[], events: IngestEvent[]): void {
    const before = this.#streams;
    const streams = new Map<number, StreamPid>();
    const opened: (() => void)[] = [];
    const pids = new Set<number>();
    this.#unreadStreams = 0;
    for (const entry of listed) {
      const kind = identifyStream(entry);
      if (kind === null || pids.size >= MPEG_TS_LIMITS.streams || pids.has(entry.pid)) {
        this.#unreadStreams += 1;
        continue;
      }
      pids.add(entry.pid);
      const known = before.get(entry.pid);
      if (known?.kindId === kind.id) streams.set(entry.pid, known);
      else {
        opened.push(() => {
          const track = findFreeTrack(streams, kind.media);
          streams.set(entry.pid, {
            kindId: kind.id,
            media: kind.media,
            track,
            assembler: new PesAssembler(),
            continuity: new ContinuityCounter(),
            reader: kind.makeReader(track),
          });
        });
      }
    }
    for (const open of opened) open();
    for (const [pid, stream] of before) {
      if (streams.get(pid) === stream) continue;
      this.#readUnits(stream, stream.assembler.close(), events);
      this.#closedDroppedUnits += stream.assembler.droppedUnits + stream.reader.droppedUnits;
    }
    this.#streams = streams;
  }

  #readUnits(stream: StreamPid, units: readonly PesUnit[], events: IngestEvent[]): void {
    for (const { times, data } of units) {
      const unwrapped =
        times === null ? null : { dts: this.#clock.unwrap(times.dts), ctsOffset: subtractTimes(times.pts, times.dts) };
      events.push(...stream.reader.read({ times: unwrapped, data }));
    }
  }
}

const openSectionPid = (pid: number): SectionPid => ({
  pid,
  assembler: new SectionAssembler(),
  continuity: new ContinuityCounter(),
});

/** The lowest number that no open track of the media kind has. */
function findFreeTrack(streams: ReadonlyMap<number, StreamPid>, media: "video" | "audio"): number {
  const used = new Set([...streams.values()].filter((stream) => stream.media === media).map(({ track }) => track));
  let track = 0;
  while (used.has(track)) track += 1;
  return track;
}
