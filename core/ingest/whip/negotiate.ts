/** What an offer of WHIP asks for, and what of it is taken: one picture in H.264 and one sound in Opus, received only. */
import type { RtpSessionPlan } from "../rtp/media-receiver.ts";
import { WHIP_LIMITS } from "./limits.ts";
import { type ParsedOffer, parseOffer, type SdpAttributes, type SdpSection } from "./session-description.ts";

/** A media section's part of the answer. */
export interface AnsweredSection {
  readonly media: string;
  readonly protocol: string;
  readonly mid: string;
  /** Null: rejected; the format is repeated as the grammar needs one. */
  readonly accepted: { readonly payloadTypes: readonly number[]; readonly lines: readonly string[] } | null;
  readonly format: string;
}

/** What was agreed on. */
export interface WhipNegotiation {
  readonly plan: RtpSessionPlan;
  readonly sections: readonly AnsweredSection[];
  /** The sender's certificate: algorithm like `sha-256`, and its digest as pairs of hexadecimal digits. */
  readonly fingerprint: { readonly algorithm: string; readonly digest: string };
  readonly ice: IceCredentials;
  /** Whether this side begins DTLS: the sender waits for it, as FFmpeg does. */
  readonly isDtlsClient: boolean;
}

/** Fragment and password of one side of ICE. */
export interface IceCredentials {
  readonly fragment: string;
  readonly password: string;
}

const TRANSPORT_EXTENSION = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const FINGERPRINT = /^(sha-256|sha-384|sha-512) ((?:[0-9A-Fa-f]{2}:){31,63}[0-9A-Fa-f]{2})$/;
const ICE_TOKEN = /^[A-Za-z0-9+/]{4,256}$/;
const TOKEN = /^[!-~]{1,64}$/;
/** Kilobits a second with which Chromium begins, in place of 300, at which it would send a small picture. */
const START_KILOBITS = 1_000;
/** H.264 level 5.2: what a receiver of any picture names. */
const RECEIVED_LEVEL = "34";

/** The agreement, or a sentence that says why the offer is refused. */
export function negotiateOffer(text: string): WhipNegotiation | string {
  const offer = parseOffer(text);
  if (offer === null) return "The body is no session description.";
  const chosen = { video: chooseSection(offer, "video"), audio: chooseSection(offer, "audio") };
  const leading = chosen.video ?? chosen.audio;
  if (leading === null) return "The offer sends neither H.264 nor Opus.";
  const ice = readIceCredentials(leading.section.attributes, offer.attributes);
  const fingerprint = readFingerprint(leading.section.attributes, offer.attributes);
  if (ice === null || fingerprint === null) return "The offer lacks ice-ufrag, ice-pwd, or a fingerprint of SHA-256.";
  const unbundled = findUnbundled(offer, [chosen.video, chosen.audio]);
  if (unbundled !== null) return unbundled;
  const sections = offer.sections.map((section, index) => answerSection(section, index, [chosen.video, chosen.audio]));
  if (sections.some((section) => section === null)) return "A media section has an invalid mid.";
  return {
    sections: sections.filter((section) => section !== null),
    plan: {
      video: chosen.video && {
        payloadType: chosen.video.payloadType,
        rtxPayloadType: chosen.video.rtx,
        canRepair: chosen.video.feedback.includes("nack"),
      },
      audio: chosen.audio && {
        payloadType: chosen.audio.payloadType,
        redPayloadType: chosen.audio.red,
        canRepair: chosen.audio.feedback.includes("nack"),
      },
      transportExtension: Math.max(chosen.video?.transportExtension ?? 0, chosen.audio?.transportExtension ?? 0),
    },
    fingerprint,
    ice,
    isDtlsClient: firstValue("setup", leading.section.attributes, offer.attributes) === "passive",
  };
}

/** A section that is taken, with its codec. */
interface ChosenSection {
  readonly section: SdpSection;
  readonly payloadType: number;
  readonly codec: string;
  readonly parameters: string;
  /** Payload types of retransmissions, and of packets that repeat frames. */
  readonly rtx: number | null;
  readonly red: number | null;
  readonly feedback: readonly string[];
  readonly transportExtension: number;
}

/** The first section of a kind that sends a codec which is taken. */
function chooseSection(offer: ParsedOffer, media: "video" | "audio"): ChosenSection | null {
  for (const section of offer.sections) {
    const isSending = !["recvonly", "inactive"].some((name) => section.attributes.has(name));
    if (section.media !== media || !section.protocol.endsWith("/SAVPF") || !isSending) continue;
    const chosen = media === "video" ? chooseH264(section) : chooseOpus(section);
    if (chosen !== null) return chosen;
  }
  return null;
}

function chooseH264(section: SdpSection): ChosenSection | null {
  const codecs = readFormats(section).filter(({ codec }) => /^h264\/90000$/i.test(codec));
  const mode = ({ parameters }: SdpFormat): string => /packetization-mode=(\d)/.exec(parameters)?.[1] ?? "0";
  const format = codecs.find((each) => mode(each) === "1") ?? codecs.find((each) => mode(each) === "0");
  if (format === undefined) return null;
  const repair = readFormats(section).find(
    ({ codec, parameters }) =>
      /^rtx\/90000$/i.test(codec) && /(?:^|;)\s*apt=(\d+)/.exec(parameters)?.[1] === String(format.payloadType),
  );
  return { ...format, ...commonOf(section, format), rtx: repair?.payloadType ?? null, red: null };
}

function chooseOpus(section: SdpSection): ChosenSection | null {
  const format = readFormats(section).find(({ codec }) => /^opus\/48000\/2$/i.test(codec));
  if (format === undefined) return null;
  const repeats = new RegExp(`^${format.payloadType}(/${format.payloadType}){1,4}$`);
  const red = readFormats(section).find(
    ({ codec, parameters }) => /^red\/48000\/2$/i.test(codec) && repeats.test(parameters),
  );
  return { ...format, ...commonOf(section, format), rtx: null, red: red?.payloadType ?? null };
}

interface SdpFormat {
  readonly payloadType: number;
  readonly codec: string;
  readonly parameters: string;
}

/** Formats in the order of the sender's preference. */
function readFormats({ formats, attributes }: SdpSection): SdpFormat[] {
  const valueFor = (name: string, format: string): string =>
    attributes
      .get(name)
      ?.find((value) => value.startsWith(`${format} `))
      ?.slice(format.length + 1) ?? "";
  return formats
    .filter((format) => /^\d{1,3}$/.test(format) && Number(format) < 128)
    .map((format) => ({
      payloadType: Number(format),
      codec: valueFor("rtpmap", format),
      parameters: valueFor("fmtp", format),
    }));
}

/** What every chosen section has. */
function commonOf(
  section: SdpSection,
  { payloadType }: SdpFormat,
): Pick<ChosenSection, "section" | "feedback" | "transportExtension"> {
  const feedback = (section.attributes.get("rtcp-fb") ?? []).flatMap((value) => {
    const [, format, what = ""] = /^(\d{1,3}|\*) (.{1,64})$/.exec(value) ?? [];
    return format === "*" || format === String(payloadType) ? [what] : [];
  });
  const extension = section.attributes
    .get("extmap")
    ?.map((value) => /^(\d{1,3})(?:\/\S+)? (\S+)/.exec(value))
    .find((match) => match?.[2] === TRANSPORT_EXTENSION)?.[1];
  const isUsable = extension !== undefined && Number(extension) > 0 && feedback.includes("transport-cc");
  return { section, feedback, transportExtension: isUsable ? Number(extension) : 0 };
}

/** RFC 9725 §4.4.1: all media of a session are in one bundle, and RTCP is multiplexed. */
function findUnbundled(offer: ParsedOffer, chosen: readonly (ChosenSection | null)[]): string | null {
  const taken = chosen.filter((each) => each !== null);
  if (taken.some(({ section }) => !section.attributes.has("rtcp-mux")))
    return "The offer must multiplex RTCP (rtcp-mux).";
  const bundles = (offer.attributes.get("group") ?? []).map((group) => group.split(" "));
  const isBundled = bundles.some(
    ([kind, ...mids]) => kind === "BUNDLE" && taken.every(({ section }) => mids.includes(midOf(section) ?? "")),
  );
  return taken.length < 2 || isBundled ? null : "The offer must bundle its media (group:BUNDLE).";
}

const midOf = ({ attributes }: SdpSection): string | undefined => attributes.get("mid")?.[0];

function answerSection(
  section: SdpSection,
  index: number,
  chosen: readonly (ChosenSection | null)[],
): AnsweredSection | null {
  const mid = midOf(section) ?? String(index);
  if (!TOKEN.test(mid)) return null;
  const { media, protocol } = section;
  const own = chosen.find((each) => each?.section === section) ?? null;
  const format = section.formats[0] ?? "0";
  if (own === null) return { media, protocol, mid, accepted: null, format };
  // The first one is what the sender prefers: sound that repeats itself.
  const payloadTypes = [own.red, own.payloadType, own.rtx].filter((each) => each !== null);
  return { media, protocol, mid, accepted: { payloadTypes, lines: describeCodec(own) }, format };
}

/** The lines of a section that say what is received. */
function describeCodec({
  payloadType,
  codec,
  parameters,
  rtx,
  red,
  feedback,
  transportExtension,
  section,
}: ChosenSection): string[] {
  const known = ["nack", "nack pli", "ccm fir", "transport-cc"];
  return [
    `a=rtpmap:${payloadType} ${codec}`,
    `a=fmtp:${payloadType} ${section.media === "video" ? answerH264(parameters) : "minptime=10;useinbandfec=1;stereo=1"}`,
    ...feedback.filter((what) => known.includes(what)).map((what) => `a=rtcp-fb:${payloadType} ${what}`),
    ...(red === null ? [] : [`a=rtpmap:${red} red/48000/2`, `a=fmtp:${red} ${payloadType}/${payloadType}`]),
    ...(rtx === null ? [] : [`a=rtpmap:${rtx} rtx/90000`, `a=fmtp:${rtx} apt=${payloadType}`]),
    ...(transportExtension === 0 ? [] : [`a=extmap:${transportExtension} ${TRANSPORT_EXTENSION}`]),
  ];
}

/** The sender's profile; where levels may differ, any level is received. */
function answerH264(parameters: string): string {
  const profile = /profile-level-id=([0-9A-Fa-f]{6})/.exec(parameters)?.[1] ?? "42e01f";
  const mode = /packetization-mode=1/.test(parameters) ? 1 : 0;
  const isAsymmetric = /level-asymmetry-allowed=1/.test(parameters);
  const level = isAsymmetric ? `${profile.slice(0, 4)}${RECEIVED_LEVEL}` : profile;
  const common = `packetization-mode=${mode};profile-level-id=${level.toLowerCase()}`;
  return `level-asymmetry-allowed=${isAsymmetric ? 1 : 0};${common};x-google-start-bitrate=${START_KILOBITS}`;
}

/** The credentials of a section, or those of the session; null if there are none. */
function readIceCredentials(section: SdpAttributes, session: SdpAttributes): IceCredentials | null {
  const [fragment, password] = [firstValue("ice-ufrag", section, session), firstValue("ice-pwd", section, session)];
  const isValid = [fragment, password].every((each) => each !== undefined && ICE_TOKEN.test(each));
  if (!isValid || fragment === undefined || password === undefined) return null;
  return password.length >= 22 && fragment.length <= WHIP_LIMITS.tokenCharacters ? { fragment, password } : null;
}

function readFingerprint(section: SdpAttributes, session: SdpAttributes): WhipNegotiation["fingerprint"] | null {
  const values = section.get("fingerprint") ?? session.get("fingerprint") ?? [];
  for (const value of values) {
    const [, algorithm, digest] = FINGERPRINT.exec(value.replace(/^SHA/, "sha")) ?? [];
    if (algorithm !== undefined && digest !== undefined) return { algorithm, digest: digest.toUpperCase() };
  }
  return null;
}

const firstValue = (name: string, section: SdpAttributes, session: SdpAttributes): string | undefined =>
  (section.get(name) ?? session.get(name))?.[0];
