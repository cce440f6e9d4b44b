/** What a site writes into its page to embed a stream's player; pure. */
import { escapeHtml } from "../kit/escape-html.ts";

/** How the player begins. */
export interface EmbedStart {
  readonly autoplay: boolean;
  readonly muted: boolean;
}

/** The player's address. */
export function embedAddress(origin: string, stream: string, { autoplay, muted }: EmbedStart): string {
  const query = [...(autoplay ? [] : ["autoplay=0"]), ...(muted ? ["muted=1"] : [])].join("&");
  return `${origin}/embed/${stream}${query === "" ? "" : `?${query}`}`;
}

/** Pixels of CSS. */
export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** The frame; `title` is any text. Without a `size` it keeps its shape at any width. */
export function iframeCode(origin: string, stream: string, title: string, size: FrameSize | null = null): string {
  const src = embedAddress(origin, stream, { autoplay: false, muted: false });
  const shape =
    size === null
      ? `style="width:100%;aspect-ratio:16/9;border:0"`
      : `width="${size.width}" height="${size.height}" style="border:0"`;
  return `<iframe src="${src}" title="${escapeHtml(title)}" ${shape} allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;
}

/** The web component. */
export const elementCode = (origin: string, stream: string): string =>
  `<script type="module" src="${origin}/player.js"></script>\n<corral-player stream="${stream}" src="${origin}/"></corral-player>`;
