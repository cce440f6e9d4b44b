/** A page's picture without what differs from one run to the next. */
import type { Page } from "playwright-core";
import { decodePng, type Picture, shrinkPicture } from "./picture.ts";

/**
 * Not shown: the video; what is drawn of figures. Shown without its letters: times, counts and names that are made up anew, so that
 * their places stay.
 */
const VOLATILE_STYLE = `
video, #still, #backdrop, .plot, media-time-range, .spinner { visibility: hidden !important; }
.delay-shown, .topbar .state .chip, .started time, .stats dd, #chat input, .cards .detail, .tiles dd, .legend strong,
.desk-counts, .health-label, .past-list a > *, .key-table .card-row p, input[readonly], textarea[readonly], tbody td {
  color: transparent !important;
}
.key-table .card-row p { overflow: hidden; white-space: nowrap; }
`;

/** From this width on a page's picture is shrunk to a quarter, below it to a half: small windows have small parts. */
const WIDE_PX = 1_000;

/** A page as it is compared. */
export interface Photograph {
  /** As large as the window, a PNG. */
  readonly whole: Buffer;
  readonly small: Picture;
}

/** Takes a page's picture, as it is now. */
export async function photograph(page: Page): Promise<Photograph> {
  const whole = await page.screenshot({
    ...{ animations: "disabled", caret: "hide", scale: "css" },
    style: VOLATILE_STYLE,
  });
  const picture = decodePng(whole);
  return { whole, small: shrinkPicture(picture, picture.width < WIDE_PX ? 2 : 4) };
}
