import { expect, test } from "vitest";
import { LinkEstimate } from "./link-estimate.ts";

/** Reads of 1,500 B until `bytes` have come over a link of `bps`, from `fromMs` on; returns the time of the last. */
function readBurst(link: LinkEstimate, fromMs: number, bytes: number, bps: number): number {
  let atMs = fromMs;
  for (let read = 0; read < bytes; read += 1_500) {
    link.add(atMs, 1_500);
    atMs += (1_500 * 8_000) / bps;
  }
  return atMs;
}

test("bursts tell what the link carries, though the media needs less", () => {
  const link = new LinkEstimate();
  expect(link.linkBps).toBeNull();
  for (let i = 0; i < 10; i += 1) readBurst(link, i * 200, 60_000, 5e6);
  expect(link.linkBps).toBeGreaterThan(4.5e6);
  expect(link.linkBps).toBeLessThan(5.5e6);
});

test("short bursts say nothing, and one that came in a single read says that the link is fast", () => {
  const link = new LinkEstimate();
  for (let i = 0; i < 10; i += 1) link.add(i * 100, 8_000);
  expect(link.linkBps).toBeNull();
  for (let i = 10; i < 20; i += 1) link.add(i * 100, 60_000);
  expect(link.linkBps).toBeGreaterThan(50e6);
});

test("a slow quarter of the bursts counts", () => {
  const link = new LinkEstimate();
  for (let i = 0; i < 12; i += 1) readBurst(link, i * 1_000, 60_000, i % 3 === 0 ? 2e6 : 20e6);
  expect(link.linkBps).toBeLessThan(2.5e6);
});

test("received bits are those of the last second, and none where nothing comes now", () => {
  const link = new LinkEstimate();
  for (let i = 0; i <= 30; i += 1) link.add(i * 100, 12_500);
  expect(link.receivedBps(3_000)).toBeCloseTo(1.1e6, -5);
  expect(link.receivedBps(3_500)).toBe(0);
});
