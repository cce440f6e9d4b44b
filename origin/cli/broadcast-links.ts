/** What `npm start` prints once viewers can watch: links by whom they are for, and a QR code of the viewers' one. */
import { renderUnicodeCompact } from "uqr";
import type { StreamName } from "../../core/kit/ids.ts";
import type { LogFields } from "../kit/log.ts";

/** What the lines are made of. */
export interface BroadcastLinks {
  readonly stream: StreamName;
  /** The edge for this machine. */
  readonly edgeUrl: string;
  /** The edge for other machines of the network, the likeliest first; none if it does not listen for them. */
  readonly networkUrls: readonly string[];
  /** Whether the edge runs on this machine. */
  readonly isLocal: boolean;
  /** Tokens that the links carry; null without. */
  readonly viewerToken: string | null;
  readonly hostToken: string | null;
}

/** The lines, and the members of their record in a JSON log. */
export interface LinkLines {
  readonly lines: readonly string[];
  readonly fields: LogFields;
}

/** The links. Those of viewers carry a viewer's token at most. */
export function describeBroadcastLinks(links: BroadcastLinks): LinkLines {
  const { stream, edgeUrl, viewerToken, hostToken } = links;
  const [shared = edgeUrl, ...others] = links.networkUrls;
  const watch = (url: string): string => `${url}/watch/${stream}${viewerToken === null ? "" : `#token=${viewerToken}`}`;
  const playlist = `${shared}/live/${stream}/multivariant.m3u8${viewerToken === null ? "" : `?token=${viewerToken}`}`;
  const studio = `${edgeUrl}/studio/${stream}${hostToken === null ? "" : `#token=${hostToken}`}`;
  return {
    lines: [
      `On the air. Watch:    ${watch(shared)}`,
      ...others.map((url) => `                      ${watch(url)}`),
      `            Playlist: ${playlist}`,
      `            Studio:   ${studio} (${describeStudio(links)})`,
    ],
    fields: { event: "on-air", watch: watch(shared), playlist, studio },
  };
}

function describeStudio({ stream, isLocal, networkUrls, hostToken }: BroadcastLinks): string {
  if (hostToken !== null) return "the host's: keep it to yourself, anyone with this link is the host";
  if (!isLocal) return "the host's: it asks for a token";
  return networkUrls.length === 0
    ? "the host's: browsers on this machine need no token"
    : `the host's: npm run token -- --role host --stream ${stream} signs in`;
}

/** A QR code of the viewers' link, for phones. */
export function renderWatchCode(links: BroadcastLinks): readonly string[] {
  const { watch } = describeBroadcastLinks(links).fields;
  return ["Scan to watch on a phone in this network:", ...renderUnicodeCompact(`${watch}`, { border: 2 }).split("\n")];
}
