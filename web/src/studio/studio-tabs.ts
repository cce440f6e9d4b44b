/** The studio's tabs, and which one is open. Pure. */
import type { StudioPhase } from "./format.ts";

/** The tabs, in their order. */
export const STUDIO_TABS = ["golive", "room", "details", "health"] as const;

/** The name of a tab, also in the page's address: `?tab=room`. */
export type StudioTab = (typeof STUDIO_TABS)[number];

/** Their texts. */
export const STUDIO_TAB_WORDS: Readonly<Record<StudioTab, string>> = {
  golive: "Go live",
  room: "Room",
  details: "Details",
  health: "Health",
};

/** The tab that an address names, or null. */
export function parseStudioTab(query: string): StudioTab | null {
  const name = new URLSearchParams(query).get("tab");
  return STUDIO_TABS.find((tab) => tab === name) ?? null;
}

/** The address with another tab; the rest of it stays. */
export function withStudioTab(address: string, tab: StudioTab): string {
  const url = new URL(address);
  url.searchParams.set("tab", tab);
  return url.href;
}

/** The tab for who has chosen none: a host on the air has people in the room, any other wants to get there. */
export function firstTab(phase: StudioPhase): StudioTab {
  return phase === "live" || phase === "reconnecting" ? "room" : "golive";
}
