/** What the site calls itself, as the build wrote it into the page. */

/** The site's name. Throws if the page has none. */
export function readSiteName(): string {
  const name = document.querySelector<HTMLMetaElement>('meta[name="application-name"]')?.content;
  if (name === undefined) throw new Error("the page does not name its site");
  return name;
}
