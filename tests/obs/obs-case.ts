/** OBS that streams to an ingest node, as each check starts it. */
import type { IngestProcess } from "../support/ingest-process.ts";
import { type ObsOptions, ObsProcess } from "./obs-process.ts";

/** How long OBS and a page may take to begin. */
export const OBS_START_MS = 60_000;

/** What a check needs. */
export interface ObsCase {
  readonly node: IngestProcess;
  /** See `ObsOptions`. */
  readonly clip: string | null;
  readonly root: string | null;
}

/** Starts OBS with a key of `stream`. */
export async function startObs(
  { node, clip, root }: ObsCase,
  stream: string,
  options: Pick<ObsOptions, "keyframeS" | "tune" | "override">,
): Promise<ObsProcess> {
  const { key } = await node.issueKey(stream);
  const server = `rtmp://127.0.0.1:${node.rtmpPort}/live/${stream}`;
  return ObsProcess.start({ root, clip, server, key, ...options });
}
