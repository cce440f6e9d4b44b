import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HealthMonitor } from "../../core/ingest/health/health-monitor.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { FakeEdge } from "../testing/fake-edge.ts";
import { senderConfigs, senderFrames } from "../testing/simulated-sender.ts";
import type { SenderConnection } from "./sender-connection.ts";
import { SessionHealth } from "./session-health.ts";

const OBS = { sizes: ["128x72"], fps: 30, gop: 60, hasAudio: true } as const;
const CONNECTION = {
  protocol: "rtmp",
  statistics: () => ({ receivedBytes: 1, roundTripMs: 310, packets: null }),
} as unknown as SenderConnection;

let edge: FakeEdge;
let clock: VirtualClock;
let lines: string[];
let health: SessionHealth;

beforeEach(async () => {
  edge = await new FakeEdge().start();
  clock = new VirtualClock();
  lines = [];
  let ids = 0;
  const newId = (): string => {
    ids += 1;
    return `event-${ids}`;
  };
  const log = (text: string): void => void lines.push(text);
  health = new SessionHealth({
    stream: parseStreamName("demo") as StreamName,
    target: { edge: edge.url, key: "secret", publisher: "test-node" },
    monitor: new HealthMonitor(),
    publishDelayMs: () => null,
    log: { debug: log, info: log, warn: log },
    platform: { clock, random: Math.random, newId },
    epochNowMs: () => clock.nowMs(),
  });
});
afterEach(async () => {
  health.stop();
  await edge.stop();
});

/** Lets time pass in steps of media, with real sockets served after each. */
async function pass(fromS: number, untilS: number): Promise<void> {
  for (let step = 10 * fromS; step < 10 * untilS; step += 1) {
    for (const frame of senderFrames(OBS, step / 10, (step + 1) / 10)) health.pushEvent(frame);
    await clock.advance(100);
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

test("checks are logged as one line each, and reported to the edge every two seconds and after a change", async () => {
  health.connected(CONNECTION);
  for (const config of senderConfigs(OBS)) health.pushEvent(config);
  await pass(0, 16);
  // The round trip of 310 ms has been there for 10 s.
  expect(lines.filter((line) => line.includes("round-trip-high"))).toEqual([
    "demo: health: round-trip-high: The round trip to this server takes 310 ms. Choose a server that is nearer, or a better connection.",
  ]);
  await vi.waitFor(() => expect(edge.health.at(-1)?.checks).toMatchObject([{ id: "round-trip-high" }]));
  expect(edge.health.length).toBeGreaterThanOrEqual(7);
  expect(edge.health.length).toBeLessThanOrEqual(10);
  health.disconnected({ kind: "lost", waitMs: 60_000 }, "lost");
  await vi.waitFor(() => expect(edge.health.at(-1)?.state).toBe("no-data"));
  expect(lines.at(-1)).toMatch(/^demo: health: disconnected: .* broke 0 s ago.* waits 60 s more/);
  health.connected(CONNECTION);
  await pass(16, 17);
  expect(lines).toContain("demo: health: disconnected is over.");
});

test("a key that was revoked is told, and no report follows", async () => {
  health.connected(CONNECTION);
  await pass(0, 3);
  edge.key = "another";
  const reports = edge.health.length;
  await pass(3, 6);
  await vi.waitFor(() => expect(health.report.state).toBe("revoked"));
  expect(lines.some((line) => line.includes("key-revoked: This stream key was revoked"))).toBe(true);
  edge.key = "secret";
  await pass(6, 10);
  expect(edge.health.length).toBe(reports);
});

test("connections and changes of checks are told as events, each until the edge has confirmed it", async () => {
  health.connected(CONNECTION);
  await pass(0, 12);
  health.disconnected({ kind: "lost", waitMs: 60_000 }, "lost");
  await vi.waitFor(() => expect(edge.health.at(-1)?.state).toBe("no-data"));
  health.connected(CONNECTION);
  health.refused("No keyframe has come for 4 s.");
  await pass(12, 15);
  const told = edge.health.flatMap(({ events }) => events ?? []);
  expect(told.map(({ id: _, ...event }) => event)).toEqual([
    { kind: "ingest-connected", protocol: "rtmp" },
    { kind: "health-raised", check: "round-trip-high", severity: "info" },
    { kind: "ingest-disconnected", reason: "lost" },
    { kind: "health-raised", check: "disconnected", severity: "error" },
    { kind: "ingest-resumed", protocol: "rtmp" },
    { kind: "ingest-refused", reason: "No keyframe has come for 4 s." },
    { kind: "health-cleared", check: "disconnected" },
  ]);
  expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
  expect(edge.health.at(-1)?.measures?.roundTripMs).toBe(310);
});
