/** A writer of transport streams for tests. */
import { concatBytes } from "../../kit/bytes.ts";
import { computeCrc32 } from "./sections.ts";

/** An elementary stream of a program map. */
export interface TestStream {
  readonly pid: number;
  readonly streamType: number;
  /** Raw descriptors. */
  readonly descriptors?: readonly number[];
}

/** Header of a PES packet. */
export interface TestPesOptions {
  readonly pts?: number | null;
  readonly dts?: number | null;
  /** Whether the length is announced. */
  readonly hasLength?: boolean;
  readonly streamId?: number;
}

/** PID of the program map. */
export const TEST_MAP_PID = 0x1000;

/** Writes packets with continuity counters of their own. */
export class TestTransportWriter {
  readonly #counters = new Map<number, number>();

  /** Association and map of one program. */
  writeTables(streams: readonly TestStream[]): Uint8Array {
    return concatBytes([this.writeAssociation([[1, TEST_MAP_PID]]), this.writeMap(streams)]);
  }

  /** The association of programs with the PIDs of their maps. */
  writeAssociation(programs: readonly (readonly [program: number, pid: number])[]): Uint8Array {
    const entries = programs.flatMap(([program, pid]) => [program >> 8, program & 255, 0xe0 | (pid >> 8), pid & 255]);
    return this.#writeSection(0, makeSection(0, entries));
  }

  /** The map of the program. */
  writeMap(streams: readonly TestStream[]): Uint8Array {
    const entries = streams.flatMap(({ pid, streamType, descriptors = [] }) => {
      return [streamType, 0xe0 | (pid >> 8), pid & 255, 0xf0, descriptors.length, ...descriptors];
    });
    return this.#writeSection(TEST_MAP_PID, makeSection(2, [0xe1, 0, 0xf0, 0, ...entries]));
  }

  /** A PES packet. Times are wrapped to 33 bits. */
  writePes(
    pid: number,
    data: Uint8Array,
    { pts = null, dts = null, hasLength = false, streamId = 0xe0 }: TestPesOptions = {},
  ): Uint8Array {
    const times = [
      ...(pts === null ? [] : encodeTime(dts === null ? 2 : 3, pts)),
      ...(dts === null ? [] : encodeTime(1, dts)),
    ];
    const flags = (pts === null ? 0 : 0x80) | (dts === null ? 0 : 0x40);
    const length = hasLength ? 3 + times.length + data.byteLength : 0;
    const header = Uint8Array.of(0, 0, 1, streamId, length >> 8, length & 255, 0x80, flags, times.length, ...times);
    return this.writePayload(pid, concatBytes([header, data]));
  }

  /** Packets of a payload; the last one is stuffed. */
  writePayload(pid: number, payload: Uint8Array): Uint8Array {
    const packets: Uint8Array[] = [];
    for (let at = 0; at < payload.byteLength; at += 184) {
      const chunk = payload.subarray(at, at + 184);
      const counter = this.#counters.get(pid) ?? 0;
      this.#counters.set(pid, (counter + 1) & 15);
      const stuffing = 184 - chunk.byteLength;
      const adaptation =
        stuffing === 0 ? [] : [stuffing - 1, ...(stuffing === 1 ? [] : [0, ...Array(stuffing - 2).fill(255)])];
      const header = [0x47, (at === 0 ? 0x40 : 0) | (pid >> 8), pid & 255, (stuffing === 0 ? 0x10 : 0x30) | counter];
      packets.push(Uint8Array.of(...header, ...adaptation, ...chunk));
    }
    return concatBytes(packets);
  }

  #writeSection(pid: number, section: Uint8Array): Uint8Array {
    return this.writePayload(pid, concatBytes([Uint8Array.of(0), section]));
  }
}

function makeSection(tableId: number, content: readonly number[]): Uint8Array {
  const length = 5 + content.length + 4;
  const bytes = Uint8Array.of(tableId, 0xb0 | (length >> 8), length & 255, 0, 1, 0xc1, 0, 0, ...content);
  const crc = new Uint8Array(4);
  new DataView(crc.buffer).setUint32(0, computeCrc32(bytes));
  return concatBytes([bytes, crc]);
}

function encodeTime(prefix: number, ticks: number): number[] {
  const wrapped = ((ticks % 2 ** 33) + 2 ** 33) % 2 ** 33;
  const high = Math.floor(wrapped / 2 ** 30) & 7;
  const low = wrapped % 2 ** 30;
  return [
    (prefix << 4) | (high << 1) | 1,
    (low >> 22) & 255,
    ((low >> 14) & 254) | 1,
    (low >> 7) & 255,
    ((low << 1) & 254) | 1,
  ];
}

/** SPS and PPS of 640 × 360 in High profile, as x264 writes them; `level` makes others. */
export const testAvcSets = (level = 30): readonly [sps: Uint8Array, pps: Uint8Array] => [
  Uint8Array.of(
    ...[103, 100, 0, level, 172, 217, 64, 160, 47, 249, 112, 17, 0, 0, 3, 0, 1, 0, 0, 3, 0, 50, 15, 22, 45, 150],
  ),
  Uint8Array.of(104, 239, 188, 176),
];

/** NAL units as an Annex B byte stream. */
export function joinAnnexB(units: readonly Uint8Array[]): Uint8Array {
  return concatBytes(units.flatMap((unit) => [Uint8Array.of(0, 0, 0, 1), unit]));
}

/** An ADTS frame of AAC-LC at 48 kHz in stereo. */
export function makeAdtsFrame(data: Uint8Array): Uint8Array {
  const length = 7 + data.byteLength;
  const header = [0xff, 0xf1, 0x4c, 0x80 | (length >> 11), (length >> 3) & 255, ((length & 7) << 5) | 0x1f, 0xfc];
  return concatBytes([Uint8Array.of(...header), data]);
}
