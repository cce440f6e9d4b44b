import { expect, test } from "vitest";
import { locateListeners } from "./listener-addresses.ts";

test("listeners are named by their own address, or by the machine's if they are on all", () => {
  const ports = { rtmp: 1935, rtmps: 1936, srt: 8890 };
  expect(locateListeners({ host: "0.0.0.0", rtmpHost: "127.0.0.1" }, ports, "192.0.2.7")).toEqual({
    rtmp: { host: "127.0.0.1", port: 1935 },
    rtmps: { host: "192.0.2.7", port: 1936 },
    srt: { host: "192.0.2.7", port: 8890 },
  });
  expect(locateListeners({ host: "::1", rtmpHost: "::1" }, { rtmp: 1, rtmps: null, srt: null })).toEqual({
    ...{ rtmp: { host: "[::1]", port: 1 }, rtmps: null, srt: null },
  });
  expect(locateListeners({ host: "::", rtmpHost: "::" }, ports, "192.0.2.7").srt).toEqual({
    host: "192.0.2.7",
    port: 8890,
  });
});

test("a port that is not chosen yet is not named", () => {
  expect(locateListeners({ host: "127.0.0.1", rtmpHost: "127.0.0.1" }, { rtmp: 0, rtmps: null, srt: 0 })).toEqual({
    ...{ rtmp: null, rtmps: null, srt: null },
  });
});
