import { expect, test } from "vitest";
import { parseIceFragment, writeAnswer, writeIceFragment } from "./answer.ts";
import { negotiateOffer, type WhipNegotiation } from "./negotiate.ts";
import { makeTestOffer, type TestOfferOptions } from "./testing.ts";

const LOCAL = {
  ice: { fragment: "localfragment", password: "localpasswordlocalpassword" },
  fingerprint: "AA:BB",
  candidates: [
    { address: "192.0.2.7", port: 8189 },
    { address: "2001:db8::7", port: 8189 },
  ],
};

function agreed(options: TestOfferOptions = {}): WhipNegotiation {
  const result = negotiateOffer(makeTestOffer(options));
  if (typeof result === "string") throw new Error(result);
  return result;
}

test("a browser's offer gets H.264 with retransmissions, and Opus", () => {
  const { plan, ice, fingerprint } = agreed();
  expect(plan).toEqual({
    video: { payloadType: 102, rtxPayloadType: 103, canRepair: true },
    audio: { payloadType: 111, redPayloadType: 63, canRepair: false },
    transportExtension: 3,
  });
  expect(ice.fragment).toBe("abcd");
  expect(fingerprint.algorithm).toBe("sha-256");
});

test("the answer receives only, sends no checks, and names the given candidates in order", () => {
  const lines = writeAnswer(agreed({ media: ["video", "application", "audio"] }), LOCAL, "42").split("\r\n");
  expect(lines.slice(0, 6)).toEqual([
    "v=0",
    "o=- 42 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0 2",
    "a=ice-lite",
  ]);
  expect(lines.filter((line) => line.startsWith("m="))).toEqual([
    "m=video 9 UDP/TLS/RTP/SAVPF 102 103",
    "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
    "m=audio 9 UDP/TLS/RTP/SAVPF 63 111",
  ]);
  expect(lines.filter((line) => line === "a=recvonly")).toHaveLength(2);
  expect(lines).toContain("a=setup:passive");
  expect(lines.find((line) => line.startsWith("a=fmtp:102"))).toMatch(
    /packetization-mode=1;profile-level-id=420034;x-google-start-bitrate=1000$/,
  );
  const candidates = lines.filter((line) => line.startsWith("a=candidate"));
  expect(candidates.slice(0, 2)).toEqual([
    "a=candidate:1 1 udp 2130706431 192.0.2.7 8189 typ host",
    "a=candidate:2 1 udp 2130706175 2001:db8::7 8189 typ host",
  ]);
});

test.each([
  ["no description", "hello", /no session description/],
  ["a description of too many lines", `v=0\r\n${"a=x\r\n".repeat(3_000)}`, /no session description/],
  ["neither H.264 nor Opus", makeTestOffer({ media: ["application"] }), /neither H\.264 nor Opus/],
  ["only receiving", makeTestOffer({ lines: ["a=sendonly", "a=recvonly:"] }), /neither H\.264 nor Opus/],
  ["no rtcp-mux", makeTestOffer({ lines: ["a=rtcp-mux"] }), /rtcp-mux/],
  ["no bundle", makeTestOffer().replace("BUNDLE 0 1", "BUNDLE 0"), /bundle/],
  ["no fingerprint", makeTestOffer({ lines: ["a=fingerprint"] }), /fingerprint/],
  ["a fingerprint of SHA-1", makeTestOffer({ lines: ["a=fingerprint:sha-1 AA:BB"] }), /fingerprint/],
  ["a short password", makeTestOffer({ lines: ["a=ice-pwd:short"] }), /ice-pwd/],
  ["a mid with a line break", makeTestOffer().replace("a=mid:0", "a=mid:0\ra=candidate:evil"), /bundle/],
  ["a mid with a space", makeTestOffer({ media: ["video"] }).replace("a=mid:0", "a=mid:0 1"), /mid/],
])("an offer with %s is refused with a sentence", (_what, offer, sentence) => {
  expect(negotiateOffer(offer)).toMatch(sentence);
});

test("one section needs no bundle, and a packetization mode of 0 is taken where there is no other", () => {
  const offer = makeTestOffer({ media: ["video"] })
    .replace(/a=group.*\r\n/, "")
    .replace("packetization-mode=1", "x=1");
  const result = negotiateOffer(offer);
  expect(result).toMatchObject({ plan: { audio: null, video: { payloadType: 102 } } });
});

test("a sender that waits for DTLS is called", () => {
  const negotiation = agreed({ lines: ["a=setup:passive"] });
  expect(negotiation.isDtlsClient).toBe(true);
  expect(writeAnswer(negotiation, LOCAL, "1")).toContain("a=setup:active\r\n");
});

test("credentials of the session hold for its sections", () => {
  const lines = ["a=ice-ufrag", "a=ice-pwd"];
  const session = ["a=ice-ufrag:wxyz", "a=ice-pwd:0123456789abcdefghijkl"];
  expect(agreed({ lines, session }).ice).toEqual({ fragment: "wxyz", password: "0123456789abcdefghijkl" });
});

test("a fragment names new credentials, and its answer those of this side", () => {
  expect(parseIceFragment("a=ice-ufrag:new1\r\na=ice-pwd:pw\r\nm=audio 9 X 0\r\na=mid:0\r\n")).toEqual({
    fragment: "new1",
    password: "pw",
  });
  expect(parseIceFragment("a=candidate:1 1 udp 1 evil.example 9 typ host\r\n")).toEqual({
    fragment: null,
    password: null,
  });
  expect(writeIceFragment(LOCAL, "0")).toMatch(/^a=ice-ufrag:localfragment\r\na=ice-pwd:/);
});
