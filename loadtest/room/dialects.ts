/** How a crowd speaks to each kind of server: frames out, and what a frame that came tells. Pure. */
import { decodeServer } from "../../protocol/room/decode-server.ts";

/** Servers that a crowd can speak to: a Corral room, socket.io, and a bare loop over sockets. */
export type DialectName = "corral" | "socketio" | "bare";

/** What a frame of the server tells. */
export interface Told {
  /** When each of the messages in it was sent, ms since the epoch. */
  readonly sentAtMs: readonly number[];
  /** The server takes this viewer to be in the room from here on. */
  readonly ready: boolean;
  /** What has to be answered at once, or null. */
  readonly reply: string | null;
  /** An own message was acknowledged. */
  readonly acknowledged: boolean;
  /** Which of the room's events it tells of: those after `from`, up to `to`; null where the server doesn't number them. */
  readonly stretch: { readonly from: number; readonly to: number } | null;
  /** People watching, where the frame says so. */
  readonly watching: number | null;
}

/** One server's way of speaking. */
export interface Dialect {
  /** The address of a viewer's socket below the server's; `token`: empty for those who only read. */
  path(room: string, token: string): string;
  /** What a client says as soon as its socket is open. */
  readonly greeting: string | null;
  /** Whether it is in the room as soon as its socket is open. */
  readonly readyWhenOpen: boolean;
  /** A message; `id` is new each time. */
  say(id: number, text: string): string;
  read(frame: string): Told;
}

const NOTHING: Told = {
  sentAtMs: [],
  ready: false,
  reply: null,
  acknowledged: false,
  stretch: null,
  watching: null,
};

/** The text of a message that is sent at `nowMs`: as long as people's messages are. */
export function messageText(nowMs: number, id: number): string {
  return `at ${nowMs} number ${id}: what a goal, did you all see that one?`;
}

/** When a message with such a text was sent, ms since the epoch; nothing for another's message. */
export function sentAt(text: unknown): number[] {
  const found = typeof text === "string" ? /^at (\d{13}) /.exec(text) : null;
  return found === null ? [] : [Number(found[1])];
}

const corral: Dialect = {
  path: (room, token) => `/rooms/${room}/socket${token === "" ? "" : `?token=${encodeURIComponent(token)}`}`,
  greeting: JSON.stringify({ type: "hello", from: null }),
  readyWhenOpen: false,
  say: (id, text) => JSON.stringify({ type: "act", id: `m${id}`, act: { kind: "chat", text }, programmeMs: null }),
  read: (text) => {
    const frame = decodeServer(text);
    if (frame?.type === "ack") return { ...NOTHING, acknowledged: frame.outcome.ok };
    if (frame?.type !== "tick" && frame?.type !== "welcome") return NOTHING;
    const ready = frame.type === "welcome";
    return {
      ...NOTHING,
      ready,
      // What was said before one came is no message that one waited for.
      sentAtMs: ready ? [] : frame.events.flatMap((event) => (event.kind === "chat" ? sentAt(event.text) : [])),
      stretch: { from: ready ? frame.to : frame.from, to: frame.to },
      watching: frame.counts?.watching ?? null,
    };
  },
};

/** Engine.IO 4 and Socket.IO 5 over a WebSocket alone, as their protocol pages describe the packets. */
const socketio: Dialect = {
  path: () => "/socket.io/?EIO=4&transport=websocket",
  greeting: null,
  readyWhenOpen: false,
  say: (id, text) => `42${id}${JSON.stringify(["chat", text])}`,
  read: (frame) => {
    if (frame.startsWith("42")) {
      const [, event] = JSON.parse(frame.slice(2)) as [string, { readonly text: unknown }];
      return { ...NOTHING, sentAtMs: sentAt(event.text) };
    }
    if (frame.startsWith("43")) return { ...NOTHING, acknowledged: true };
    if (frame.startsWith("40")) return { ...NOTHING, ready: true };
    if (frame.startsWith("0")) return { ...NOTHING, reply: "40" };
    return frame === "2" ? { ...NOTHING, reply: "3" } : NOTHING;
  },
};

const bare: Dialect = {
  path: (room) => `/${room}`,
  greeting: null,
  readyWhenOpen: true,
  say: (id, text) => JSON.stringify({ id, text }),
  read: (text) => {
    const frame = JSON.parse(text) as { readonly events?: readonly { readonly text: unknown }[] };
    if (frame.events === undefined) return { ...NOTHING, acknowledged: true };
    return { ...NOTHING, sentAtMs: frame.events.flatMap((event) => sentAt(event.text)) };
  },
};

/** All dialects. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = { corral, socketio, bare };
