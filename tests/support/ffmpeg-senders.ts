/** FFmpeg as a sender, and a relay in front of the node that sees what is sent and can cut the link. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { killOnExit } from "../../origin/kit/ffmpeg-process.ts";

/** A source file: its name, picture size and bitrate; the keyframe interval is 2 s. */
const SOURCES = {
  /** 2.7 Mb/s. */
  full: { size: "1280x720", video: "2560k" },
  /** 0.7 Mb/s. */
  small: { size: "640x360", video: "570k" },
} as const;
const SOURCE_S = 20;
/** Handshake and commands of FFmpeg are under this many bytes, and its first picture is over. */
const BYTES_BEFORE_MEDIA = 6_000;

/** Encodes a source into `folder`, once. */
export function makeSource(folder: string, name: keyof typeof SOURCES): string {
  const { size, video } = SOURCES[name];
  const file = join(folder, `${name}.mp4`);
  const noise = `testsrc2=s=${size}:r=30:d=${SOURCE_S},noise=alls=12:allf=t,format=yuv420p`;
  const input = ["-f", "lavfi", "-i", noise, "-f", "lavfi", "-i", `sine=r=48000:d=${SOURCE_S}`];
  const rate = ["-b:v", video, "-minrate", video, "-maxrate", video, "-bufsize", video, "-x264-params", "nal-hrd=cbr"];
  const picture = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-bf", "0", "-sc_threshold", "0", ...rate];
  execFileSync("ffmpeg", ["-v", "error", "-y", ...input, ...picture, "-c:a", "aac", "-ac", "2", "-b:a", "128k", file]);
  return file;
}

/** A running FFmpeg. */
export interface Sender {
  readonly process: ChildProcess;
  /** Settles with its exit code. */
  readonly exit: Promise<number | null>;
  /** Ends it, as a broken machine would. */
  kill(): Promise<void>;
}

/** How a sender reads its file: again and again in real time by default. */
export interface SenderPace {
  readonly isLooped?: boolean;
  /** Times real time. */
  readonly speed?: number;
}

/** Sends `file`. `outputs`: options and address of each output. */
export function startSender(
  file: string,
  outputs: readonly string[],
  { isLooped = true, speed = 1 }: SenderPace = {},
): Sender {
  const loop = isLooped ? ["-stream_loop", "-1"] : [];
  const args = ["-v", "error", "-nostdin", "-readrate", `${speed}`, ...loop, "-i", file, ...outputs];
  const child = spawn("ffmpeg", args, { stdio: "ignore" });
  killOnExit(child);
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    process: child,
    exit,
    async kill() {
      child.kill("SIGKILL");
      await exit;
    },
  };
}

/** The output of an RTMP sender. */
export function rtmpOutput(port: number, stream: string, key: string): string[] {
  return ["-c", "copy", "-f", "flv", `rtmp://127.0.0.1:${port}/live/${stream}/${key}`];
}

/** The output of an SRT sender. The secret of a key is SRT's passphrase. */
export function srtOutput(port: number, stream: string, key: string): string[] {
  const [, id = "", ...rest] = key.split("_");
  const secret = rest.join("_");
  const query = `streamid=${stream}/${id}&passphrase=${secret}&pbkeylen=16&transtype=live`;
  return ["-c", "copy", "-f", "mpegts", `srt://127.0.0.1:${port}?${query}`];
}

/** A relay of TCP with times of `performance.now`. */
export interface SenderRelay {
  readonly port: number;
  /** When the first picture passed; null before. */
  readonly firstMediaMs: number | null;
  /** When the node closed the last connection; null before. */
  readonly closedMs: number | null;
  /** Breaks every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** Opens a relay to `port` of this machine. */
export async function startSenderRelay(port: number): Promise<SenderRelay> {
  const sockets = new Set<Socket>();
  const times = { firstMediaMs: null as number | null, closedMs: null as number | null };
  const server = createServer({ noDelay: true }, (sender) => {
    const node = connect({ host: "127.0.0.1", port, noDelay: true });
    let bytes = 0;
    sender.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > BYTES_BEFORE_MEDIA) times.firstMediaMs ??= performance.now();
    });
    node.once("end", () => {
      times.closedMs = performance.now();
    });
    sender.pipe(node).pipe(sender);
    for (const [socket, other] of [
      [sender, node],
      [node, sender],
    ] as const) {
      sockets.add(socket);
      socket
        .on("error", () => {})
        .once("close", () => {
          sockets.delete(socket);
          other.destroy();
        });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    get firstMediaMs() {
      return times.firstMediaMs;
    },
    get closedMs() {
      return times.closedMs;
    },
    cut,
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
