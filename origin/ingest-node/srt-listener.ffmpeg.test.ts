import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestEvent } from "../../core/ingest/media-event.ts";
import { SRT_REJECT } from "../../core/ingest/srt/reject-reasons.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { SenderConnection, SenderEnd, SenderListener } from "./sender-connection.ts";
import { type SrtListenerOptions, type SrtRefusal, startSrtListener } from "./srt-listener.ts";
import { startLossyRelay } from "./testing/lossy-relay.ts";
import { annexBOf, decodedHashes, type PacketList, probePackets } from "./testing/media-checks.ts";

const { clock } = systemPlatform;
/** Sending takes 6 s; a sender whose farewell is lost is noticed after 10 s. */
const TIMEOUT = { timeout: 60_000 };
const PASSPHRASE = "a passphrase of a key";

let folder = "";
let file = "";
let packets: PacketList = { video: [], audio: [] };
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-srt-"));
  file = join(folder, "source.ts");
  const source = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", "6"];
  const codecs = ["-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-bf", "2", "-b:v", "800k", "-c:a", "aac"];
  const { status, stderr } = spawnSync("ffmpeg", ["-v", "error", "-y", ...source, ...codecs, file]);
  if (status !== 0) throw new Error(String(stderr));
  packets = probePackets(file);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A sender as the listener delivered it. */
interface Session {
  readonly connection: SenderConnection;
  readonly events: IngestEvent[];
  readonly end: Promise<SenderEnd>;
}

/** A listener that accepts everybody with the passphrase. */
async function listen(options: Partial<SrtListenerOptions> = {}) {
  const sessions: Session[] = [];
  const refusals: SrtRefusal[] = [];
  const listener: SenderListener = await startSrtListener({
    host: "127.0.0.1",
    port: 0,
    clock,
    latencyMs: 120,
    release: "in-order",
    resolvePassphrase: async (_stream, keyId) => (keyId.startsWith("k") ? PASSPHRASE : null),
    onRefused: (refusal) => refusals.push(refusal),
    onSender(connection) {
      const { promise: end, resolve } = Promise.withResolvers<SenderEnd>();
      const session: Session = { connection, events: [], end };
      sessions.push(session);
      connection.accept({
        onEvent: (event) => session.events.push(event),
        onEnd: resolve,
      });
    },
    ...options,
  });
  return { listener, sessions, refusals };
}

/** Publishes the file, and waits for what is lost at its end. Resolves with FFmpeg's exit code. */
async function publish(port: number, query: string, ...input: readonly string[]): Promise<number> {
  const address = `srt://127.0.0.1:${port}?${query}&transtype=live&linger=3`;
  const args = ["-v", "error", "-re", ...input, "-i", file, "-map", "0", "-c", "copy", "-copyts", "-f", "mpegts"];
  const child = spawn("ffmpeg", [...args, "-mpegts_copyts", "1", address], { stdio: "ignore" });
  const [code] = (await once(child, "exit")) as [number];
  return code;
}

const timesOf = (events: readonly IngestEvent[], media: "video" | "audio") =>
  events
    .filter((event) => event.kind === "frame" && event.media === media)
    .map((event) =>
      event.kind === "frame" ? { dts: event.dts, pts: event.dts + event.ctsOffset, sync: event.sync } : null,
    );

/** What came is the file. */
function expectSource(events: readonly IngestEvent[]): void {
  expect(timesOf(events, "video")).toEqual(packets.video);
  expect(timesOf(events, "audio")).toEqual(packets.audio);
}

test(
  "three FFmpegs publish on one port, with keys of each size, and every picture and sound is as sent",
  TIMEOUT,
  async () => {
    const { listener, sessions } = await listen();
    const codes = await Promise.all([
      publish(listener.port, `streamid=one/k100000000&passphrase=${PASSPHRASE}&pbkeylen=16`),
      publish(
        listener.port,
        `streamid=${encodeURIComponent("#!::r=two,u=k200000000,m=publish")}&passphrase=${PASSPHRASE}&pbkeylen=24&kmrefreshrate=200&kmpreannounce=50`,
      ),
      publish(listener.port, `streamid=#!::r=three,u=k300000000,m=publish&passphrase=${PASSPHRASE}&pbkeylen=32`),
    ]);
    expect(codes).toEqual([0, 0, 0]);
    expect(sessions.map(({ connection }) => `${connection.stream} ${connection.key}`).toSorted()).toEqual([
      `one corral_k100000000_${PASSPHRASE}`,
      `three corral_k300000000_${PASSPHRASE}`,
      `two corral_k200000000_${PASSPHRASE}`,
    ]);
    for (const { connection, events, end } of sessions) {
      expect(await end).toEqual({ kind: "goodbye" });
      expectSource(events);
      expect(connection.statistics().packets).toMatchObject({ lost: 0 });
      expect(decodedHashes(annexBOf(events), "h264")).toEqual(decodedHashes(readFileSync(file), "mpegts"));
    }
    await listener.close();
  },
);

test("a wrong passphrase, an unknown key and a sender without encryption are refused", async () => {
  const { listener, sessions, refusals } = await listen();
  const codes = await Promise.all([
    publish(listener.port, "streamid=demo/k100000000&passphrase=another passphrase"),
    publish(listener.port, `streamid=demo/x100000000&passphrase=${PASSPHRASE}`),
    publish(listener.port, "streamid=demo/k100000000"),
  ]);
  expect(codes.every((code) => code !== 0)).toBe(true);
  expect(sessions).toEqual([]);
  expect(refusals.map(({ reason }) => reason).toSorted((a, b) => a - b)).toEqual([
    SRT_REJECT.badSecret,
    SRT_REJECT.unsecure,
    SRT_REJECT.forbidden,
  ]);
  await listener.close();
});

test(
  "a link that loses 3 % with a round trip of 50 ms costs no picture with a latency of 200 ms",
  TIMEOUT,
  async () => {
    const { listener, sessions } = await listen();
    const relay = await startLossyRelay({ port: listener.port, seed: 3, lossPercent: 3, delayMs: 25, clock });
    expect(await publish(relay.port, `streamid=demo/k100000000&passphrase=${PASSPHRASE}&latency=200000`)).toBe(0);
    const [session] = sessions;
    if (session === undefined) throw new Error("no session");
    await session.end;
    relay.close();
    await listener.close();
    const { packets: counts } = session.connection.statistics();
    expect(relay.counts().lost).toBeGreaterThan(10);
    expect(counts).toMatchObject({ lost: 0 });
    expect(counts?.missing).toBeGreaterThan(5);
    expectSource(session.events);
  },
);
