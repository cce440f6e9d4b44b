/** FFmpeg's view of media, for tests that compare an ingest with it. */
import { spawnSync } from "node:child_process";
import type { IngestEvent, IngestFrame } from "../../../core/ingest/media-event.ts";
import { concatBytes } from "../../../core/kit/bytes.ts";

/** Times of a packet, ticks of 90 kHz. */
export interface PacketTimes {
  readonly dts: number;
  readonly pts: number;
  readonly sync: boolean;
}

/** Packets by media kind, in the order of the file. */
export interface PacketList {
  readonly video: readonly PacketTimes[];
  readonly audio: readonly PacketTimes[];
}

/** The packets that ffprobe finds in a file. */
export function probePackets(path: string): PacketList {
  const args = ["-v", "error", "-show_entries", "packet=codec_type,pts,dts,flags", "-of", "json", path];
  const { stdout } = spawnSync("ffprobe", args, { encoding: "utf8", timeout: 60_000, maxBuffer: 2 ** 26 });
  const { packets } = JSON.parse(stdout) as {
    readonly packets: readonly { codec_type: string; pts: number; dts: number; flags: string }[];
  };
  const list = (type: string): PacketTimes[] =>
    packets
      .filter(({ codec_type }) => codec_type === type)
      .map(({ dts, pts, flags }) => ({ dts, pts, sync: flags.startsWith("K") }));
  return { video: list("video"), audio: list("audio") };
}

/** The frames of the first video track as an Annex B byte stream, with its parameter sets in front. */
export function annexBOf(events: readonly IngestEvent[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const event of events) {
    if (event.kind === "metadata" || event.media !== "video" || event.track !== 0) continue;
    if (event.kind === "config") pieces.push(...parameterSetsOf(event.codec, event.record).map(withStartCode));
    else pieces.push(...unitsOf(event).map(withStartCode));
  }
  return concatBytes(pieces);
}

/** MD5 of each picture of a stream, decoded by FFmpeg. */
export function decodedHashes(stream: Uint8Array, format: string): string[] {
  const args = [
    "-v",
    "error",
    "-f",
    format,
    "-i",
    "-",
    "-map",
    "0:v:0",
    "-fps_mode",
    "passthrough",
    "-f",
    "framemd5",
    "-",
  ];
  const { stdout, stderr } = spawnSync("ffmpeg", args, {
    input: stream,
    encoding: "utf8",
    timeout: 60_000,
    maxBuffer: 2 ** 26,
  });
  if (stderr !== "") throw new Error(stderr);
  return stdout
    .split("\n")
    .filter((line) => /^\d/.test(line))
    .map((line) => line.split(",").at(-1)?.trim() ?? "");
}

const withStartCode = (unit: Uint8Array): Uint8Array => concatBytes([Uint8Array.of(0, 0, 0, 1), unit]);

function unitsOf({ data }: IngestFrame): Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const units: Uint8Array[] = [];
  for (let at = 0; at < data.byteLength; ) {
    const end = at + 4 + view.getUint32(at);
    units.push(data.subarray(at + 4, end));
    at = end;
  }
  return units;
}

/** The parameter sets of an `avcC` or `hvcC` record. */
function parameterSetsOf(codec: string, record: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  const readUnits = (count: number, from: number): number => {
    let at = from;
    for (let unit = 0; unit < count; unit += 1) {
      const end = at + 2 + (((record[at] ?? 0) << 8) | (record[at + 1] ?? 0));
      units.push(record.subarray(at + 2, end));
      at = end;
    }
    return at;
  };
  if (codec === "h264") {
    const at = readUnits((record[5] ?? 0) & 31, 6);
    readUnits(record[at] ?? 0, at + 1);
    return units;
  }
  let at = 23;
  for (let array = 0; array < (record[22] ?? 0); array += 1) {
    at = readUnits(((record[at + 1] ?? 0) << 8) | (record[at + 2] ?? 0), at + 3);
  }
  return units;
}
