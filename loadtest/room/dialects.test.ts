import { expect, test } from "vitest";
import { DIALECTS, messageText, sentAt } from "./dialects.ts";

const SENT_MS = 1_764_000_000_123;
const text = messageText(SENT_MS, 7);

test("a message's text says when it was sent, and another's text says nothing", () => {
  expect(sentAt(text)).toEqual([SENT_MS]);
  expect(sentAt("at noon we begin")).toEqual([]);
  expect(sentAt(undefined)).toEqual([]);
});

test("a tick of the room tells when its messages were sent, which events it covers and who watches", () => {
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
  expect(DIALECTS.corral.read(JSON.stringify(tick))).toEqual({
    sentAtMs: [SENT_MS],
    ready: false,
    reply: null,
    acknowledged: false,
    stretch: { from: 4, to: 6 },
    watching: 9,
  });
  const ack = { type: "ack", id: "m7", outcome: { ok: true } };
  expect(DIALECTS.corral.read(JSON.stringify(ack)).acknowledged).toBe(true);
  const refused = { type: "ack", id: "m7", outcome: { ok: false, error: "rate-limited" } };
  expect(DIALECTS.corral.read(JSON.stringify(refused)).acknowledged).toBe(false);
});

test("messages of a welcome were not waited for", () => {
  const welcome = {
    type: "welcome",
    recovered: false,
    epoch: "e",
    from: 4,
    to: 5,
    unseen: 0,
    nowMs: SENT_MS,
    modes: {},
    events: [{ kind: "chat", offset: 5, text }],
  };
  expect(DIALECTS.corral.read(JSON.stringify(welcome))).toMatchObject({
    ready: true,
    sentAtMs: [],
    stretch: { from: 5, to: 5 },
  });
});

test("socket.io is answered as its protocol wants", () => {
  const { socketio } = DIALECTS;
  expect(socketio.read('0{"sid":"x","pingInterval":25000}').reply).toBe("40");
  expect(socketio.read('40{"sid":"y"}').ready).toBe(true);
  expect(socketio.read("2").reply).toBe("3");
  expect(socketio.read(`42["chat",${JSON.stringify({ text })}]`).sentAtMs).toEqual([SENT_MS]);
  expect(socketio.say(7, text)).toBe(`427["chat",${JSON.stringify(text)}]`);
  expect(socketio.read('437[{"ok":true}]').acknowledged).toBe(true);
});

test("the bare object's frames hold events or an acknowledgement", () => {
  expect(DIALECTS.bare.read(JSON.stringify({ events: [{ text }, { text }] })).sentAtMs).toEqual([SENT_MS, SENT_MS]);
  expect(DIALECTS.bare.read(JSON.stringify({ ack: 7 })).acknowledged).toBe(true);
});
