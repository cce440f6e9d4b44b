/** Offers and checks for tests. */
import { concatBytes } from "../../kit/bytes.ts";
import type { HmacSha1 } from "./stun.ts";

const FINGERPRINT = Array.from({ length: 32 }, (_, i) => (i * 7 + 16).toString(16).toUpperCase()).join(":");

/** What of a test's offer differs from a browser's. */
export interface TestOfferOptions {
  /** Lines of the session, after its first ones. */
  readonly session?: readonly string[];
  /** Lines of each section that replace those with the same beginning, or follow. */
  readonly lines?: readonly string[];
  readonly media?: readonly ("video" | "audio" | "application")[];
}

const SECTIONS = {
  video: [
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 105",
    "a=rtpmap:96 VP8/90000",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=rtpmap:102 H264/90000",
    "a=rtcp-fb:102 goog-remb",
    "a=rtcp-fb:102 transport-cc",
    "a=rtcp-fb:102 ccm fir",
    "a=rtcp-fb:102 nack",
    "a=rtcp-fb:102 nack pli",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
    "a=rtpmap:103 rtx/90000",
    "a=fmtp:103 apt=102",
    "a=rtpmap:104 H264/90000",
    "a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f",
    "a=rtpmap:105 rtx/90000",
    "a=fmtp:105 apt=104",
  ],
  audio: [
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
    "a=rtpmap:111 opus/48000/2",
    "a=rtcp-fb:111 transport-cc",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:63 red/48000/2",
    "a=fmtp:63 111/111",
  ],
  application: ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000"],
} as const;

/** An offer as Chromium writes it, shortened. */
export function makeTestOffer({ session = [], lines = [], media = ["audio", "video"] }: TestOfferOptions = {}): string {
  const sections = media.flatMap((kind, mid) => {
    const own = [
      ...SECTIONS[kind],
      "c=IN IP4 0.0.0.0",
      `a=mid:${mid}`,
      "a=ice-ufrag:abcd",
      "a=ice-pwd:0123456789abcdefghijkl",
      `a=fingerprint:sha-256 ${FINGERPRINT}`,
      "a=setup:actpass",
      "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
      "a=sendonly",
      "a=rtcp-mux",
    ];
    const replaced = lines.map((line) => line.replace(/[: ].*$/, ""));
    const kept = own.filter((line) => !replaced.some((start) => line.replace(/[: ].*$/, "") === start));
    return [...kept, ...lines.filter((line) => /[: ]/.test(line))];
  });
  const mids = media.map((_, mid) => mid).join(" ");
  const head = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", `a=group:BUNDLE ${mids}`];
  return `${[...head, ...session, ...sections].join("\r\n")}\r\n`;
}

/** A connectivity check with `username`, signed with `password`. */
export function makeTestCheck(username: string, password: string, hmac: HmacSha1, isNominating = true): Uint8Array {
  const text = new TextEncoder();
  const attribute = (type: number, value: Uint8Array): Uint8Array =>
    concatBytes([
      Uint8Array.of(type >> 8, type & 255, value.byteLength >> 8, value.byteLength & 255),
      value,
      new Uint8Array(-value.byteLength & 3),
    ]);
  const head = Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  const body = concatBytes([
    head,
    attribute(0x0006, text.encode(username)),
    attribute(0x0024, Uint8Array.of(1, 2, 3, 4)),
    ...(isNominating ? [attribute(0x0025, new Uint8Array(0))] : []),
  ]);
  new DataView(body.buffer).setUint16(2, body.byteLength + 24 - 20);
  const code = hmac(text.encode(password), body);
  return concatBytes([body, attribute(0x0008, code)]);
}
