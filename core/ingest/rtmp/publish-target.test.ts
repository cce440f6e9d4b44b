import { expect, test } from "vitest";
import { applicationProblem, parsePublishTarget } from "./publish-target.ts";

test.each([
  ["live/demo", "corral_a_b"],
  ["live/demo/", "corral_a_b?bandwidthtest=true"],
  ["/live", "demo/corral_a_b"],
  ["live", "demo?key=corral_a_b"],
  ["live?x=1", "demo?x=1&key=corral_a_b"],
  ["live/demo", "?key=corral_a_b"],
])("application %s with the name %s is a stream and its key", (application, name) => {
  expect(applicationProblem(application)).toBeNull();
  expect(parsePublishTarget(application, name)).toEqual({ stream: "demo", key: "corral_a_b" });
});

test("keys may be signed tokens", () => {
  const token = `eyJhbGciOiJIUzI1NiJ9.${"e".repeat(600)}.a-b_c=`;
  expect(parsePublishTarget("live/demo", token)).toEqual({ stream: "demo", key: token });
});

test.each([
  ["vod/demo", "corral_a_b", /application must be "live"/],
  ["", "", /application must be "live"/],
  ["live", "", /names no stream/],
  ["live", "corral_A_b", /stream name is invalid/],
  ["live/Demo", "corral_a_b", /stream name is invalid: 1 to 64 of a-z/],
  ["live/demo", "", /stream key is missing/],
  ["live", "demo", /stream key is missing/],
  ["live", "demo?key=", /stream key is missing/],
  ["live/demo", "a/b", /stream key is malformed/],
  ["live/demo", "a b", /stream key is malformed/],
  ["live", `demo?key=${"x".repeat(2_049)}`, /stream key is malformed/],
])("application %s with the name %s is refused with a sentence", (application, name, sentence) => {
  expect(parsePublishTarget(application, name)).toMatch(sentence);
});

test("an application that leads nowhere is refused before the name is known", () => {
  expect(applicationProblem("vod")).toMatch(/must be "live".*rtmp:\/\/HOST\/live\/STREAM/);
  expect(applicationProblem("live/a/b")).toMatch(/too many segments/);
  expect(applicationProblem("live/-")).toMatch(/stream name is invalid/);
});
