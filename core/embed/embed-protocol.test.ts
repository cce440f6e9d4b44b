import fc from "fast-check";
import { expect, test } from "vitest";
import {
  EMBED_PROTOCOL,
  EMBED_STATES,
  type EmbedCommand,
  type EmbedEvent,
  readEmbedCommand,
  readEmbedEvent,
  writeEmbedMessage,
} from "./embed-protocol.ts";

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const commands: fc.Arbitrary<EmbedCommand> = fc.oneof(
  fc.record({ type: fc.constantFrom("play", "pause", "mute", "unmute") }),
  fc.record({ type: fc.constant("volume"), volume: fraction }),
);
const events: fc.Arbitrary<EmbedEvent> = fc.oneof(
  fc.record({ type: fc.constant("ready"), stream: fc.string({ maxLength: 64 }) }),
  fc.record({
    type: fc.constant("state"),
    state: fc.constantFrom(...EMBED_STATES),
    ...{ isLive: fc.boolean(), muted: fc.boolean(), volume: fraction },
  }),
  fc.record({ type: fc.constant("delay"), seconds: fc.double({ noNaN: true, noDefaultInfinity: true }) }),
  fc.record({ type: fc.constant("ended") }),
  fc.record({ type: fc.constant("error"), message: fc.string({ maxLength: 500 }) }),
);

test("every command and every event is read as it was written, and neither as the other", () => {
  fc.assert(
    fc.property(commands, (command) => {
      expect(readEmbedCommand(structuredClone(writeEmbedMessage(command)))).toEqual({ ...command });
      expect(readEmbedEvent(writeEmbedMessage(command))).toBeNull();
    }),
  );
  fc.assert(
    fc.property(events, (event) => {
      expect(readEmbedEvent(structuredClone(writeEmbedMessage(event)))).toEqual({ ...event });
      expect(readEmbedCommand(writeEmbedMessage(event))).toBeNull();
    }),
  );
});

test("a message of another shape is none, and what is read has no other members than the protocol's", () => {
  const protocol = EMBED_PROTOCOL;
  for (const data of [
    ...[null, undefined, "play", 1, [], {}, { type: "play" }, { protocol: "corral-embed-2", type: "play" }],
    ...[{ protocol, type: "PLAY" }, { protocol, type: "seek" }, { protocol, type: "toString" }, { protocol }],
    ...[2, -1, Number.NaN, "1", null, undefined].map((volume) => ({ protocol, type: "volume", volume })),
    ...[
      { protocol, type: "state", state: "live" },
      { protocol, type: "delay", seconds: Number.POSITIVE_INFINITY },
    ],
    ...[{ protocol, type: "error", message: "x".repeat(501) }],
  ]) {
    expect([readEmbedCommand(data), readEmbedEvent(data)]).toEqual([null, null]);
  }
  expect(readEmbedCommand({ protocol, type: "play", volume: 9, html: "<b>" })).toEqual({ type: "play" });
});

test("no value makes a reader throw", () => {
  fc.assert(
    fc.property(fc.anything(), (data) => {
      for (const value of [data, { protocol: EMBED_PROTOCOL, ...(data as object) }]) {
        readEmbedCommand(value);
        readEmbedEvent(value);
      }
    }),
  );
});
