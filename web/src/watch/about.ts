/** What the edge wrote into the page about its stream. */

/** The block of the page. */
const BLOCK = "about";

/** What the page says of the stream. */
export interface StreamAbout {
  /** Its title, else its name. */
  readonly title: string;
  /** The host's name; empty if nobody set it. */
  readonly host: string;
  /** The address of the host's picture; null if nothing was set. */
  readonly avatar: string | null;
  /** The next announced broadcast, ISO 8601, or null. */
  readonly startsAt: string | null;
  /** Nobody has registered the name. */
  readonly isUnknown: boolean;
}

/** Reads the block of the page; `name` is the stream's. */
export function readAbout(name: string): StreamAbout {
  const block = document.getElementById(BLOCK);
  const { title = name, startsAt = null, unknown } = block?.dataset ?? {};
  const host = block?.querySelector(".about-host")?.textContent ?? "";
  const avatar = block?.querySelector(".about-head img")?.getAttribute("src") ?? null;
  return { title, host, avatar, startsAt, isUnknown: unknown !== undefined };
}

/**
 * The edge did not wait for the details when it answered with the page: the same address, asked for by a script, has them. True if
 * they were filled in. A stream without any keeps the room that was left for them, so that what stands below does not move.
 */
export async function fillLateAbout(): Promise<boolean> {
  const block = document.getElementById(BLOCK);
  if (block?.dataset["late"] === undefined) return false;
  const answer = await fetch(location.pathname, { cache: "no-store" });
  const complete = new DOMParser().parseFromString(await answer.text(), "text/html");
  const filled = complete.getElementById(BLOCK);
  if (filled === null || filled.dataset["late"] !== undefined) return false;
  filled.toggleAttribute("data-late", filled.hidden === true);
  block.replaceWith(document.adoptNode(filled));
  return true;
}
