/** The answer to an offer of WHIP, and to a fragment that restarts ICE (RFC 8840). */
import type { AnsweredSection, IceCredentials, WhipNegotiation } from "./negotiate.ts";
import { pushAttribute } from "./session-description.ts";

/** What this side tells of itself. */
export interface LocalDescription {
  readonly ice: IceCredentials;
  /** SHA-256 of the certificate as pairs of hexadecimal digits with colons. */
  readonly fingerprint: string;
  /** Addresses that media may be sent to, the preferred one first. */
  readonly candidates: readonly { readonly address: string; readonly port: number }[];
}

/** Priorities (RFC 8445 §5.1.2.1) of host candidates: 126, and a preference by order. */
const HOST_PRIORITY = 126 * 2 ** 24 + 255;
const LOCAL_PREFERENCE = 65_535;

/** The answer. `sessionId`: decimal digits. */
export function writeAnswer(
  { sections, isDtlsClient }: WhipNegotiation,
  { ice, fingerprint, candidates }: LocalDescription,
  sessionId: string,
): string {
  const mids = sections.filter(({ accepted }) => accepted !== null).map(({ mid }) => mid);
  const transport = [
    `a=ice-ufrag:${ice.fragment}`,
    `a=ice-pwd:${ice.password}`,
    `a=fingerprint:sha-256 ${fingerprint}`,
    `a=setup:${isDtlsClient ? "active" : "passive"}`,
    ...candidateLines(candidates),
  ];
  const lines = [
    "v=0",
    `o=- ${sessionId} 1 IN IP4 127.0.0.1`,
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${mids.join(" ")}`,
    // This side sends no checks, so nobody's addresses are probed.
    "a=ice-lite",
    ...sections.flatMap((section) => sectionLines(section, transport)),
  ];
  return `${lines.join("\r\n")}\r\n`;
}

function sectionLines(
  { media, protocol, mid, accepted, format }: AnsweredSection,
  transport: readonly string[],
): string[] {
  if (accepted === null)
    return [`m=${media} 0 ${protocol} ${format}`, "c=IN IP4 0.0.0.0", `a=mid:${mid}`, "a=inactive"];
  return [
    `m=${media} 9 ${protocol} ${accepted.payloadTypes.join(" ")}`,
    "c=IN IP4 0.0.0.0",
    `a=mid:${mid}`,
    ...transport,
    "a=rtcp-mux",
    "a=rtcp-rsize",
    "a=recvonly",
    ...accepted.lines,
  ];
}

function candidateLines(candidates: LocalDescription["candidates"]): string[] {
  const lines = candidates.map(({ address, port }, i) => {
    const priority = HOST_PRIORITY + (LOCAL_PREFERENCE - i) * 256;
    return `a=candidate:${i + 1} 1 udp ${priority} ${address} ${port} typ host`;
  });
  return [...lines, "a=end-of-candidates"];
}

/** The fragment and password that a `PATCH` names (RFC 9725 §4.3); null values: it names none. */
export function parseIceFragment(text: string): { readonly fragment: string | null; readonly password: string | null } {
  const attributes = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/, 512)) pushAttribute(attributes, line);
  return { fragment: attributes.get("ice-ufrag")?.[0] ?? null, password: attributes.get("ice-pwd")?.[0] ?? null };
}

/** The fragment that answers a restart. */
export function writeIceFragment({ ice, candidates }: LocalDescription, mid: string): string {
  const lines = [
    `a=ice-ufrag:${ice.fragment}`,
    `a=ice-pwd:${ice.password}`,
    "m=audio 9 UDP/TLS/RTP/SAVPF 0",
    `a=mid:${mid}`,
    ...candidateLines(candidates),
  ];
  return `${lines.join("\r\n")}\r\n`;
}
