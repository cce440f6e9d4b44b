/** SRT over a link that loses packets: pictures lost, and the delay that repairs add. */
import { execFileSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { type SrtListenerOptions, startSrtListener } from "../../origin/ingest-node/srt-listener.ts";
import { type LossyRelay, startLossyRelay } from "../../origin/ingest-node/testing/lossy-relay.ts";
import { startSender } from "../../tests/support/ffmpeg-senders.ts";
import { type BenchFigure, formatFixed, median, percentile } from "../stats.ts";

const LINK = { lossPercent: 3, delayMs: 25 } as const;
const LATENCY_MS = 200;
const SEED = 7;
const PASSPHRASE = "a passphrase of the bench";
const { clock } = systemPlatform;

/** One FFmpeg sends the same packets over two links of the same delay, of which one loses packets. */
export async function measureSrtLoss(file: string): Promise<BenchFigure> {
  const arrivals = new Map<string, Map<number, number>>();
  const ends: Promise<void>[] = [];
  const losses = new Map<string, number | undefined>();
  const onSender: SrtListenerOptions["onSender"] = (sender) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const times = new Map<number, number>();
    arrivals.set(sender.stream, times);
    ends.push(promise);
    sender.accept({
      onEvent(event) {
        if (event.kind === "frame" && event.media === "video") times.set(event.dts, performance.now());
      },
      onEnd() {
        losses.set(sender.stream, sender.statistics().packets?.lost);
        resolve();
      },
    });
  };
  const listener = await startSrtListener({
    ...{ host: "127.0.0.1", port: 0, clock, latencyMs: LATENCY_MS, release: "in-order", onSender },
    resolvePassphrase: () => Promise.resolve(PASSPHRASE),
  });
  const open = (lossPercent: number): Promise<LossyRelay> =>
    startLossyRelay({ ...LINK, lossPercent, port: listener.port, seed: SEED, clock });
  const [clean, lossy] = [await open(0), await open(LINK.lossPercent)];
  const sender = startSender(file, [...srtOutput(clean.port, "clean"), ...srtOutput(lossy.port, "lossy")], {
    isLooped: false,
  });
  await sender.exit;
  await Promise.all(ends);
  const { total, lost } = lossy.counts();
  clean.close();
  lossy.close();
  await listener.close();
  const expected = pictureCount(file);
  const received = arrivals.get("lossy") ?? new Map<number, number>();
  const added = [...(arrivals.get("clean") ?? [])].flatMap(([dts, atMs]) => {
    const lossyMs = received.get(dts);
    return lossyMs === undefined ? [] : [lossyMs - atMs];
  });
  const missing = expected - received.size;
  const p95 = percentile(added, 95);
  return {
    figure: `SRT, ${LINK.lossPercent} % loss, ${2 * LINK.delayMs} ms round trip, ${LATENCY_MS} ms latency: pictures lost; delay added against the same link without loss, p95`,
    goal: "0; ≤ 110 ms",
    measured: `${missing} of ${expected}; ${formatFixed(p95, 0)} ms`,
    met: missing === 0 && p95 <= 110,
    values: {
      ...{ pictures: expected, missing, p50Ms: median(added), p95Ms: p95, maxMs: Math.max(...added) },
      ...{ datagrams: total, datagramsLost: lost, packetsGivenUp: losses.get("lossy") ?? Number.NaN },
    },
  };
}

function srtOutput(port: number, stream: string): string[] {
  const query = `streamid=${stream}/k100000000&passphrase=${PASSPHRASE}&pbkeylen=16&latency=${1000 * LATENCY_MS}`;
  const address = `srt://127.0.0.1:${port}?${query}&transtype=live&linger=3`;
  return ["-map", "0", "-c", "copy", "-f", "mpegts", address];
}

function pictureCount(file: string): number {
  const entries = ["-select_streams", "v:0", "-count_packets", "-show_entries", "stream=nb_read_packets"];
  return Number(execFileSync("ffprobe", ["-v", "error", ...entries, "-of", "csv=p=0", file], { encoding: "utf8" }));
}
