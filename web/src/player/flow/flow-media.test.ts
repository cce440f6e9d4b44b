import { afterEach, expect, test, vi } from "vitest";
import type { FlowItem } from "../../../../core/delivery/flow/flow-splitter.ts";
import type { MediaSourceClass } from "../media-source.ts";
import { FlowMediaSource } from "./flow-media.ts";
import { FakeManagedSource, FakeSource } from "./testing.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const INIT: FlowItem = {
  ...{ kind: "init", bytes: bytes("init") },
  tracks: [{ trackId: 1, kind: "video", timescale: 1, defaultDurationTicks: 1, bytes: bytes("init") }],
};
const part = (name: string): FlowItem => ({
  kind: "media",
  media: "video",
  bytes: bytes(name),
  startS: 0,
  durationS: 1,
});

afterEach(() => vi.unstubAllGlobals());

/** A source of this kind on an element, and what its listener is told. */
function attach<T extends FakeSource>(
  kind: new () => T,
): {
  media: FlowMediaSource;
  source: T;
  video: { disableRemotePlayback?: boolean; src?: string };
  told: string[];
  appended: () => string;
} {
  const made: T[] = [];
  vi.stubGlobal("URL", { createObjectURL: (source: T) => `blob:${made.push(source)}`, revokeObjectURL: () => {} });
  const video = { currentTime: 0 } as unknown as HTMLVideoElement;
  const told: string[] = [];
  const media = new FlowMediaSource(video, kind as unknown as MediaSourceClass, true, {
    onUnsupported: () => void told.push("unsupported"),
    onFailure: () => void told.push("failure"),
    onHole: () => void told.push("hole"),
  });
  const [source] = made;
  if (source === undefined) throw new Error("no source was made");
  media.attach();
  return { media, source, video, told, appended: () => source.buffers.flatMap(({ appended }) => appended).join(" ") };
}

test("media that comes before the source opens is appended when it does", () => {
  const { media, source, video, appended } = attach(FakeSource);
  media.append([INIT, part("a")], ["avc1"]);
  expect(appended()).toBe("");
  source.open();
  media.append([part("b")], ["avc1"]);
  expect(appended()).toBe("init a b");
  expect(video.disableRemotePlayback).toBeUndefined();
});

test("a managed source has no remote playback, and gets media only while it takes some", () => {
  const { media, source, video, told, appended } = attach(FakeManagedSource);
  expect(video.disableRemotePlayback).toBe(true);
  source.open();
  media.append([INIT, part("a")], ["avc1"]);
  expect(appended()).toBe("");
  source.stream(true);
  expect(appended()).toBe("init a");
  source.stream(false);
  media.append([part("b")], ["avc1"]);
  expect(appended()).toBe("init a");
  source.stream(true);
  expect(appended()).toBe("init a b");
  expect(told).toEqual([]);
});

test("a managed source that takes nothing for long is joined anew when it does", () => {
  const { media, source, told, appended } = attach(FakeManagedSource);
  source.open();
  source.stream(true);
  media.append([INIT, part("a")], ["avc1"]);
  source.stream(false);
  for (let i = 0; i < 1_000; i += 1) media.append([part("late")], ["avc1"]);
  source.stream(true);
  expect([told, appended()]).toEqual([["hole"], "init a"]);
  media.append([INIT, part("z")], ["avc1"]);
  expect(appended()).toBe("init a z");
});

test("one that never takes any leaves the stream to another player", () => {
  const { media, source, told } = attach(FakeManagedSource);
  source.open();
  for (let i = 0; i < 1_000; i += 1) media.append([INIT, part("a")], ["avc1"]);
  expect(new Set(told)).toEqual(new Set(["failure"]));
});
