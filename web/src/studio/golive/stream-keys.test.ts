import { expect, test } from "vitest";
import { parseAddressAnswer, parseIssuedKey, parseKeyList } from "./stream-keys.ts";

test("a list of keys is parsed, and other input is null", () => {
  const key = {
    ...{ id: "k100000000", label: "OBS", role: "backup", state: "usable", usesLeft: 2 },
    ...{ createdAt: "2026-11-30T07:00:00.000Z", lastUsedAt: null, expiresAt: "2026-12-01T07:00:00.000Z" },
  };
  expect(parseKeyList({ stream: "s", keys: [key, null] })).toEqual([
    {
      ...{ id: "k100000000", label: "OBS", role: "backup", state: "usable", usesLeft: 2 },
      ...{ lastUsedAt: null, expiresAt: "2026-12-01T07:00:00.000Z" },
    },
  ]);
  for (const body of [null, "x", {}, { keys: {} }]) expect(parseKeyList(body)).toBeNull();
});

test("an issued key is parsed with its secret, and a malformed one is null", () => {
  const key = `corral_k100000000_${"s".repeat(43)}`;
  expect(parseIssuedKey({ id: "k100000000", key, label: "OBS" })).toEqual({ id: "k100000000", key, label: "OBS" });
  for (const body of [null, {}, { id: "k", key: "corral_short" }]) expect(parseIssuedKey(body)).toBeNull();
});

test("addresses are parsed by protocol", () => {
  const body = { stream: "s", rtmp: { host: "a", port: 1 }, rtmps: null, srt: { host: "b" } };
  expect(parseAddressAnswer(body)).toEqual({ rtmp: { host: "a", port: 1 }, rtmps: null, srt: null });
  expect(parseAddressAnswer({ title: "Wrong admin token" })).toBeNull();
});
