/** Test material: decoder configuration records and frames of real encoders. */
import { execFileSync } from "node:child_process";
import { FragmentReader } from "../../core/media/cmaf/fragment-reader.ts";
import type { CodedFrame, InitInfo } from "../../core/media/cmaf/frame.ts";

const FRAGMENTED =
  "-strict -2 -movflags +frag_every_frame+empty_moov+default_base_moof+negative_cts_offsets+delay_moov -use_editlist 0 -f mp4 pipe:1";

/** What FFmpeg wrote: its own init section, and the frames. */
export interface EncodedTrack {
  readonly info: InitInfo;
  readonly init: Uint8Array;
  readonly frames: readonly CodedFrame[];
}

/** Encodes one track with FFmpeg's `options`. */
export function encodeTrack(options: string): EncodedTrack {
  const args = ["-v", "error", ...options.split(" "), ...FRAGMENTED.split(" ")];
  const pipe = execFileSync("ffmpeg", args, {
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 60_000,
  });
  const [first, ...rest] = new FragmentReader("pipe").push(new Uint8Array(pipe));
  if (first?.kind !== "init") throw new Error("no init section came first");
  const frames = rest.flatMap((event) => (event.kind === "frame" ? [event.frame] : []));
  return { info: first.info, init: first.bytes, frames };
}

/** The body of the first box of `type` in an init section, wherever it is. */
export function boxBody(init: Uint8Array, type: string): Uint8Array {
  const at = Buffer.from(init).indexOf(type);
  if (at < 4) throw new Error(`no ${type}`);
  const size = new DataView(init.buffer, init.byteOffset).getUint32(at - 4);
  return init.slice(at + 4, at - 4 + size);
}

/** The AudioSpecificConfig in the `esds` of an init section. */
export function audioSpecificConfig(init: Uint8Array): Uint8Array {
  const body = boxBody(init, "esds");
  let at = 4;
  const enter = (tag: number): number => {
    if (body[at] !== tag) throw new Error(`descriptor ${tag} is missing`);
    let length = 0;
    let byte = 0x80;
    for (at += 1; (byte & 0x80) !== 0; at += 1) {
      byte = body[at] ?? 0;
      length = length * 128 + (byte & 0x7f);
    }
    return length;
  };
  enter(3);
  at += 3;
  enter(4);
  at += 13;
  const length = enter(5);
  return body.slice(at, at + length);
}

/** An `OpusHead` from the `dOps` of an init section. */
export function opusHead(init: Uint8Array): Uint8Array {
  const body = boxBody(init, "dOps");
  const from = new DataView(body.buffer, body.byteOffset);
  const head = new Uint8Array(19 + Math.max(0, body.length - 11));
  head.set(new TextEncoder().encode("OpusHead"));
  const to = new DataView(head.buffer);
  head[8] = 1;
  head[9] = body[1] ?? 0;
  to.setUint16(10, from.getUint16(2), true);
  to.setUint32(12, from.getUint32(4), true);
  to.setUint16(16, from.getUint16(8), true);
  head.set(body.subarray(10), 18);
  return head;
}
