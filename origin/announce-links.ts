/** The links of a broadcast, printed once somebody can watch it. */
import { request } from "undici";
import type { PartMeta } from "../core/broadcast/broadcast-log.ts";
import { type Clock, sleep } from "../core/kit/clock.ts";
import { startDeadline } from "../core/kit/deadline.ts";
import type { BroadcastId, StreamName, TrackName } from "../core/kit/ids.ts";
import { partPath } from "../core/media/hls/paths.ts";
import { describeBroadcastLinks, renderWatchCode } from "./cli/broadcast-links.ts";
import { PublishError } from "./kit/errors.ts";
import type { OriginLog } from "./kit/log.ts";
import { type EdgeAccess, LINK_BEARERS } from "./local-edge/local-edge.ts";

/** Limit until an accepted first part can be fetched. */
const FETCHABLE_MS = 5_000;

/** Of which stream, and where to. */
export interface LinkAnnouncement {
  readonly stream: StreamName;
  /** Whether the log is for programs, which keep it: it gets no tokens. */
  readonly logJson: boolean;
  readonly log: OriginLog;
  readonly clock: Clock;
}

/** Prints the links once the first part can be fetched. Throws `PublishError` if it cannot. */
export async function announceLinks(
  { stream, logJson, log, clock }: LinkAnnouncement,
  edge: Pick<EdgeAccess, "url" | "signToken" | "networkUrls" | "issuesTokens">,
  id: BroadcastId,
  first: { readonly track: TrackName; readonly meta: PartMeta },
): Promise<void> {
  const part = `${edge.url}/live/${stream}/${id}/${first.track}/${partPath(first.meta.msn, first.meta.part)}`;
  const deadline = clock.monotonicMs() + FETCHABLE_MS;
  let viewerToken: string | null = null;
  for (let waitMs = 20; ; waitMs *= 2) {
    const status = await fetchStatus(part, viewerToken, clock);
    if (status === 200) break;
    if (status === 401 && viewerToken === null) {
      // The stream is not public: a local edge's token is signed here; a remote one has the part and requires one.
      if (edge.signToken === null) break;
      viewerToken = await edge.signToken(LINK_BEARERS.viewer);
      continue;
    }
    if (clock.monotonicMs() > deadline) {
      throw new PublishError(`The edge accepted the first part, but ${part} answers ${status ?? "nothing"}.`);
    }
    await sleep(clock, waitMs);
  }
  const { networkUrls, issuesTokens } = edge;
  // Browsers of this machine get a host's token from an edge that issues them, but not in a tab that has a viewer's. Logs
  // that programs keep get none.
  const hasHostToken = !logJson && (viewerToken !== null || !issuesTokens);
  const hostToken = hasHostToken ? ((await edge.signToken?.(LINK_BEARERS.host)) ?? null) : null;
  const links = { stream, edgeUrl: edge.url, networkUrls, issuesTokens, viewerToken, hostToken };
  const { lines, fields } = describeBroadcastLinks(links);
  if (logJson) log.info("On the air.", fields);
  else for (const line of lines) log.info(line);
  if (!log.isOnTerminal || networkUrls.length === 0) return;
  for (const line of renderWatchCode(links)) log.info(line);
}

async function fetchStatus(url: string, token: string | null, clock: Clock): Promise<number | null> {
  const deadline = startDeadline(clock, FETCHABLE_MS);
  try {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await request(url, { headers, signal: deadline.signal });
    await response.body.dump();
    return response.statusCode;
  } catch {
    return null;
  } finally {
    deadline.cancel();
  }
}
