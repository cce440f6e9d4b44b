import { createHmac } from "node:crypto";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { expect, test } from "vitest";
import { isSameBytes } from "../../kit/bytes.ts";
import { parseIceFragment, writeAnswer } from "./answer.ts";
import { negotiateOffer } from "./negotiate.ts";
import { parseStunCheck, verifyStunCheck, writeStunSuccess } from "./stun.ts";
import { makeTestCheck, makeTestOffer } from "./testing.ts";

/** Inputs of a run, a description or a check each; 1,000,000 for the heavy check. */
const INPUTS = Number(process.env["CORRAL_FUZZ_INPUTS"] ?? 8_000);

const generator = xoroshiro128plus(8_445);
const pick = (below: number): number => (generator.next() >>> 0) % below;
const hmac = (key: Uint8Array, bytes: Uint8Array): Uint8Array => createHmac("sha1", key).update(bytes).digest();

const OFFERS = [
  makeTestOffer(),
  makeTestOffer({ media: ["video", "application"] }),
  makeTestOffer({ media: ["audio"] }),
];
const PIECES = [
  "\r",
  "\n",
  "\r\n",
  "a=",
  "m=",
  "a=mid:",
  " ",
  ":",
  "9".repeat(40),
  "\u0000",
  "é",
  "a=extmap:99999 x",
  "/",
];
const LOCAL = {
  ice: { fragment: "localfragment", password: "localpasswordlocalpassword" },
  fingerprint: "AA",
  candidates: [{ address: "192.0.2.7", port: 8_189 }],
};
/** Every line of an answer is one that this side writes: nothing of the offer begins another. */
const ANSWER_LINE =
  /^(?:v=0|o=- 1 1 IN IP4 127\.0\.0\.1|s=-|t=0 0|c=IN IP4 0\.0\.0\.0|m=[a-z]+ [09] [A-Z/]+( [!-~]+)+|a=(?:group:BUNDLE|ice-lite|mid:[!-~]+|inactive|ice-ufrag:localfragment|ice-pwd:\w+|fingerprint:sha-256 AA|setup:(?:passive|active)|candidate:1 1 udp \d+ 192\.0\.2\.7 8189 typ host|end-of-candidates|rtcp-mux|rtcp-rsize|recvonly|(?:rtpmap|fmtp|rtcp-fb|extmap):\d+ [ -~]+)[ !-~]*|)$/;

function damage(text: string): string {
  let damaged = text;
  for (let change = pick(6); change > 0; change -= 1) {
    const at = pick(damaged.length);
    const cut = pick(3) === 0 ? pick(60) : 0;
    const piece = pick(3) === 0 ? String.fromCharCode(pick(256)) : (PIECES[pick(PIECES.length)] ?? "");
    damaged = damaged.slice(0, at) + piece + damaged.slice(at + cut);
  }
  return damaged;
}

test("no offer makes the negotiation throw, or its answer have foreign lines", { timeout: 30_000 + INPUTS }, () => {
  let agreed = 0;
  for (let input = INPUTS; input > 0; input -= 1) {
    const offer = damage(OFFERS[pick(OFFERS.length)] ?? "");
    const result = negotiateOffer(offer);
    parseIceFragment(offer);
    if (typeof result === "string") continue;
    agreed += 1;
    const foreign = writeAnswer(result, LOCAL, "1")
      .split("\r\n")
      .find((line) => !ANSWER_LINE.test(line));
    if (foreign !== undefined) throw new Error(`a foreign line: ${JSON.stringify(foreign)}`);
  }
  expect(agreed).toBeGreaterThan(INPUTS / 4);
});

test("no datagram makes the checks throw, and only signed ones are verified", { timeout: 30_000 + INPUTS }, () => {
  const valid = makeTestCheck("evtj:h6vY", "0123456789012345678901", hmac);
  let [read, verified] = [0, 0];
  for (let input = INPUTS; input > 0; input -= 1) {
    const bytes = pick(4) === 0 ? Uint8Array.from({ length: pick(200) }, () => pick(256)) : valid.slice();
    const changes = pick(5);
    for (let change = changes; change > 0 && bytes.byteLength > 0; change -= 1)
      bytes[pick(bytes.byteLength)] = pick(256);
    const check = parseStunCheck(bytes);
    if (check === null) continue;
    read += 1;
    if (!verifyStunCheck(check, "0123456789012345678901", hmac, isSameBytes)) continue;
    verified += 1;
    if (!isSameBytes(bytes, valid)) throw new Error("a changed check is verified");
    writeStunSuccess(check, { address: Uint8Array.of(1, 2, 3, 4), port: 5 }, "0123456789012345678901", hmac);
  }
  expect(read).toBeGreaterThan(verified);
  expect(verified).toBeGreaterThan(INPUTS / 20);
});
