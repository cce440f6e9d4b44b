/** The start page: what is live, announced and recorded; and the way to a stream whose name one knows. */
import "../kit/base.css";
import "./landing.css";
import { startInterval } from "../../../core/kit/clock.ts";
import { parseStreamName } from "../../../core/kit/ids.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { formatDateTime } from "../kit/date-text.ts";
import { type DirectoryPage, fetchDirectoryPage, type StreamCard } from "../kit/directory-client.ts";
import { loadFollows } from "../kit/follows.ts";
import { formatMinutes } from "../kit/number-text.ts";
import { startCardPreviews } from "../player/card-preview.ts";
import { CardList, type CardNote } from "./card-list.ts";
import { showOwnStreams } from "./own-list.ts";

const REFRESH_MS = 10_000;

const { clock } = systemPlatform;
const form = document.getElementById("go");
const input = document.getElementById("name");
const hint = document.getElementById("hint");
const note = document.getElementById("note");

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!(input instanceof HTMLInputElement) || hint === null) return;
  const name = parseStreamName(input.value.trim().toLowerCase());
  if (name !== null) {
    location.assign(`/watch/${name}`);
    return;
  }
  hint.textContent = "A stream name has lowercase letters, digits, - and _, and starts with a letter or digit.";
  input.setAttribute("aria-invalid", "true");
  input.focus();
});

/** The sections with a list. */
const SECTIONS: Readonly<Record<"live" | "upcoming" | "replays", (card: StreamCard) => CardNote>> = {
  live: ({ viewers, atMs }) => ({ badge: "LIVE", isLive: true, detail: describeLive(viewers, atMs) }),
  upcoming: ({ atMs }) => ({ badge: "UPCOMING", isLive: false, detail: formatDateTime(atMs, clock.nowMs()) }),
  replays: ({ atMs }) => ({ badge: "RECORDING", isLive: false, detail: formatDateTime(atMs, clock.nowMs()) }),
};

const lists = new Map<string, CardList>();
let more: HTMLButtonElement | null = null;
/** Live streams of further pages, which somebody asked for. */
let further: readonly StreamCard[] = [];
let furtherNext: string | null = null;

showOwnStreams();
const liveCards = document.querySelector<HTMLElement>("#live .cards");
if (liveCards !== null) startCardPreviews(liveCards, clock);

async function refresh(): Promise<void> {
  if (document.hidden) return;
  try {
    show(await fetchDirectoryPage(null));
    setText(note, "");
  } catch {
    setText(note, "The list of streams does not load. Trying again…");
  }
}

/** Streams followed on this device stand first. */
function followedFirst(cards: readonly StreamCard[]): readonly StreamCard[] {
  const follows = new Set(loadFollows());
  return [...cards.filter(({ stream }) => follows.has(stream)), ...cards.filter(({ stream }) => !follows.has(stream))];
}

function show(page: DirectoryPage): void {
  const first = new Set(page.live.map(({ stream }) => stream));
  const live = [...page.live, ...further.filter(({ stream }) => !first.has(stream))];
  showSection("live", followedFirst(live));
  showSection("upcoming", page.upcoming);
  showSection("replays", page.replays);
  const empty = document.getElementById("empty");
  if (empty !== null) empty.hidden = live.length > 0;
  showMore(furtherNext ?? page.next, page);
}

function showSection(id: keyof typeof SECTIONS, cards: readonly StreamCard[]): void {
  const section = document.getElementById(id);
  const list = section?.querySelector<HTMLElement>(".cards");
  if (section === null || list === null || list === undefined) return;
  section.hidden = cards.length === 0;
  const shown = lists.get(id) ?? new CardList(list);
  lists.set(id, shown);
  shown.show(cards, SECTIONS[id]);
}

/** The button for the next page of live streams, where there is one. */
function showMore(next: string | null, page: DirectoryPage): void {
  more?.remove();
  more = null;
  if (next === null) return;
  more = document.createElement("button");
  more.type = "button";
  more.textContent = "Show more";
  more.addEventListener("click", () => {
    fetchDirectoryPage(next)
      .then((loaded) => {
        further = [...further, ...loaded.live];
        furtherNext = loaded.next;
        show(loaded.next === null ? { ...page, next: null } : page);
      })
      .catch(() => setText(note, "More streams do not load. Try again."));
  });
  document.getElementById("live")?.append(more);
}

function describeLive(viewers: number, sinceMs: number): string {
  const count = new Intl.NumberFormat(undefined, { notation: "compact" }).format(viewers);
  return `${count} watching · ${formatMinutes(clock.nowMs() - sinceMs)}`;
}

function setText(element: HTMLElement | null, text: string): void {
  if (element !== null && element.textContent !== text) element.textContent = text;
}

void refresh();
startInterval(clock, REFRESH_MS, () => void refresh());
document.addEventListener("visibilitychange", () => void refresh());
