/** Senders that have nothing wrong: no check may be raised. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { rtmpOutput, srtOutput, startSender } from "../../tests/support/ffmpeg-senders.ts";
import type { IngestProcess } from "../../tests/support/ingest-process.ts";
import type { BenchFigure } from "../stats.ts";

/** Encoders by their settings; each is encoded once, for as long as it is sent. */
const KINDS = {
  "rtmp-720p30": { size: "1280x720", options: "-c:v libx264 -r 30 -g 60 -b:v 2500k", protocol: "rtmp" },
  "rtmp-360p25": { size: "640x360", options: "-c:v libx264 -r 25 -g 100 -b:v 700k", protocol: "rtmp" },
  "rtmp-360p2997": { size: "640x360", options: "-c:v libx264 -r 30000/1001 -g 60 -b:v 700k", protocol: "rtmp" },
  "srt-360p30": { size: "640x360", options: "-c:v libx264 -r 30 -g 60 -b:v 700k", protocol: "srt" },
  "srt-360p60": { size: "640x360", options: "-c:v libx264 -r 60 -g 120 -b:v 900k", protocol: "srt" },
} as const;
const ENCODING = "-preset ultrafast -tune zerolatency -sc_threshold 0 -x264-params nal-hrd=cbr:force-cfr=1";

/** All kinds at once for `seconds`. */
export async function measureCleanSenders(node: IngestProcess, folder: string, seconds: number): Promise<BenchFigure> {
  const files = new Map<string, string>();
  for (const [name, kind] of Object.entries(KINDS)) files.set(name, await encode(folder, name, kind, seconds));
  const senders = [];
  for (const [name, kind] of Object.entries(KINDS)) {
    const file = files.get(name) ?? "";
    const { key } = await node.issueKey(name);
    const output = kind.protocol === "rtmp" ? rtmpOutput(node.rtmpPort, name, key) : srtOutput(node.srtPort, name, key);
    senders.push(startSender(file, output, { isLooped: false }));
  }
  await Promise.all(senders.map(({ exit }) => exit));
  const lines = node.origin.output.split("\n");
  const raised = lines.filter((line) => / health: .*: /.test(line));
  const passed = Object.keys(KINDS).filter((name) => lines.some((line) => line.includes(`${name}: passed through`)));
  const count = Object.keys(KINDS).length;
  for (const line of raised) console.log(`  ${line}`);
  return {
    figure: `${count} clean senders of FFmpeg at once for ${seconds} s: passed through; checks raised`,
    goal: `${count}; 0`,
    measured: `${passed.length}; ${raised.length}`,
    met: passed.length === count && raised.length === 0,
    values: { seconds, senders: count, passed: passed.length, raised: raised.length },
  };
}

async function encode(
  folder: string,
  name: string,
  { size, options }: (typeof KINDS)[keyof typeof KINDS],
  seconds: number,
): Promise<string> {
  const file = join(folder, `${name}.mp4`);
  const picture = `testsrc2=s=${size}:r=60:d=${seconds},noise=alls=8:allf=t,format=yuv420p`;
  const sound = `sine=r=48000:d=${seconds}`;
  const rate = /-b:v (\S+)/.exec(options)?.[1] ?? "";
  const limits = `-minrate ${rate} -maxrate ${rate} -bufsize ${rate}`;
  const args = `${options} ${limits} ${ENCODING} -c:a aac -ac 2 -b:a 128k`.split(" ");
  const input = ["-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound];
  await promisify(execFile)("ffmpeg", [...input, ...args, file]);
  return file;
}
