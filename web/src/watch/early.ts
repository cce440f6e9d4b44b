/**
 * The watch page's first script: lays the page out as the viewer left it, and asks for the media while the player loads. Small, since
 * nothing else waits for less.
 */
import { parseStreamName } from "../../../core/kit/ids.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { splitTokenFragment } from "../kit/viewer-session.ts";
import { EarlyFlow } from "../player/flow/early-flow.ts";
import { isMediaSourceSupported, mediaSourceClass } from "../player/media-source.ts";
import { applyStoredLayout } from "./page-layout.ts";
import {
  isEmbedPath,
  readAddressDelayWish,
  readDelayWish,
  readPageStatus,
  readStart,
  streamNameOf,
} from "./page-start.ts";
import { parseSharedPlace } from "./share-link.ts";

function begin(): EarlyFlow | null {
  const stream = parseStreamName(streamNameOf(location.pathname));
  const status = readPageStatus(systemPlatform.clock);
  if (stream === null || status === null || !isMediaSourceSupported()) return null;
  if ((readAddressDelayWish() ?? "fastest") !== "fastest") return null;
  if (readStart().isHeld || parseSharedPlace(location.search).broadcast !== null) return null;
  const { source, tracks } = status.watch;
  if (source.state !== "live") return null;
  const { connection } = navigator as { connection?: { downlink?: number } };
  return EarlyFlow.begin({
    ...{ stream, broadcast: source.broadcast, tracks, clock: systemPlatform.clock },
    token: splitTokenFragment(location.hash).token,
    // There is no layout yet: the picture fills the window's width or height at most.
    lines: Math.min(innerHeight, (innerWidth * 9) / 16) * devicePixelRatio,
    downlinkMbps: connection?.downlink,
    isTypeSupported: (type) => mediaSourceClass()?.isTypeSupported(type) ?? false,
  });
}

// The page's script may have come first: then the player asks by itself.
if (window.corralEarlyFlow === undefined) window.corralEarlyFlow = begin();

// The media is asked for by now: the first look into the browser's storage takes some tens of milliseconds.

// Before anything is painted: a chat that is hidden later, or a picture that grows later, moves the page.
if (!isEmbedPath(location.pathname)) applyStoredLayout();

if (window.corralEarlyFlow != null && readDelayWish() !== "fastest") {
  window.corralEarlyFlow.drop();
  window.corralEarlyFlow = null;
}
