/** The chat of the demo: a host and three viewers who follow a script while somebody watches. */
import type { Platform } from "../../core/kit/clock.ts";
import { RoomClient, type RoomSocket } from "../../core/room/client/client.ts";
import type { RoomCounts } from "../../core/room/events.ts";

/** Who writes. Their names say that they belong to the demo; as followers they may enter whatever the playback policy is. */
const PEOPLE = {
  host: { subject: "demo-host", name: "Corral demo", role: "host", isFollower: true },
  mira: { subject: "demo-mira", name: "Mira (demo)", role: "viewer", isFollower: true },
  jun: { subject: "demo-jun", name: "Jun (demo)", role: "viewer", isFollower: true },
  ayo: { subject: "demo-ayo", name: "Ayọ̀ (demo)", role: "viewer", isFollower: true },
} as const;

/** A person of the script. */
export type DemoPerson = (typeof PEOPLE)[keyof typeof PEOPLE];

interface Line {
  readonly who: keyof typeof PEOPLE;
  readonly text: string;
  /** A reaction after it, by the others; empty: a like. */
  readonly reaction?: string;
}

const SCRIPT: readonly Line[] = [
  { who: "host", text: "Welcome! The film and these messages are made by the demo; everything else is real." },
  { who: "mira", text: "Compare the clock in the picture with yours: that is the delay.", reaction: "🔥" },
  { who: "jun", text: "Write something, guests can chat here." },
  { who: "ayo", text: "Tap the heart, or double-tap the picture on a phone.", reaction: "" },
  { who: "host", text: "The studio shows this room to its host: hold messages, appoint moderators, set slow mode." },
  { who: "mira", text: "That sunset never ends 🌅", reaction: "👏" },
  { who: "jun", text: "Press ? for the keyboard shortcuts." },
  { who: "ayo", text: "Open a second tab: both stay within a frame or two of each other." },
  { who: "host", text: "Yours next: npm start -- FILE, or npm start -- ingest for OBS." },
  {
    who: "jun",
    text: "The studio has a link to go live from OBS, and one to go live from this browser.",
    reaction: "🎉",
  },
  { who: "mira", text: "Drag the bar at the foot to see it again; LIVE brings you back." },
  { who: "ayo", text: "The counters are counted, not made up 🙂", reaction: "😂" },
];

/** Time between two lines, milliseconds: enough to read one, and to write between them. */
const PAUSE_MS = { min: 6_000, max: 12_000 } as const;
/** Reactions after a line. */
const REACTIONS = 3;

/** What the chat runs on. */
export interface DemoChatOptions {
  readonly getToken: (person: DemoPerson) => Promise<string>;
  readonly openSocket: (token: string) => RoomSocket;
  readonly platform: Platform;
}

/** Brings all people in. Returns what lets them leave. */
export function startDemoChat({ getToken, openSocket, platform }: DemoChatOptions): () => void {
  const { clock, random } = platform;
  let watching = 0;
  const onCounts = (counts: RoomCounts): void => {
    watching = counts.watching;
  };
  const clients = new Map(
    Object.entries(PEOPLE).map(([who, person]) => {
      const client = new RoomClient({
        openSocket: (token) => openSocket(token ?? ""),
        getToken: () => getToken(person),
        clock,
        random,
        // They do not play, so they are not counted.
        listener: who === "host" ? { onCounts } : {},
      });
      client.start();
      return [who, client] as const;
    }),
  );
  let next = 0;
  const speak = (): void => {
    // Nobody reads it: the room's log stays as it is.
    if (watching > 0) {
      const line = SCRIPT[next % SCRIPT.length];
      next += 1;
      if (line !== undefined) perform(line);
    }
    cancel = clock.startTimer(PAUSE_MS.min + random() * (PAUSE_MS.max - PAUSE_MS.min), speak);
  };
  const perform = ({ who, text, reaction }: Line): void => {
    void clients.get(who)?.sendCommand({ kind: "chat", text });
    if (reaction === undefined) return;
    for (const [other, client] of clients) {
      for (let i = 0; other !== who && i < REACTIONS; i += 1) client.addReaction(reaction === "" ? null : reaction);
    }
  };
  let cancel = clock.startTimer(PAUSE_MS.min / 2, speak);
  return () => {
    cancel();
    for (const client of clients.values()) client.stop();
  };
}
