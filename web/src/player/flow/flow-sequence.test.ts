import { expect, test } from "vitest";
import type { FlowItem } from "../../../../core/delivery/flow/flow-splitter.ts";
import { FlowSequence } from "./flow-sequence.ts";

const PART_S = 0.2;

/** Part `i` of a track: pictures begin at whole parts, sound 0.05 s earlier. */
const part = (media: "video" | "audio", i: number): FlowItem => ({
  ...{ kind: "media", media, bytes: new Uint8Array(1), durationS: PART_S },
  startS: i * PART_S - (media === "audio" ? 0.05 : 0),
});

/** Parts from `from` to below `to` of both tracks, in the order of their time. */
const parts = (from: number, to: number): FlowItem[] =>
  Array.from({ length: to - from }, (_, i) => [part("audio", from + i), part("video", from + i)]).flat();

/** `v3 a3` for parts of the tracks. */
const names = (items: readonly FlowItem[]): string =>
  items
    .map((item) =>
      item.kind === "media" ? `${item.media[0]}${Math.round((item.startS + 0.05) / PART_S - 0.2)}` : item.kind,
    )
    .join(" ");

const init: FlowItem = { kind: "init", tracks: [], bytes: new Uint8Array(0) };

test("a response that begins before the newest media continues it: what was appended is left out", () => {
  const sequence = new FlowSequence("video");
  sequence.replace({ id: 1, rendition: "720p" });
  expect(names(sequence.push(1, [init, ...parts(0, 3)]))).toBe("init a0 v0 a1 v1 a2 v2");
  sequence.end(1);
  sequence.replace({ id: 2, rendition: "720p" });
  expect(sequence.push(1, parts(3, 4))).toEqual([]);
  expect(names(sequence.push(2, [init, ...parts(0, 5)]))).toBe("init a3 v3 a4 v4");
});

test("another rendition at once: its pictures replace those from its keyframe on, the sound goes on", () => {
  const sequence = new FlowSequence("video");
  sequence.replace({ id: 1, rendition: "720p" });
  sequence.push(1, parts(0, 8));
  sequence.replace({ id: 2, rendition: "360p" });
  expect(names(sequence.push(2, parts(5, 9)))).toBe("v5 v6 v7 a8 v8");
});

test("a successor waits until the old response has reached its keyframe, whichever comes first", () => {
  for (const isLate of [true, false]) {
    const sequence = new FlowSequence("video");
    sequence.replace({ id: 1, rendition: "360p" });
    sequence.push(1, parts(0, 3));
    sequence.follow({ id: 2, rendition: "720p" });
    const out: FlowItem[] = [];
    const successor = (): void => void out.push(...sequence.push(2, [init, ...parts(5, 6)]));
    if (isLate) successor();
    expect(names(out)).toBe("");
    out.push(...sequence.push(1, parts(3, 5)));
    if (!isLate) successor();
    expect(names(out)).toBe("a3 v3 a4 v4 init a5 v5");
    expect(sequence.active?.id).toBe(2);
    expect(sequence.push(1, parts(5, 7))).toEqual([]);
    expect(names(sequence.push(2, parts(6, 7)))).toBe("a6 v6");
  }
});

test("the old response's pictures from the keyframe on are left out where both come in one read", () => {
  const sequence = new FlowSequence("video");
  sequence.replace({ id: 1, rendition: "360p" });
  sequence.push(1, parts(0, 3));
  sequence.follow({ id: 2, rendition: "720p" });
  sequence.push(2, [init, ...parts(5, 6)]);
  expect(names(sequence.push(1, parts(3, 7)))).toBe("a3 v3 a4 v4 a5 init v5");
});

test("a response that ends leaves the rest to its successor, which may fail without harm", () => {
  const sequence = new FlowSequence("video");
  sequence.replace({ id: 1, rendition: "360p" });
  sequence.push(1, parts(0, 3));
  sequence.follow({ id: 2, rendition: "720p" });
  expect(sequence.end(2)).toEqual([]);
  expect(names(sequence.push(1, parts(3, 4)))).toBe("a3 v3");
  sequence.follow({ id: 3, rendition: "720p" });
  sequence.push(3, [init, ...parts(5, 6)]);
  expect(names(sequence.end(1))).toBe("init a5 v5");
  expect(sequence.active?.id).toBe(3);
});
