/** How a crowd speaks to each kind of server: frames out, and what a frame that came tells. Pure. */
import { decodeServerFrame } from "../../core/room/client/decode-server-frame.ts";

/** Servers that a crowd can speak to: a Corral room, socket.io, and a bare loop over sockets. */
export type ServerProtocol = "corral" | "socketio" | "bare";

/** What a frame of the server tells. */
export interface FrameContent {
  /** When each of the messages in it was sent, ms since the epoch. */
  readonly sentAtMs: readonly number[];
  /** The server takes this viewer to be in the room from here on. */
  readonly ready: boolean;
  /** What has to be answered at once, or null. */
  readonly reply: string | null;
  /** An own message was acknowledged. */
  readonly acknowledged: boolean;
  /** Which of the room's events it tells of: those after `from`, up to `to`; null where the server doesn't number them. */
  readonly range: { readonly from: number; readonly to: number } | null;
  /** People watching, where the frame says so. */
  readonly watching: number | null;
}

/** One server's way of speaking. */
export interface ProtocolAdapter {
  /** The address of a viewer's socket below the server's; `token`: empty for those who only read. */
  socketPath(room: string, token: string): string;
  /** What a client says as soon as its socket is open. */
  readonly greeting: string | null;
  /** Whether it is in the room as soon as its socket is open. */
  readonly isReadyOnOpen: boolean;
  /** A message; `id` is new each time. */
  encodeMessage(id: number, text: string): string;
  decodeFrame(frame: string): FrameContent;
}

const EMPTY_FRAME: FrameContent = {
  sentAtMs: [],
  ready: false,
  reply: null,
  acknowledged: false,
  range: null,
  watching: null,
};

/** The text of a message that is sent at `nowMs`: as long as people's messages are. */
export function loadMessageText(nowMs: number, id: number): string {
  return `at ${nowMs} number ${id}: what a goal, did you all see that one?`;
}

/** When a message with such a text was sent, ms since the epoch; nothing for another's message. */
export function parseSentAtMs(text: unknown): number[] {
  const found = typeof text === "string" ? /^at (\d{13}) /.exec(text) : null;
  return found === null ? [] : [Number(found[1])];
}

const corral: ProtocolAdapter = {
  socketPath: (room, token) => `/rooms/${room}/socket${token === "" ? "" : `?token=${encodeURIComponent(token)}`}`,
  greeting: JSON.stringify({ type: "hello", from: null }),
  isReadyOnOpen: false,
  encodeMessage: (id, text) =>
    JSON.stringify({ type: "act", id: `m${id}`, act: { kind: "chat", text }, programmeMs: null }),
  decodeFrame: (text) => {
    const frame = decodeServerFrame(text);
    if (frame?.type === "ack") return { ...EMPTY_FRAME, acknowledged: frame.outcome.ok };
    if (frame?.type !== "tick" && frame?.type !== "welcome") return EMPTY_FRAME;
    const ready = frame.type === "welcome";
    return {
      ...EMPTY_FRAME,
      ready,
      // What was said before one came is no message that one waited for.
      sentAtMs: ready ? [] : frame.events.flatMap((event) => (event.kind === "chat" ? parseSentAtMs(event.text) : [])),
      range: { from: ready ? frame.to : frame.from, to: frame.to },
      watching: frame.counts?.watching ?? null,
    };
  },
};

/** Engine.IO 4 and Socket.IO 5 over a WebSocket alone, as their protocol pages describe the packets. */
const socketio: ProtocolAdapter = {
  socketPath: () => "/socket.io/?EIO=4&transport=websocket",
  greeting: null,
  isReadyOnOpen: false,
  encodeMessage: (id, text) => `42${id}${JSON.stringify(["chat", text])}`,
  decodeFrame: (frame) => {
    if (frame.startsWith("42")) {
      const [, event] = JSON.parse(frame.slice(2)) as [string, { readonly text: unknown }];
      return { ...EMPTY_FRAME, sentAtMs: parseSentAtMs(event.text) };
    }
    if (frame.startsWith("43")) return { ...EMPTY_FRAME, acknowledged: true };
    if (frame.startsWith("40")) return { ...EMPTY_FRAME, ready: true };
    if (frame.startsWith("0")) return { ...EMPTY_FRAME, reply: "40" };
    return frame === "2" ? { ...EMPTY_FRAME, reply: "3" } : EMPTY_FRAME;
  },
};

const bare: ProtocolAdapter = {
  socketPath: (room) => `/${room}`,
  greeting: null,
  isReadyOnOpen: true,
  encodeMessage: (id, text) => JSON.stringify({ id, text }),
  decodeFrame: (text) => {
    const frame = JSON.parse(text) as { readonly events?: readonly { readonly text: unknown }[] };
    if (frame.events === undefined) return { ...EMPTY_FRAME, acknowledged: true };
    return { ...EMPTY_FRAME, sentAtMs: frame.events.flatMap((event) => parseSentAtMs(event.text)) };
  },
};

/** All dialects. */
export const PROTOCOL_ADAPTERS: Readonly<Record<ServerProtocol, ProtocolAdapter>> = { corral, socketio, bare };
