import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeServerFrame } from "../client/decode-server-frame.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { decodeClientFrame } from "./decode-client-frame.ts";

const act = (fields: object): string => JSON.stringify({ type: "act", id: "1", act: fields });

test("frames of every type are decoded", () => {
  expect(decodeClientFrame('{"type":"hello"}')).toEqual({ frame: { type: "hello", from: null } });
  expect(decodeClientFrame('{"type":"hello","from":{"epoch":"e","offset":7}}')).toEqual({
    frame: { type: "hello", from: { epoch: "e", offset: 7 } },
  });
  expect(decodeClientFrame('{"type":"react","emoji":"👩‍🚀","count":2}')).toEqual({
    frame: { type: "react", emoji: "👩‍🚀", count: 2 },
  });
  expect(decodeClientFrame(act({ kind: "chat", text: "  hi ", replyTo: 3, more: 1 }))).toEqual({
    frame: { type: "act", id: "1", act: { kind: "chat", text: "hi", replyTo: 3 }, programmeMs: null },
  });
  expect(
    decodeClientFrame(act({ kind: "modes", modes: { slowS: 5, followersMin: null, unique: true } })),
  ).toMatchObject({
    frame: { act: { kind: "modes", modes: { slowS: 5, followersMin: null, unique: true } } },
  });
  const automod = { levels: { hate: 4, spam: 0 }, allowed: ["cracker"] };
  expect(decodeClientFrame(act({ kind: "automod", automod: { ...automod, more: 1 } }))).toMatchObject({
    frame: { act: { kind: "automod", automod } },
  });
});

test("a malformed frame closes the socket, and a malformed command with an id is refused by its id", () => {
  for (const text of [
    "",
    "null",
    "[]",
    "{",
    '{"type":"x"}',
    '{"type":"like","count":0}',
    '{"type":"like","count":51}',
  ]) {
    expect(decodeClientFrame(text), text).toEqual({ close: "malformed" });
  }
  expect(decodeClientFrame('{"type":"react","emoji":"<b>","count":1}')).toEqual({ close: "malformed" });
  expect(decodeClientFrame(" ".repeat(ROOM_LIMITS.frameChars + 1))).toEqual({ close: "tooLarge" });
  for (const wrong of [
    { kind: "chat", text: " " },
    { kind: "chat", text: "x".repeat(ROOM_LIMITS.messageChars + 1) },
    { kind: "chat", text: "\ud800" },
    { kind: "chat", text: "x", replyTo: 0 },
    { kind: "timeout", subject: "bob", seconds: 1e9 },
    { kind: "role", subject: "bob", role: "host" },
    { kind: "modes", modes: { slowS: -1 } },
    { kind: "words", words: new Array(ROOM_LIMITS.blockedWords + 1).fill("x") },
    { kind: "automod", automod: { levels: { hate: 5 } } },
    { kind: "automod", automod: { levels: [] } },
    { kind: "automod", automod: { allowed: "all" } },
    { kind: "list", what: "secrets" },
    { kind: "pin" },
    null,
  ]) {
    expect(decodeClientFrame(act(wrong as object)), JSON.stringify(wrong)?.slice(0, 60)).toEqual({ refused: "1" });
  }
});

test("neither decoder throws on any input", () => {
  const type = fc.constantFrom("hello", "act", "like", "react", "play", "seen", "welcome", "tick", "ack", "staff");
  const kind = fc.constantFrom(
    "chat",
    "delete",
    "clear",
    "pin",
    "modes",
    "timeout",
    "ban",
    "role",
    "words",
    "automod",
    "list",
  );
  const fields = fc.dictionary(
    fc.constantFrom("id", "from", "to", "count", "emoji", "events", "epoch", "on"),
    fc.jsonValue(),
  );
  const shaped = fc
    .tuple(type, fields, kind, fc.dictionary(fc.constantFrom("text", "subject", "modes", "target"), fc.jsonValue()))
    .map(([named, rest, of, inner]) => JSON.stringify({ id: "1", ...rest, type: named, act: { kind: of, ...inner } }));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), shaped), (text) => {
      decodeClientFrame(text);
      decodeServerFrame(text);
    }),
    { numRuns: 5_000 },
  );
});

test("a client skips unknown kinds of events and frames", () => {
  const tick = { type: "tick", epoch: "e", from: 0, to: 2, unseen: 0, nowMs: 1 };
  const events = [
    { kind: "confetti", offset: 1 },
    { kind: "pin", target: null, offset: 2, atMs: 1, programmeMs: 1 },
  ];
  expect(decodeServerFrame(JSON.stringify({ ...tick, events }))).toMatchObject({ events: [{ kind: "pin" }] });
  expect(decodeServerFrame('{"type":"confetti"}')).toBeNull();
  expect(decodeServerFrame(JSON.stringify({ ...tick, events, to: -1 }))).toBeNull();
});
