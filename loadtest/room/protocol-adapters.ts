/** Protocol adapters of the load tests: frames to send, and the content of received frames. Pure. */
import { decodeServerFrame } from "../../core/room/client/decode-server-frame.ts";

/** Supported servers: a Corral room, socket.io, and a bare loop over sockets. */
export type ServerProtocol = "corral" | "socketio" | "bare";

/** The content of a server's frame. */
export interface FrameContent {
  /** The send times of its messages, ms since the epoch. */
  readonly sentAtMs: readonly number[];
  /** Whether it is the welcome. */
  readonly ready: boolean;
  /** The required reply, or null. */
  readonly reply: string | null;
  /** Whether it acknowledges an own message. */
  readonly acknowledged: boolean;
  /** The range of its events, after `from` up to `to`; null if the server does not number events. */
  readonly range: { readonly from: number; readonly to: number } | null;
  /** The viewer count, or null. */
  readonly watching: number | null;
}

/** The protocol of one server. */
export interface ProtocolAdapter {
  /** The path of a viewer's socket; `token`: empty for readers. */
  socketPath(room: string, token: string): string;
  /** The first frame of a client, or null. */
  readonly greeting: string | null;
  /** Whether an open socket needs no welcome. */
  readonly isReadyOnOpen: boolean;
  /** Encodes a message; `id` is new each time. */
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

/** The text of a message sent at `nowMs`, of a typical length. */
export function loadMessageText(nowMs: number, id: number): string {
  return `at ${nowMs} number ${id}: what a goal, did you all see that one?`;
}

/** The send time in such a text, ms since the epoch; empty for other texts. */
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
      // Earlier messages in a welcome have no latency.
      sentAtMs: ready ? [] : frame.events.flatMap((event) => (event.kind === "chat" ? parseSentAtMs(event.text) : [])),
      range: { from: ready ? frame.to : frame.from, to: frame.to },
      watching: frame.counts?.watching ?? null,
    };
  },
};

/** Engine.IO 4 and Socket.IO 5 over a WebSocket, by their protocol documentation. */
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

/** All adapters. */
export const PROTOCOL_ADAPTERS: Readonly<Record<ServerProtocol, ProtocolAdapter>> = { corral, socketio, bare };
