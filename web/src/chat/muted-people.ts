/** People whose messages the reader does not want to see, kept on this device only: they don't learn of it. */
import { withItem } from "../kit/limited-list.ts";
import { loadPreference, storePreference } from "../kit/viewer-session.ts";
import type { TimelineEntry } from "./chat-timeline.ts";

const MUTED_STORAGE_KEY = "corral.chat.muted";
/** The oldest are shown again beyond this many. */
export const MAX_MUTED = 300;

/** The subjects in a stored text; none if it is broken. */
export function parseMuted(text: string | null): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(parsed) ? parsed.filter((each) => typeof each === "string").slice(-MAX_MUTED) : [];
  } catch {
    return [];
  }
}

/** `muted` with or without a person. */
export function withMuted(muted: readonly string[], subject: string, isMuted: boolean): readonly string[] {
  return withItem(muted, subject, isMuted, MAX_MUTED);
}

/** The entries without messages of muted people. */
export function withoutMuted(entries: readonly TimelineEntry[], muted: readonly string[]): readonly TimelineEntry[] {
  if (muted.length === 0) return entries;
  const subjects = new Set(muted);
  return entries.filter(({ content }) => content.kind !== "chat" || !subjects.has(content.by.subject));
}

/** The subjects muted on this device. */
export const loadMuted = (): readonly string[] => parseMuted(loadPreference(MUTED_STORAGE_KEY));

/** Stores them. */
export const storeMuted = (muted: readonly string[]): void => storePreference(MUTED_STORAGE_KEY, JSON.stringify(muted));
