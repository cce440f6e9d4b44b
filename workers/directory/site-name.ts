/** What this site calls itself in titles and link previews. */
export const SITE_NAME = "Corral";
