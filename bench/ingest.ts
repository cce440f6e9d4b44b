/** The ingest node with real senders: FFmpeg by RTMP and SRT, Chromium by WHIP, through the node's process, to a real edge. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { makeSource } from "../tests/support/ffmpeg-senders.ts";
import { IngestProcess } from "../tests/support/ingest-process.ts";
import { measureCleanSenders } from "./ingest/clean.ts";
import { measurePassthroughCpu } from "./ingest/cpu.ts";
import { measureCrowd } from "./ingest/crowd.ts";
import { measureReturn, measureRevocation, measureStart } from "./ingest/life.ts";
import { measurePageStart } from "./ingest/page.ts";
import { measureRefusals } from "./ingest/refusals.ts";
import { measureRenditionCpu, measureSlateCpu } from "./ingest/renditions.ts";
import { measureSrtLoss } from "./ingest/srt.ts";
import { measureTakeOver } from "./ingest/take-over.ts";
import { measureWhipLoss } from "./ingest/whip.ts";
import type { BenchFigure } from "./stats.ts";

/** CPU is read for half of `seconds`, the crowd takes twice as long. */
export async function measureIngest(edge: LocalEdge, adminToken: string, seconds: number): Promise<BenchFigure[]> {
  const folder = await mkdtemp(join(tmpdir(), "corral-bench-ingest-"));
  try {
    const [full, small] = [makeSource(folder, "full"), makeSource(folder, "small")];
    const withNode = async <T>(
      work: (node: IngestProcess) => Promise<T>,
      args: readonly string[] = ["--renditions", "off"],
    ): Promise<T> => {
      const node = await IngestProcess.start(edge, adminToken, args);
      try {
        return await work(node);
      } finally {
        await node.origin.interrupt();
      }
    };
    return [
      ...(await withNode((node) => measurePassthroughCpu(node, full, seconds / 2))),
      ...(await withNode(async (node) => [
        await measureStart(node, full),
        await measureReturn(node, full),
        await measureRevocation(node, full),
      ])),
      await withNode((node) => measureSlateCpu(node, full, seconds / 2)),
      await measureRenditionCpu(withNode, full, seconds / 2),
      ...(await withNode((node) => measureTakeOver(node, small))),
      await measurePageStart(edge),
      await measureSrtLoss(full),
      await measureWhipLoss(seconds),
      ...(await withNode((node) => measureRefusals(node, small))),
      await withNode((node) => measureCrowd(node, small, 2 * seconds)),
      await withNode((node) => measureCleanSenders(node, folder, 4 * seconds)),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
