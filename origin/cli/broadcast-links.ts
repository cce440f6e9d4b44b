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
  /** Whether browsers of this machine get tokens from the edge. */
  readonly issuesTokens: boolean;
  /** Tokens that the links carry; null without. */
  readonly viewerToken: string | null;
  readonly hostToken: string | null;
}

/** The lines, and the members of their record in a JSON log, which have no tokens: programs keep it. */
export interface LinkLines {
  readonly lines: readonly string[];
  readonly fields: LogFields;
}

/** The links. Those of viewers carry a viewer's token at most. */
export function describeBroadcastLinks(links: BroadcastLinks): LinkLines {
  const { stream, edgeUrl, viewerToken, hostToken } = links;
  const [shared = edgeUrl, ...others] = links.networkUrls;
  const playlist = `${shared}/live/${stream}/multivariant.m3u8`;
  const studio = `${edgeUrl}/studio/${stream}`;
  const playlistQuery = viewerToken === null ? "" : `?token=${viewerToken}`;
  return {
    lines: [
      `On the air. Watch:    ${watchUrl(shared, links)}`,
      ...others.map((url) => `                      ${watchUrl(url, links)}`),
      `            Playlist: ${playlist}${playlistQuery}`,
      `            Studio:   ${studio}${tokenFragment(hostToken)} (${describeStudio(links)})`,
    ],
    fields: { event: "on-air", watch: watchUrl(shared, { stream, viewerToken: null }), playlist, studio },
  };
}

function describeStudio({ issuesTokens, hostToken }: BroadcastLinks): string {
  if (hostToken !== null) return "the host's: keep it to yourself, anyone with this link is the host";
  return issuesTokens ? "the host's: browsers on this machine need no token" : "the host's: it asks for a token";
}

const tokenFragment = (token: string | null): string => (token === null ? "" : `#token=${token}`);

const watchUrl = (edgeUrl: string, { stream, viewerToken }: Pick<BroadcastLinks, "stream" | "viewerToken">): string =>
  `${edgeUrl}/watch/${stream}${tokenFragment(viewerToken)}`;

/** A QR code of the viewers' link, for phones. */
export function renderWatchCode(links: BroadcastLinks): readonly string[] {
  const watch = watchUrl(links.networkUrls[0] ?? links.edgeUrl, links);
  return ["Scan to watch on a phone in this network:", ...renderUnicodeCompact(watch, { border: 2 }).split("\n")];
}
