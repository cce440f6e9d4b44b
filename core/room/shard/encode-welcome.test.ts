import fc from "fast-check";
import { expect, test } from "vitest";
import { OPEN_CHAT_MODES } from "../chat-modes.ts";
import { type ChatEvent, EMPTY_ROOM_COUNTS } from "../events.ts";
import type { Participant } from "../participants.ts";
import type { EventRange, ServerFrame } from "../room-protocol.ts";
import { encodeWelcomeFrame, utf8ByteLength, type WelcomeHeader } from "./encode-welcome.ts";
import { createSocketBudget, SHARD_BUDGET_LIMITS, ShardBudgets, type SocketBudget } from "./shard-budgets.ts";

const GREETING: WelcomeHeader = {
  type: "welcome",
  version: 1,
  nowMs: 1,
  you: null,
  expiresMs: null,
  modes: OPEN_CHAT_MODES,
  pinned: null,
  counts: EMPTY_ROOM_COUNTS,
};

const stretchOf = (texts: readonly string[]): EventRange => {
  const events = texts.map((text, index): ChatEvent => {
    return {
      kind: "chat",
      by: { subject: "a", name: "a", roles: [] },
      text,
      offset: index + 11,
      atMs: 1,
      programmeMs: 1,
    };
  });
  return { epoch: "e", from: 10, to: 10 + events.length, events, unseen: 0 };
};

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

test("a welcome fits its byte limit, has no gap, and contains all missed events or the newest ones", () => {
  const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 200 }), { maxLength: 30 });
  fc.assert(
    fc.property(texts, texts, fc.boolean(), fc.nat(20_000), (missed, recent, asked, bytes) => {
      const encoded = encodeWelcomeFrame(GREETING, asked ? stretchOf(missed) : null, () => stretchOf(recent), bytes);
      if (encoded === null) return;
      const frame = JSON.parse(encoded.text) as Extract<ServerFrame, { type: "welcome" }>;
      expect(bytesOf(encoded.text)).toBeLessThanOrEqual(bytes);
      expect(encoded.bytes).toBeGreaterThanOrEqual(bytesOf(encoded.text));
      if (frame.recovered) expect(frame).toMatchObject(stretchOf(missed));
      else expect(frame.events).toEqual(stretchOf(recent).events.slice(recent.length - frame.events.length));
      expect(frame.to - frame.from).toBe(frame.events.length + frame.unseen);
    }),
  );
});

test("the UTF-8 length equals that of an encoder", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(utf8ByteLength(text)).toBe(bytesOf(text));
    }),
  );
});

const nobody = (address: string): Participant => {
  return { subject: null, name: "", roles: [], followerSinceMs: null, device: "d", address, expiresMs: null };
};

/** Sends as many hellos of `chars` characters as allowed; returns the bytes of the answers. */
function answered(budgets: ShardBudgets, account: SocketBudget, hellos: number, chars: number, nowMs: number): number {
  let bytes = 0;
  for (let hello = 0; hello < hellos; hello += 1) {
    if (!budgets.recordFrame(account, chars, nowMs)) break;
    const may = budgets.answerAllowanceBytes(account, nowMs);
    budgets.spendAnswerBytes(account, may, nowMs);
    bytes += may;
  }
  return bytes;
}

test("answers to a viewer without an account are at most 50 times its input, the socket request included", () => {
  fc.assert(
    fc.property(fc.nat(200), fc.integer({ min: 16, max: 8_192 }), (hellos, chars) => {
      const budgets = new ShardBudgets();
      const sent = SHARD_BUDGET_LIMITS.socketOpenBytes + hellos * (chars + SHARD_BUDGET_LIMITS.frameOverheadBytes);
      const bytes = answered(budgets, createSocketBudget(nobody("a"), "1"), hellos, chars, 0);
      expect(bytes).toBeLessThanOrEqual(50 * sent);
    }),
  );
});

test("answers to all sockets of an address stay within its budget, and other addresses have their own", () => {
  const budgets = new ShardBudgets();
  let bytes = 0;
  const seconds = 60;
  for (let second = 0; second < seconds; second += 1) {
    for (let socket = 0; socket < 100; socket += 1) {
      bytes += answered(budgets, createSocketBudget(nobody("a"), `${second} ${socket}`), 10, 8_192, 1_000 * second);
    }
  }
  expect(bytes).toBeLessThan(8_388_608 + seconds * 262_144);
  expect(budgets.answerAllowanceBytes(createSocketBudget(nobody("b"), "b"), 1_000 * seconds)).toBeGreaterThan(5_000);
});
