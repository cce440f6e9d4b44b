/**
 * Participants of a room for k6, each with the product's own client: they join, write, react, lose their sockets and
 * reconnect. `SCENARIO` selects which. Each checks that it receives every event once and in order, and its own messages.
 */
import http from "k6/http";
import { Counter, Trend } from "k6/metrics";
import { WebSocket } from "k6/websockets";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { RoomClient, type RoomSocket } from "../../core/room/client/client.ts";
import type { EventDelivery } from "../../core/room/client/event-inbox.ts";

declare const __ENV: Record<string, string>;
declare const __VU: number;

const edges: string[] = JSON.parse(__ENV["EDGES"] ?? "[]");
const stream = __ENV["STREAM"] ?? "";
const scenario = __ENV["SCENARIO"] ?? "chat-storm";
const viewers = Number(__ENV["VIEWERS"]);
const seconds = Number(__ENV["SECONDS"]);

const welcomes = new Counter("room_welcomes");
const notWelcomed = new Counter("room_not_welcomed");
const disconnects = new Counter("room_losses");
const reconnects = new Counter("room_backs");
const permanentCloses = new Counter("room_closed_for_good");
const shownEvents = new Counter("room_shown");
const omittedEvents = new Counter("room_unseen");
const duplicates = new Counter("room_duplicates");
const outOfOrder = new Counter("room_disorders");
const resets = new Counter("room_resets");
const acknowledged = new Counter("room_acknowledged");
const refused = new Counter("room_refused");
const unanswered = new Counter("room_unanswered");
const missingOwnMessages = new Counter("room_own_missing");
const sentLikes = new Counter("room_taps");
const reportedLikes = new Trend("room_likes_told");
const welcomeMs = new Trend("room_welcome_ms", true);
const reconnectMs = new Trend("room_back_ms", true);
const deliveryMs = new Trend("room_seen_ms", true);

/** Interval of one participant's messages, about the room's sustained rate; and of likes, ms. */
const WRITE_EVERY_MS = 3_000;
const LIKE_EVERY_MS = 250;
/** No new activity in the last part of a run, so that pending messages arrive, ms. */
const QUIET_END_MS = 3_000;

/** Counts that must be zero. */
export const roomThresholds: Record<string, string[]> = Object.fromEntries([
  ...["not_welcomed", "closed_for_good", "duplicates", "disorders", "resets", "unanswered", "own_missing"].map(
    (name) => [`room_${name}`, ["count==0"]],
  ),
  ["room_welcomes", [`count>=${viewers}`]],
  // A deployment drops every socket, and everybody reconnects.
  ["room_losses", [scenario === "reconnect-storm" ? `count>=${viewers}` : "count==0"]],
  ["room_backs", [scenario === "reconnect-storm" ? `count>=${viewers}` : "count==0"]],
]);

export const options = {
  scenarios: {
    people: { executor: "per-vu-iterations", vus: viewers, iterations: 1, maxDuration: `${seconds + 60}s` },
  },
  thresholds: roomThresholds,
  summaryTrendStats: ["min", "med", "p(90)", "p(95)", "p(99)", "max", "avg"],
};

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(1, ms)));
const began = Date.now();

/** A k6 socket for the client; a failure is reported once. */
function openSocket(url: string): RoomSocket {
  const socket = new WebSocket(url);
  let closed = false;
  const seen: RoomSocket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => {
      if (!closed) socket.send(text);
    },
    close: (code) => socket.close(code),
  };
  const end = (code: number, reason: string): void => {
    if (closed) return;
    closed = true;
    seen.onclose?.({ code, reason });
  };
  socket.onopen = () => seen.onopen?.();
  socket.onmessage = ({ data }) => seen.onmessage?.({ data });
  socket.onclose = ({ code = 1006, reason = "" }) => end(code, reason);
  // A close with its code follows usually, but not always.
  socket.onerror = () => void setTimeout(() => end(1006, "failed"), 50);
  return seen;
}

/** One participant and its received events. */
class LoadParticipant {
  readonly client: RoomClient;
  readonly #ownTexts = new Set<string>();
  readonly #shownOffsets = new Set<number>();
  #lastOffset = 0;
  #startedAtMs = Date.now();
  #disconnectedAtMs: number | null = null;
  #welcomed = false;
  #likes = 0;

  constructor(url: string) {
    this.client = new RoomClient({
      openSocket: () => openSocket(url),
      clock: systemPlatform.clock,
      random: systemPlatform.random,
      listener: {
        onDelivery: (delivery) => this.#onDelivery(delivery),
        onWelcome: () => this.#onWelcome(),
        onCounts: ({ likes }) => {
          this.#likes = likes;
        },
        onDisconnect: ({ reconnectDelayMs }) => {
          if (reconnectDelayMs === null) permanentCloses.add(1);
          if (this.#welcomed && this.#disconnectedAtMs === null) disconnects.add(1);
          this.#disconnectedAtMs ??= Date.now();
        },
      },
    });
    this.client.start();
  }

  async write(number: number): Promise<void> {
    const text = `at ${Date.now()} by ${__VU} number ${number}`;
    const outcome = await this.client.sendCommand({ kind: "chat", text });
    if (outcome.ok) {
      acknowledged.add(1);
      this.#ownTexts.add(text);
    } else if (outcome.error === "busy" || outcome.error === "unavailable") unanswered.add(1);
    else refused.add(1, { error: outcome.error });
  }

  like(): void {
    this.client.addReaction();
    sentLikes.add(1);
  }

  leave(): void {
    this.client.stop();
    if (!this.#welcomed) notWelcomed.add(1);
    missingOwnMessages.add(this.#ownTexts.size);
    reportedLikes.add(this.#likes);
  }

  #onWelcome(): void {
    if (!this.#welcomed) welcomeMs.add(Date.now() - this.#startedAtMs);
    if (this.#disconnectedAtMs !== null) {
      reconnects.add(1);
      reconnectMs.add(Date.now() - this.#disconnectedAtMs);
    }
    this.#disconnectedAtMs = null;
    this.#welcomed = true;
    welcomes.add(1);
  }

  #onDelivery(delivery: EventDelivery): void {
    const first = this.#lastOffset === 0 && this.#shownOffsets.size === 0;
    if (!delivery.recovered && !first) resets.add(1);
    omittedEvents.add(delivery.omitted);
    shownEvents.add(delivery.events.length);
    for (const event of delivery.events) {
      if (this.#shownOffsets.has(event.offset)) duplicates.add(1);
      // An own message that was omitted is shown with its acknowledgement, in its place.
      else if (event.offset < this.#lastOffset && delivery.omitted >= 0) outOfOrder.add(1);
      this.#shownOffsets.add(event.offset);
      this.#lastOffset = Math.max(this.#lastOffset, event.offset);
      if (event.kind !== "chat") continue;
      this.#ownTexts.delete(event.text);
      const sentMs = Number(/^at (\d{13}) /.exec(event.text)?.[1] ?? Number.NaN);
      if (delivery.recovered && !Number.isNaN(sentMs)) deliveryMs.add(Date.now() - sentMs);
    }
  }
}

async function tokenOf(edge: string): Promise<string> {
  const body = JSON.stringify({ room: stream, sub: `person${__VU}`, name: `Person ${__VU}`, seconds: 86_400 });
  const answer = await http.asyncRequest("POST", `${edge}/dev/token`, body, {
    responseType: "text",
    timeout: "20s",
    tags: { name: "token" },
  });
  return (JSON.parse(answer.body ?? "{}") as { token?: string }).token ?? "";
}

/** One participant's session in the room. */
export default async function runParticipant(): Promise<void> {
  const edge = edges[(__VU - 1) % edges.length] ?? "";
  const token = await tokenOf(edge);
  const comesAfterMs = scenario === "join-storm" ? 2_000 : 2_000 * Math.random();
  await wait(began + comesAfterMs - Date.now());
  const one = new LoadParticipant(
    `${edge.replace("http", "ws")}/rooms/${stream}/socket?token=${encodeURIComponent(token)}`,
  );
  one.client.setPlaying(true);
  const untilMs = began + seconds * 1_000;
  await Promise.all([sendMessages(one, untilMs - QUIET_END_MS), sendLikes(one, untilMs - QUIET_END_MS)]);
  await wait(untilMs - Date.now());
  one.leave();
}

async function sendMessages(one: LoadParticipant, untilMs: number): Promise<void> {
  if (scenario === "join-storm" || scenario === "likes-storm") return;
  await wait(WRITE_EVERY_MS * Math.random());
  for (let number = 1; Date.now() < untilMs; number += 1) {
    await one.write(number);
    await wait(WRITE_EVERY_MS * (0.5 + Math.random()));
  }
}

async function sendLikes(one: LoadParticipant, untilMs: number): Promise<void> {
  if (scenario !== "likes-storm") return;
  while (Date.now() < untilMs) {
    one.like();
    await wait(LIKE_EVERY_MS);
  }
}

export function handleSummary(data: unknown): Record<string, string> {
  return { [__ENV["OUT"] ?? "summary.json"]: JSON.stringify(data) };
}
