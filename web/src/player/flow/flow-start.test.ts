import { expect, test } from "vitest";
import { assumedLinkBps, chooseStartRung, flowAddress, flowQuery } from "./flow-start.ts";

const rungs = [
  { name: "360p", bandwidth: 700_000 },
  { name: "720p", bandwidth: 2_600_000 },
  { name: "1080p", bandwidth: 5_100_000 },
];

test("the first rendition is what the link carries, and no larger than the picture on screen", () => {
  expect(chooseStartRung(rungs, 10e6, 1080)).toBe(2);
  expect(chooseStartRung(rungs, 10e6, 700)).toBe(1);
  expect(chooseStartRung(rungs, 3e6, 1080)).toBe(1);
  expect(chooseStartRung(rungs, 100_000, 1080)).toBe(0);
  expect(chooseStartRung(rungs, 10e6, 0)).toBe(2);
});

test("without the browser's estimate a link of 4 Mb/s is assumed, else a part of the estimate", () => {
  expect(assumedLinkBps(undefined)).toBe(4e6);
  expect(assumedLinkBps(0)).toBe(4e6);
  expect(assumedLinkBps(10)).toBe(8e6);
});

test("an address names both tracks and the join", () => {
  expect(`${flowAddress("", "show", "b1")}?${flowQuery("720p", "audio", "latest")}`).toBe(
    "/live/show/b1/flow.mp4?video=720p&audio=audio&join=latest",
  );
  expect(flowQuery(null, "audio", "next")).toBe("video=none&audio=audio&join=next");
});
