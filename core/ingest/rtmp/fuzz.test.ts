import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { amfObject, encodeAmf0 } from "./amf0.ts";
import { controlMessage, userControlMessage } from "./chunk-writer.ts";
import { RTMP_LIMITS } from "./limits.ts";
import { RtmpSession } from "./session.ts";
import type { RtmpSessionOutput } from "./session-outbox.ts";
import {
  bigEndian,
  CLIENT_HANDSHAKE,
  clientCommand,
  mediaMessage,
  publishCommands,
  TEST_AAC_CONFIG,
  TEST_AV1C,
  TEST_AVCC,
  TEST_HVCC,
  TestChunkEncoder,
  testBytes,
} from "./testing.ts";

/** Inputs of a run; 1,000,000 for the heavy check. */
const INPUTS = Number(process.env["CORRAL_FUZZ_INPUTS"] ?? 4_000);
/** Beyond the input itself: first allocations of all chunk streams. */
const OVERHEAD_BYTES = 64 * 1_024;

const number = (value: number, length: number): Uint8Array => new Uint8Array(bigEndian(value, length));
const sized = (track: number, body: Uint8Array): Uint8Array => testBytes(track, number(body.length, 3), body);

/** Messages of every kind that the session reads, as valid ones to be damaged. */
const MESSAGES = [
  mediaMessage("dataAmf0", 0, encodeAmf0("@setDataFrame", "onMetaData", amfObject({ width: 640, encoder: "e" }))),
  mediaMessage("video", 0, testBytes(0x17, 0, 0, 0, 0, TEST_AVCC)),
  mediaMessage("video", 40, testBytes(0x27, 1, 0, 0, 40, "frame")),
  mediaMessage("audio", 0, testBytes(0xaf, 0, TEST_AAC_CONFIG)),
  mediaMessage("audio", 23, testBytes(0xaf, 1, "frame")),
  mediaMessage("video", 0xffffff, testBytes(0x90, "hvc1", TEST_HVCC)),
  mediaMessage("video", 2 ** 32 - 1, testBytes(0x91, "hvc1", 0, 0, 1, "frame")),
  mediaMessage("video", 3, testBytes(0x97, 2, 0, 1, 2, 1, "av01", "frame")),
  mediaMessage("video", 3, testBytes(0x96, 0x20, "av01", sized(1, TEST_AV1C), "avc1", sized(2, TEST_AVCC))),
  mediaMessage(
    "video",
    3,
    testBytes(0x96, 0x11, "avc1", sized(1, testBytes(0, 0, 0, "f")), sized(2, testBytes(0, 0, 0))),
  ),
  mediaMessage("audio", 3, testBytes(0x90, "Opus")),
  mediaMessage("audio", 3, testBytes(0x95, 0x01, "Opus", 0, "frame")),
  mediaMessage("video", 9, new Uint8Array(700)),
  { ...mediaMessage("dataAmf0", 0, testBytes(0, encodeAmf0("onMetaData", amfObject({ height: 1 })))), type: 15 },
  controlMessage("setChunkSize", 300),
  controlMessage("windowAckSize", 200),
  { ...controlMessage("setChunkSize", 4), type: 2 },
  userControlMessage("pingRequest", 5),
  userControlMessage("pingResponse", 5),
  clientCommand(0, "createStream", 8, null),
  clientCommand(0, "connect", 1, amfObject({ app: "live", capsEx: 3 })),
  clientCommand(1, "publish", 5, null, "demo?key=corral_a_b"),
  clientCommand(0, "deleteStream", 8, null, 1),
  clientCommand(0, "unknown", 8, [1, "a", amfObject({ b: [true] })]),
];

/** How far the sender comes before the input. */
const PREFIXES = [
  new Uint8Array(),
  CLIENT_HANDSHAKE,
  concatBytes([CLIENT_HANDSHAKE, publishCommands("live/demo", "corral_a_b")]),
];

const damage = fc.record({ at: fc.nat(), byte: fc.nat(255), removed: fc.nat(6), isInserted: fc.boolean() });
const input = fc.record({
  prefix: fc.constantFrom(0, 1, 2, 2, 2, 2),
  isAccepted: fc.boolean(),
  messages: fc.array(
    fc.record({
      message: fc.nat(MESSAGES.length - 1),
      stream: fc.integer({ min: 2, max: 7 }),
      isCompact: fc.boolean(),
    }),
    { maxLength: 12 },
  ),
  damages: fc.array(damage, { maxLength: 5 }),
  garbage: fc.uint8Array({ maxLength: 40 }),
  piece: fc.integer({ min: 1, max: 900 }),
});
type Input = typeof input extends fc.Arbitrary<infer T> ? T : never;

function bytesOf({ messages, damages, garbage }: Input): Uint8Array {
  const encoder = new TestChunkEncoder();
  let bytes: Uint8Array = concatBytes(
    messages.flatMap(({ message, stream, isCompact }) =>
      encoder.chunks(stream, MESSAGES[message] ?? controlMessage("setChunkSize", 128), isCompact),
    ),
  );
  for (const { at, byte, removed, isInserted } of damages) {
    const start = at % (bytes.length + 1);
    const replacement = new Uint8Array(isInserted ? [byte] : []);
    bytes = concatBytes([bytes.subarray(0, start), replacement, bytes.subarray(start + removed)]);
  }
  return concatBytes([bytes, garbage]);
}

/** Runs one input; counts how it ended, and throws on a broken invariant. */
function run(one: Input, ends: Map<string, number>): void {
  const session = new RtmpSession(() => 0.5);
  let received = 0;
  let end = "";
  const check = ({ send, events }: RtmpSessionOutput): void => {
    if (end !== "" && (send.length > 0 || events.length > 0)) throw new Error("An ended session goes on.");
    for (const event of events) {
      if (end !== "") throw new Error("Events follow the end.");
      if (event.kind === "end") end = event.end.kind === "goodbye" ? "goodbye" : event.end.detail;
      if (event.kind === "media" && event.media.kind === "frame" && !Number.isSafeInteger(event.media.dts)) {
        throw new Error(`A frame at ${event.media.dts}.`);
      }
    }
    if (session.bufferedBytes > 2 * received + OVERHEAD_BYTES || session.bufferedBytes > RTMP_LIMITS.partialBytes) {
      throw new Error(`${session.bufferedBytes} bytes are buffered of ${received} received.`);
    }
    if (end !== "" && session.bufferedBytes > 0) throw new Error("An ended session holds bytes.");
  };
  const receive = (bytes: Uint8Array): void => {
    received += bytes.length;
    check(session.receive(bytes));
  };
  receive(PREFIXES[one.prefix] ?? new Uint8Array());
  if (one.isAccepted) check(session.accept());
  const bytes = bytesOf(one);
  for (let at = 0; at < bytes.length; at += one.piece) receive(bytes.subarray(at, at + one.piece));
  if (!one.isAccepted) check(session.accept());
  check(session.ping(1));
  check(session.requestReconnect(null, "Again."));
  if (end.startsWith("Internal error")) throw new Error(end);
  const kind = (end || "open").replaceAll(/\d+|"[^"]*"/g, "N");
  ends.set(kind, (ends.get(kind) ?? 0) + 1);
}

test("no input makes a session throw, fail inside, go on after its end, or hold more than it received", {
  timeout: 60_000 + 2 * INPUTS,
}, () => {
  const ends = new Map<string, number>();
  const startedMs = performance.now();
  fc.assert(
    fc.property(input, (one) => run(one, ends)),
    { numRuns: INPUTS },
  );
  // The inputs reach the states that they are made for.
  expect(ends.size).toBeGreaterThan(12);
  expect(ends.get("goodbye")).toBeGreaterThan(0);
  expect(ends.get("open")).toBeGreaterThan(INPUTS / 100);
  if (INPUTS > 100_000) {
    const [seconds, mebibytes] = [(performance.now() - startedMs) / 1_000, process.memoryUsage().rss / 2 ** 20];
    console.info(`${INPUTS} inputs, ${seconds.toFixed(0)} s, ${mebibytes.toFixed(0)} MiB resident at the end`);
  }
});
