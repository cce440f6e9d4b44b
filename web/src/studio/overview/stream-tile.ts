/** What a tile of the overview says of its stream, and the order of the tiles; pure. */
import { formatDateTime } from "../../kit/date-text.ts";
import type { StreamCard } from "../../kit/directory-client.ts";
import { formatCount, formatMinutes } from "../../kit/number-text.ts";
import { formatDuration } from "../format.ts";
import type { HealthAnswer } from "../health/health-answer.ts";
import { newestMediaDelayS } from "../rate-window.ts";
import type { StatusAnswer } from "../stream-status.ts";

/** When a live stream needs attention though its encoder is connected, each with its reason. */
const TILE_LIMITS = {
  /** The Live object reports every 2 s, and the newest media is younger than that. */
  lateS: 4,
  /** Viewers' players wait by now. */
  stalledS: 12,
  /** An announced broadcast about to begin. */
  soonMs: 15 * 60_000,
} as const;

/** A stream's card, and the list of the directory that it is in. */
export interface ListedCard extends StreamCard {
  readonly list: "live" | "upcoming" | "replays";
}

/** A stream's details, as far as a tile shows them. */
export interface TileDetails {
  readonly title: string;
  readonly host: string;
  readonly poster: string;
  /** The next announced broadcast, ms since the epoch, or null. */
  readonly startsMs: number | null;
}

/** What the page knows of a stream; null: not asked, or not told. */
export interface StreamFacts {
  readonly stream: string;
  readonly card: ListedCard | null;
  readonly details: TileDetails | null;
  readonly status: StatusAnswer | null;
  readonly health: HealthAnswer | null;
}

/** A stream's state. `asking`: nothing is known yet; `idle`: no broadcast, and none is announced. */
export type TileState = "live" | "reconnecting" | "stopped" | "scheduled" | "ended" | "idle" | "asking";

/** How a stream is, in one sentence. `level`: how bad. */
export interface TileVerdict {
  readonly level: "bad" | "fair" | "good" | "none";
  readonly text: string;
}

/** The texts of a tile. */
export interface StreamTile {
  readonly stream: string;
  readonly title: string;
  /** The host's name; empty where it is the title. */
  readonly host: string;
  readonly poster: string;
  readonly state: TileState;
  readonly badge: string;
  readonly verdict: TileVerdict;
  /** Viewers and times; empty if there is nothing to say. */
  readonly line: string;
  /** Place in the order: less comes first. */
  readonly rank: readonly [attention: number, within: number];
}

const BADGES: Readonly<Record<TileState, string>> = {
  live: "LIVE",
  reconnecting: "RECONNECTING",
  stopped: "STOPPED",
  scheduled: "SCHEDULED",
  ended: "ENDED",
  idle: "NOT LIVE",
  asking: "",
};

/** The tile of a stream at `nowMs`. */
export function describeTile(facts: StreamFacts, nowMs: number): StreamTile {
  const { stream, card, details } = facts;
  const state = stateOf(facts);
  const times = timesOf(facts, state);
  const viewers = viewersOf(facts);
  const title = (card ?? details)?.title || stream;
  const host = (card ?? details)?.host ?? "";
  const verdict = verdictOf(facts, state, times, nowMs);
  return {
    stream,
    title,
    host: host === title ? "" : host,
    poster: (card ?? details)?.poster ?? `/api/streams/${stream}/images/poster`,
    state,
    badge: BADGES[state],
    verdict,
    line: describeLine(state, times, viewers, nowMs),
    rank: [attentionOf(state, verdict), orderWithin(state, times, viewers)],
  };
}

/** The tiles in order: what needs attention, then what is live by viewers, announced by time, and the rest. */
export function sortTiles(tiles: readonly StreamTile[]): readonly StreamTile[] {
  return [...tiles].sort(
    (a, b) =>
      a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || (a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : 0),
  );
}

/** `sorted` in the order of `shown`, and what is new behind it: a tile does not leave the place that somebody points at. */
export function keepOrder(shown: readonly string[], sorted: readonly StreamTile[]): readonly StreamTile[] {
  const place = new Map(shown.map((stream, at) => [stream, at]));
  const placeOf = ({ stream }: StreamTile): number => place.get(stream) ?? shown.length;
  return [...sorted].sort((a, b) => placeOf(a) - placeOf(b));
}

/** How many are live, and how many need attention; empty if there are none. */
export function summarizeTiles(tiles: readonly StreamTile[]): string {
  const live = tiles.filter(({ state }) => state === "live" || state === "reconnecting").length;
  const troubled = tiles.filter(({ verdict }) => verdict.level === "bad" || verdict.level === "fair").length;
  const attention = troubled === 0 ? "" : ` · ${troubled} ${troubled === 1 ? "needs" : "need"} attention`;
  return tiles.length === 0 ? "" : `${live === 0 ? "None" : formatCount(live)} live${attention}`;
}

/** When the broadcast began, is announced for, or ended; ms since the epoch, null if unknown. */
interface TileTimes {
  readonly startedMs: number | null;
  readonly startsMs: number | null;
  readonly endedMs: number | null;
}

function stateOf({ card, details, status }: StreamFacts): TileState {
  const isAnnounced = card?.list === "upcoming" || (details?.startsMs ?? null) !== null;
  if (status !== null && status !== "none") {
    if (status.stop !== undefined) return "stopped";
    if (status.state !== "ended") return status.state;
    return isAnnounced ? "scheduled" : "ended";
  }
  if (card?.list === "live") return "live";
  if (isAnnounced) return "scheduled";
  if (card?.list === "replays") return "ended";
  return status === null ? "asking" : "idle";
}

function timesOf({ card, details, status }: StreamFacts, state: TileState): TileTimes {
  const cardMs = (list: ListedCard["list"]): number | null => (card?.list === list ? card.atMs : null);
  const began = status === null || status === "none" ? null : status.startedAt;
  return {
    startedMs: state === "asking" || state === "idle" ? null : (began ?? cardMs("live")),
    startsMs: cardMs("upcoming") ?? details?.startsMs ?? null,
    endedMs: cardMs("replays"),
  };
}

function viewersOf({ card, status }: StreamFacts): number | null {
  if (status !== null && status !== "none") return status.viewers.watching ?? status.viewers.current;
  return card?.list === "live" ? card.viewers : null;
}

function describeLine(state: TileState, times: TileTimes, viewers: number | null, nowMs: number): string {
  switch (state) {
    case "live":
    case "reconnecting":
      return [
        viewers === null ? "" : `${formatCount(viewers)} watching`,
        times.startedMs === null ? "" : formatMinutes(nowMs - times.startedMs),
      ]
        .filter((part) => part !== "")
        .join(" · ");
    case "scheduled":
      return times.startsMs === null ? "" : `Starts ${formatDateTime(times.startsMs, nowMs)}`;
    case "ended":
      if (times.endedMs !== null) return `Ended ${formatDateTime(times.endedMs, nowMs)}`;
      return times.startedMs === null ? "" : `Last broadcast began ${formatDateTime(times.startedMs, nowMs)}`;
    case "stopped":
    case "idle":
    case "asking":
      return "";
  }
}

function verdictOf(facts: StreamFacts, state: TileState, { startsMs }: TileTimes, nowMs: number): TileVerdict {
  switch (state) {
    case "live":
      return liveVerdict(facts);
    case "reconnecting":
      return { level: "bad", text: "The encoder lost its connection." };
    case "stopped": {
      const { status } = facts;
      const reason = status === null || status === "none" ? "" : (status.stop?.reason ?? "");
      return { level: "none", text: reason === "" ? "" : `Stopped: ${reason}` };
    }
    case "scheduled": {
      const inMs = startsMs === null ? Number.POSITIVE_INFINITY : startsMs - nowMs;
      if (inMs < 0) return { level: "fair", text: `It was to begin ${formatMinutes(-inMs)} ago.` };
      if (inMs < TILE_LIMITS.soonMs) return { level: "fair", text: `It begins in ${formatMinutes(inMs)}.` };
      return { level: "none", text: "" };
    }
    case "idle":
      return { level: "none", text: "No broadcast yet." };
    case "ended":
    case "asking":
      return { level: "none", text: "" };
  }
}

/** The worst of what the encoder's health and the age of the newest media say. */
function liveVerdict({ status, health }: StreamFacts): TileVerdict {
  const measured = health?.reportedMs === null ? null : health;
  const worst = (severity: "error" | "warning"): string | undefined =>
    measured?.checks.find((check) => check.severity === severity)?.say;
  if (measured?.state === "revoked") return { level: "bad", text: "The encoder was cut: its key was revoked." };
  if (measured?.state === "no-data") return { level: "bad", text: "Nothing arrives from the encoder." };
  if (measured?.state === "bad") return { level: "bad", text: worst("error") ?? "The encoder’s health is bad." };
  const delayS = status === null || status === "none" ? null : newestMediaDelayS(status);
  if (delayS !== null && delayS >= TILE_LIMITS.stalledS)
    return { level: "bad", text: `No new media for ${formatDuration(delayS)}.` };
  if (measured?.state === "fair") return { level: "fair", text: worst("warning") ?? "The encoder’s health is fair." };
  if (delayS !== null && delayS >= TILE_LIMITS.lateS)
    return { level: "fair", text: `The newest media is ${delayS.toFixed(1)} s old.` };
  if (delayS === null && measured === null) return { level: "none", text: "" };
  const delay = delayS === null ? "" : ` · delay ${delayS.toFixed(1)} s`;
  return { level: "good", text: `Good${delay}` };
}

/** Trouble first, then what is live, then what begins next; what is not live at the end. */
function attentionOf(state: TileState, { level }: TileVerdict): number {
  if (level === "bad") return 0;
  if (level === "fair") return 1;
  return { live: 2, reconnecting: 2, stopped: 3, scheduled: 4, asking: 5, idle: 6, ended: 7 }[state];
}

function orderWithin(state: TileState, times: TileTimes, viewers: number | null): number {
  switch (state) {
    case "live":
    case "reconnecting":
      return -(viewers ?? 0);
    case "scheduled":
      return times.startsMs ?? 0;
    case "ended":
      return -(times.endedMs ?? times.startedMs ?? 0);
    case "stopped":
    case "idle":
    case "asking":
      return 0;
  }
}
