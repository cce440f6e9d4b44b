/** What a site calls itself and looks like: the one place to change for a site of one's own. */

/** A site's name, colours and favicon. */
export interface Brand {
  /** In titles, heads of pages, link previews and oEmbed. */
  readonly name: string;
  /** Ground of buttons and of the LIVE badge, `#rrggbb`; white text on it needs a contrast of 4.5. */
  readonly accent: string;
  /** Lines and small signs on dark grounds, `#rrggbb`; a contrast of 3 with the pages' ground. */
  readonly accentBright: string;
  /** An SVG image, from the project's folder. */
  readonly favicon: string;
  /** Where viewers report a stream or a message: a form at an `https:` address, or a `mailto:` address. Null: pages offer no report. */
  readonly reports: string | null;
}

/** This site's. */
export const BRAND: Brand = {
  name: "Corral",
  accent: "#d6133c",
  accentBright: "#ff2d55",
  favicon: "web/pages/favicon.svg",
  reports: null,
};
