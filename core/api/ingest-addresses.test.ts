import { expect, test } from "vitest";
import { formatIngestAddresses, NO_INGEST_ADDRESSES, parseIngestAddresses } from "./ingest-addresses.ts";

test("addresses are parsed by protocol and formatted back", () => {
  const text = "rtmp://ingest.example.com:1935 rtmps://[2001:db8::1]:1936 srt://192.0.2.1:8890";
  const parsed = parseIngestAddresses(text);
  expect(parsed).toEqual({
    rtmp: { host: "ingest.example.com", port: 1935 },
    rtmps: { host: "[2001:db8::1]", port: 1936 },
    srt: { host: "192.0.2.1", port: 8890 },
  });
  expect(parsed === null ? null : formatIngestAddresses(parsed)).toBe(text);
  expect(parseIngestAddresses("  srt://a:1/ ")).toEqual({ ...NO_INGEST_ADDRESSES, srt: { host: "a", port: 1 } });
  expect(parseIngestAddresses("")).toEqual(NO_INGEST_ADDRESSES);
});

test("other addresses, ports out of range and repeated protocols are refused", () => {
  for (const text of [
    "http://a:1",
    "rtmp://a",
    "rtmp://a:0",
    "rtmp://a:65536",
    "rtmp://a:1/live",
    "rtmp://user@a:1",
    "rtmp://a:1 rtmp://b:2",
    "rtmp://<b>:1",
    "__proto__://a:1",
  ]) {
    expect(parseIngestAddresses(text), text).toBeNull();
  }
});
