import { expect, test } from "vitest";
import { loadMessageText, PROTOCOL_ADAPTERS, parseSentAtMs } from "./protocol-adapters.ts";

const SENT_MS = 1_764_000_000_123;
const text = loadMessageText(SENT_MS, 7);

test("the send time is read from a load message's text, and from no other text", () => {
  expect(parseSentAtMs(text)).toEqual([SENT_MS]);
  expect(parseSentAtMs("at noon we begin")).toEqual([]);
  expect(parseSentAtMs(undefined)).toEqual([]);
});

test("a tick gives send times, event range and viewer count", () => {
  const tick = {
    type: "tick",
    epoch: "e",
    from: 4,
    to: 6,
    unseen: 1,
    nowMs: SENT_MS,
    counts: { watching: 9 },
    events: [{ kind: "chat", offset: 5, text, by: { subject: "a", name: "A", roles: [] } }],
  };
  expect(PROTOCOL_ADAPTERS.corral.decodeFrame(JSON.stringify(tick))).toEqual({
    sentAtMs: [SENT_MS],
    ready: false,
    reply: null,
    acknowledged: false,
    range: { from: 4, to: 6 },
    watching: 9,
  });
  const ack = { type: "ack", id: "m7", outcome: { ok: true } };
  expect(PROTOCOL_ADAPTERS.corral.decodeFrame(JSON.stringify(ack)).acknowledged).toBe(true);
  const refused = { type: "ack", id: "m7", outcome: { ok: false, error: "rate-limited" } };
  expect(PROTOCOL_ADAPTERS.corral.decodeFrame(JSON.stringify(refused)).acknowledged).toBe(false);
});

test("messages of a welcome give no send times", () => {
  const welcome = {
    type: "welcome",
    version: 1,
    recovered: false,
    you: null,
    expiresMs: null,
    pinned: null,
    counts: { watching: 1 },
    epoch: "e",
    from: 4,
    to: 5,
    unseen: 0,
    nowMs: SENT_MS,
    modes: {},
    events: [{ kind: "chat", offset: 5, text }],
  };
  expect(PROTOCOL_ADAPTERS.corral.decodeFrame(JSON.stringify(welcome))).toMatchObject({
    ready: true,
    sentAtMs: [],
    range: { from: 5, to: 5 },
  });
});

test("socket.io frames are answered by its protocol", () => {
  const { socketio } = PROTOCOL_ADAPTERS;
  expect(socketio.decodeFrame('0{"sid":"x","pingInterval":25000}').reply).toBe("40");
  expect(socketio.decodeFrame('40{"sid":"y"}').ready).toBe(true);
  expect(socketio.decodeFrame("2").reply).toBe("3");
  expect(socketio.decodeFrame(`42["chat",${JSON.stringify({ text })}]`).sentAtMs).toEqual([SENT_MS]);
  expect(socketio.encodeMessage(7, text)).toBe(`427["chat",${JSON.stringify(text)}]`);
  expect(socketio.decodeFrame('437[{"ok":true}]').acknowledged).toBe(true);
});

test("the bare object's frames hold events or an acknowledgement", () => {
  expect(PROTOCOL_ADAPTERS.bare.decodeFrame(JSON.stringify({ events: [{ text }, { text }] })).sentAtMs).toEqual([
    SENT_MS,
    SENT_MS,
  ]);
  expect(PROTOCOL_ADAPTERS.bare.decodeFrame(JSON.stringify({ ack: 7 })).acknowledged).toBe(true);
});
