import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { amfObject, encodeAmf0 } from "./amf0.ts";
import { MESSAGE_TYPES } from "./chunk-reader.ts";
import { controlMessage, userControlMessage } from "./chunk-writer.ts";
import { HANDSHAKE_BYTES } from "./handshake.ts";
import { RTMP_LIMITS } from "./limits.ts";
import { RtmpSession } from "./session.ts";
import {
  bigEndian,
  CLIENT_HANDSHAKE,
  clientCommand,
  mediaEvents,
  mediaMessage,
  publishCommands,
  publishingSession,
  sentMessages,
  TEST_AAC_CONFIG,
  TEST_AVCC,
  TestChunkEncoder,
  testBytes,
} from "./testing.ts";

/** An RTMP session that has read `bytes` after the handshake, with everything that it sent and reported. */
function sessionAfter(...bytes: readonly Uint8Array[]) {
  const session = new RtmpSession(() => 0.5);
  const outputs = [CLIENT_HANDSHAKE, ...bytes].map((piece) => session.receive(piece));
  return {
    session,
    sent: sentMessages(outputs, false),
    events: outputs.flatMap(({ events }) => events),
  };
}

test("the handshake echoes C1, has no version, and is read in any pieces", () => {
  const c1 = new Uint8Array(HANDSHAKE_BYTES).map((_, at) => at * 7);
  const bytes = testBytes(3, c1, new Uint8Array(HANDSHAKE_BYTES));
  for (const size of [1, 1_000, 5_000]) {
    const session = new RtmpSession(() => 0.5);
    const sent: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) sent.push(...session.receive(bytes.subarray(at, at + size)).send);
    const answer = concatBytes(sent);
    expect(answer.subarray(0, 10)).toEqual(new Uint8Array([3, 0, 0, 0, 0, 0, 0, 0, 0, 128]));
    expect(answer.subarray(1 + HANDSHAKE_BYTES)).toEqual(c1);
    expect(session.receive(publishCommands("live/demo", "corral_a_b")).events).toMatchObject([{ kind: "publish" }]);
  }
});

test("another protocol on the port ends the session with its first byte", () => {
  for (const text of ["GET / HTTP/1.1", "\x16\x03\x01", "\x06"]) {
    const output = new RtmpSession(() => 0).receive(testBytes(text));
    expect(output.send).toEqual([]);
    expect(output.events).toMatchObject([{ kind: "end", end: { kind: "invalid" } }]);
  }
});

test("connect is answered with windows, chunk size, codecs and capabilities; createStream and others with results", () => {
  const { sent, events } = sessionAfter(publishCommands("live/demo", "corral_a_b"));
  expect(events).toEqual([{ kind: "publish", target: { stream: "demo", key: "corral_a_b" } }]);
  expect(sent.map(({ type }) => type)).toEqual([5, 6, 20, 20, 20, 20]);
  const [connect, release, fcPublish, create] = sent.filter(({ type }) => type === 20).map(({ values }) => values);
  expect(connect?.slice(0, 2)).toEqual(["_result", 1]);
  expect(sent.find(({ type }) => type === 20)?.status).toMatchObject({
    code: "NetConnection.Connect.Success",
    level: "status",
    fourCcList: ["avc1", "hvc1", "av01", "mp4a", "Opus"],
    videoFourCcInfoMap: new Map([
      ["avc1", 4],
      ["hvc1", 4],
      ["av01", 4],
    ]),
    capsEx: 7,
  });
  expect(release).toEqual(["_result", 2, null, null]);
  expect(fcPublish).toEqual(["_result", 3, null, null]);
  expect(create).toEqual(["_result", 4, null, 1]);
});

test("an accepted sender gets Publish.Start; its metadata, configurations and frames are events", () => {
  const { session } = sessionAfter(publishCommands("live/demo", "corral_a_b"));
  const accepted = sentMessages([session.accept()]);
  expect(accepted[0]).toMatchObject({ type: 4, payload: testBytes(0, 0, 0, 0, 0, 1) });
  expect(accepted[1]).toMatchObject({ streamId: 1, status: { code: "NetStream.Publish.Start", level: "status" } });

  const encoder = new TestChunkEncoder();
  const metadata = amfObject({
    encoder: "Test 1.0",
    width: 640,
    height: 360,
    framerate: 29.97,
    videodatarate: 2_500,
    audiodatarate: Number.NaN,
    videocodecid: 8,
  });
  const { events } = session.receive(
    concatBytes([
      encoder.write(4, mediaMessage("dataAmf0", 0, encodeAmf0("@setDataFrame", "onMetaData", metadata))),
      encoder.write(4, mediaMessage("dataAmf0", 0, encodeAmf0("onTextData", "unrelated"))),
      encoder.write(4, mediaMessage("video", 0, testBytes(0x17, 0, 0, 0, 0, TEST_AVCC))),
      encoder.write(6, mediaMessage("audio", 0, testBytes(0xaf, 0, TEST_AAC_CONFIG))),
      encoder.write(4, mediaMessage("video", 7, testBytes(0x17, 1, 0, 0, 40, "picture"))),
      encoder.write(6, mediaMessage("audio", 9, testBytes(0xaf, 1, "sound"))),
    ]),
  );
  expect(mediaEvents(events)).toEqual([
    {
      kind: "metadata",
      encoder: "Test 1.0",
      width: 640,
      height: 360,
      frameRate: 29.97,
      videoBitsPerSecond: 2_500_000,
      audioBitsPerSecond: null,
    },
    { kind: "config", track: 0, media: "video", codec: "h264", timescale: 1_000, record: TEST_AVCC },
    { kind: "config", track: 0, media: "audio", codec: "aac", timescale: 1_000, record: TEST_AAC_CONFIG },
    { kind: "frame", track: 0, media: "video", dts: 7, ctsOffset: 40, sync: true, data: testBytes("picture") },
    { kind: "frame", track: 0, media: "audio", dts: 9, ctsOffset: 0, sync: true, data: testBytes("sound") },
  ]);
});

test("what a sender sends before its admission is delivered after it, within a limit", () => {
  const config = new TestChunkEncoder().write(4, mediaMessage("video", 0, testBytes(0x17, 0, 0, 0, 0, TEST_AVCC)));
  const { session } = sessionAfter(publishCommands("live/demo", "corral_a_b"));
  expect(session.receive(config).events).toEqual([]);
  expect(mediaEvents(session.accept().events)).toMatchObject([{ kind: "config" }]);

  const { session: hasty } = sessionAfter(publishCommands("live/demo", "corral_a_b"));
  const large = new TestChunkEncoder().write(4, mediaMessage("video", 0, new Uint8Array(RTMP_LIMITS.heldBytes)));
  expect(hasty.receive(large).events).toMatchObject([
    { kind: "end", end: { kind: "invalid", detail: "The sender does not wait for its admission." } },
  ]);
  expect(hasty.bufferedBytes).toBe(0);
});

test("a refused sender gets the sentence, and nothing more is read of it", () => {
  const { session } = sessionAfter(publishCommands("live/demo", "corral_a_b"));
  const [status] = sentMessages([session.refuse("The stream key is not known.")]);
  expect(status?.values).toEqual([
    "onStatus",
    0,
    null,
    amfObject({ level: "error", code: "NetStream.Publish.BadName", description: "The stream key is not known." }),
  ]);
  const later = [session.receive(publishCommands("live/demo", "x")), session.accept(), session.close("again")];
  expect(later).toEqual(Array(3).fill({ send: [], events: [] }));
});

test("an application without a stream is refused at connect, a name without one at publish", () => {
  const rejected = sessionAfter(publishCommands("vod", "x"));
  expect(rejected.sent[0]?.values.slice(0, 2)).toEqual(["_error", 1]);
  expect(rejected.sent[0]?.status).toMatchObject({ code: "NetConnection.Connect.Rejected", level: "error" });
  expect(rejected.events).toMatchObject([{ kind: "end", end: { kind: "refused" } }]);
  const bad = sessionAfter(publishCommands("live", "No"));
  expect(bad.sent.at(-1)?.status).toMatchObject({
    code: "NetStream.Publish.BadName",
    description: expect.stringMatching(/name is invalid/),
  });
  expect(bad.events).toMatchObject([{ kind: "end", end: { kind: "refused" } }]);
});

test.each([
  ["FCUnpublish", clientCommand(0, "FCUnpublish", 6, null, "corral_a_b")],
  ["deleteStream", clientCommand(0, "deleteStream", 6, null, 1)],
  ["closeStream", clientCommand(1, "closeStream", 0, null)],
])("%s is the sender's goodbye", (_name, command) => {
  const { session, encoder } = publishingSession();
  const other = encoder.write(3, clientCommand(0, "deleteStream", 6, null, 2));
  expect(session.receive(other).events).toEqual([]);
  expect(session.receive(encoder.write(3, command)).events).toEqual([{ kind: "end", end: { kind: "goodbye" } }]);
});

test("commands in messages of AMF 3 are read", () => {
  const { session, encoder } = publishingSession();
  const { payload } = clientCommand(0, "deleteStream", 6, null, 1);
  const message = { type: MESSAGE_TYPES.commandAmf3, streamId: 0, timestamp: 0, payload: testBytes(0, payload) };
  expect(session.receive(encoder.write(3, message)).events).toEqual([{ kind: "end", end: { kind: "goodbye" } }]);
});

test("received bytes are acknowledged by the sender's window, and pings go both ways", () => {
  const { session, encoder } = publishingSession();
  const window = session.receive(encoder.write(2, controlMessage("windowAckSize", 3_000)));
  expect(sentMessages([window])).toMatchObject([{ type: 3 }]);
  const ignored = { ...mediaMessage("video", 0, new Uint8Array(2_000)), type: 99 };
  expect(session.receive(encoder.write(4, ignored)).send).toEqual([]);
  expect(sentMessages([session.receive(encoder.write(4, ignored))])).toMatchObject([{ type: 3 }]);

  expect(sentMessages([session.receive(encoder.write(2, userControlMessage("pingRequest", 77)))])).toMatchObject([
    { type: 4, payload: testBytes(0, 7, new Uint8Array(bigEndian(77, 4))) },
  ]);
  expect(sentMessages([session.ping(2 ** 32 - 1)])).toMatchObject([
    { type: 4, payload: testBytes(0, 6, new Uint8Array(4).fill(255)) },
  ]);
  expect(session.receive(encoder.write(2, userControlMessage("pingResponse", 2 ** 32 - 1))).events).toEqual([
    { kind: "pong", number: 2 ** 32 - 1 },
  ]);
});

test("a reconnect request goes only to encoders that declare the capability", () => {
  expect(publishingSession().session.requestReconnect(null, "Maintenance.").send).toEqual([]);
  const { session } = publishingSession({ capsEx: 1 });
  const [message] = sentMessages([session.requestReconnect("rtmp://other/live/demo", "Maintenance.")]);
  expect(message?.streamId).toBe(0);
  expect(message?.values[3]).toEqual(
    amfObject({
      level: "status",
      code: "NetConnection.Connect.ReconnectRequest",
      description: "Maintenance.",
      tcUrl: "rtmp://other/live/demo",
    }),
  );
});

test.each([
  ["publishes before it connects", [clientCommand(1, "publish", 5, null, "x")], "A command precedes connect."],
  ["connects twice", [connect(), connect()], "The sender connects twice."],
  [
    "creates many streams",
    [connect(), ...Array.from({ length: 9 }, () => clientCommand(0, "createStream", 2, null))],
    "The sender creates too many streams.",
  ],
  ["sends a command without a name", [clientCommand(0, 1)], "A command has no name."],
  [
    "sends an AMF bomb",
    [{ ...connect(), payload: testBytes(...Array(40).fill(testBytes(10, 0, 0, 0, 1))) }],
    "AMF values are nested deeper than 8.",
  ],
  [
    "sends a large message before it publishes",
    [mediaMessage("video", 0, new Uint8Array(20_000))],
    "A message of 20000 bytes exceeds the limit of 16384.",
  ],
  [
    "never publishes",
    Array.from({ length: 5 }, () => mediaMessage("video", 0, new Uint8Array(16_000))),
    "The sender does not publish within 65536 bytes.",
  ],
])("a sender that %s ends its session with a reason", (_what, messages, detail) => {
  const encoder = new TestChunkEncoder();
  const { events } = sessionAfter(concatBytes(messages.map((message) => encoder.write(3, message))));
  expect(events.at(-1)).toEqual({ kind: "end", end: { kind: "invalid", detail } });
});

test("a sender with a codec that is not supported is told so", () => {
  const { session, encoder } = publishingSession();
  const output = session.receive(encoder.write(4, mediaMessage("audio", 0, testBytes(0x2f, "mp3"))));
  const detail = "Audio codec MP3 is not supported. Set the encoder to AAC.";
  expect(output.events).toEqual([{ kind: "end", end: { kind: "invalid", detail } }]);
  expect(sentMessages([output])[0]?.status).toMatchObject({ level: "error", description: detail });
});

function connect() {
  return clientCommand(0, "connect", 1, amfObject({ app: "live/demo" }));
}
