/** One sender's media over RTP: datagrams become media events, and what the sender is to be told. Pure. */
import { concatBytes } from "../../kit/bytes.ts";
import { opusPacketSamples } from "../codecs/opus-config.ts";
import type { IngestEvent } from "../media-event.ts";
import { makeOpusHead } from "../mpegts/opus-track.ts";
import { NalTrackReader } from "../nal/nal-track-reader.ts";
import { H264Depacketizer, type RtpPicture } from "./h264-depacketizer.ts";
import { KeyframeRequests } from "./keyframe-requests.ts";
import { RTP_LIMITS } from "./limits.ts";
import { unwrapRedundancy } from "./redundancy.ts";
import { ReorderBuffer, type ReorderCounts, type ReorderedItem } from "./reorder-buffer.ts";
import {
  parseRtcp,
  type ReceptionReport,
  writeNack,
  writePictureLoss,
  writeReceiverReport,
  writeReferenceTime,
  writeTransportFeedback,
} from "./rtcp.ts";
import { parseRtpPacket, type RtpPacket, unwrapRetransmission } from "./rtp-packet.ts";
import { AUDIO_CLOCK, SessionClock, VIDEO_CLOCK } from "./session-clock.ts";
import { SourceReport } from "./source-report.ts";
import { TransportFeedback } from "./transport-feedback.ts";

/** What was agreed on, as payload types. */
export interface RtpSessionPlan {
  /** H.264; null: no picture. */
  readonly video: {
    readonly payloadType: number;
    /** Of retransmissions; null: they come as they were. */
    readonly rtxPayloadType: number | null;
    /** Whether the sender repeats what it is asked for. */
    readonly canRepair: boolean;
  } | null;
  /** Opus; null: no sound. */
  readonly audio: {
    readonly payloadType: number;
    /** Of packets that repeat frames; null: there are none. */
    readonly redPayloadType: number | null;
    readonly canRepair: boolean;
  } | null;
  /** Id of the header extension with transport-wide numbers; 0: none. */
  readonly transportExtension: number;
}

/** Statistics since the session began. */
export interface RtpStatistics extends ReorderCounts {
  readonly receivedBytes: number;
  readonly roundTripMs: number | null;
}

/** A received source: its packets in order, and what is reported of it. */
interface Source {
  readonly report: SourceReport;
  readonly buffer: ReorderBuffer;
}

/** See the file's first line. Times are milliseconds that never go back. Nothing throws, whatever comes. */
export class RtpMediaReceiver {
  readonly #plan: RtpSessionPlan;
  readonly #ssrc: number;
  #video: Source | null = null;
  #audio: Source | null = null;
  /** Counts of sources that were replaced. */
  #past: ReorderCounts = { received: 0, missing: 0, repaired: 0, lost: 0 };
  readonly #pictures = new H264Depacketizer();
  readonly #nal = new NalTrackReader({ track: 0, codec: "h264", timescale: VIDEO_CLOCK, isReplacing: true });
  readonly #keyframes = new KeyframeRequests();
  readonly #clock = new SessionClock();
  readonly #feedback = new TransportFeedback();
  #hasOpusHead = false;
  #receivedBytes = 0;
  #roundTripMs: number | null = null;
  #reportedMs = Number.NEGATIVE_INFINITY;
  #feedbackMs = Number.NEGATIVE_INFINITY;

  /** `ssrc`: the source of this side's reports. */
  constructor(plan: RtpSessionPlan, ssrc: number) {
    this.#plan = plan;
    this.#ssrc = ssrc;
  }

  get statistics(): RtpStatistics {
    const all = [this.#past, this.#video?.buffer.counts, this.#audio?.buffer.counts];
    const sum = (name: keyof ReorderCounts): number => all.reduce((total, counts) => total + (counts?.[name] ?? 0), 0);
    return {
      receivedBytes: this.#receivedBytes,
      roundTripMs: this.#roundTripMs,
      received: sum("received"),
      missing: sum("missing"),
      repaired: sum("repaired"),
      lost: sum("lost"),
    };
  }

  /** The events that an RTP datagram completes. */
  receiveRtp(bytes: Uint8Array, nowMs: number): IngestEvent[] {
    const packet =
      bytes.byteLength > RTP_LIMITS.packetBytes ? null : parseRtpPacket(bytes, this.#plan.transportExtension);
    if (packet === null) return [];
    this.#receivedBytes += bytes.byteLength;
    if (packet.transportSequence !== null) this.#feedback.observe(packet.transportSequence, nowMs);
    const { video, audio } = this.#plan;
    if (packet.payloadType === video?.payloadType) this.#receive(this.#videoSource(packet.ssrc), packet, nowMs);
    else if (packet.payloadType === audio?.payloadType) this.#receive(this.#audioSource(packet.ssrc), packet, nowMs);
    else if (audio !== null && packet.payloadType === audio.redPayloadType) {
      const source = this.#audioSource(packet.ssrc);
      source.report.observe(packet, nowMs);
      for (const each of unwrapRedundancy(packet, audio.payloadType)) source.buffer.push(each, nowMs);
    } else if (this.#video !== null && video !== null && packet.payloadType === video.rtxPayloadType) {
      const { ssrc } = this.#video.report;
      const original = unwrapRetransmission(packet, { payloadType: video.payloadType, ssrc });
      if (original !== null) this.#video.buffer.push(original, nowMs);
    } else return [];
    return this.#release(nowMs);
  }

  /** Takes an RTCP datagram. A sender's BYE ends nothing: browsers say it of a source that they begin anew. */
  receiveRtcp(bytes: Uint8Array, nowMs: number): void {
    for (const report of parseRtcp(bytes)) {
      if (report.kind === "last-reference") {
        const roundTrip = (ntpMiddleOf(nowMs) - report.reference - report.delay) | 0;
        if (report.reference !== 0 && roundTrip >= 0) this.#roundTripMs = (roundTrip * 1_000) / 65_536;
        continue;
      }
      const source = [this.#video, this.#audio].find((each) => each?.report.ssrc === report.ssrc);
      source?.report.observeReport(report, nowMs);
    }
  }

  /** Does what is due: to be called about every 10 ms. `rtcp`: a datagram to send, or null. */
  tick(nowMs: number): { readonly events: readonly IngestEvent[]; readonly rtcp: Uint8Array | null } {
    const events = this.#release(nowMs);
    const packets: Uint8Array[] = [];
    const { video, audio } = this.#plan;
    if (video?.canRepair === true) this.#askAgain(this.#video, nowMs, packets);
    if (audio?.canRepair === true) this.#askAgain(this.#audio, nowMs, packets);
    const doubtMs = Math.max(RTP_LIMITS.doubtMs, 2.5 * (this.#roundTripMs ?? 0));
    if (this.#video !== null && this.#keyframes.take(nowMs, this.#video.buffer.waitingMs(nowMs) >= doubtMs))
      packets.push(writePictureLoss(this.#ssrc, this.#video.report.ssrc));
    if (nowMs - this.#feedbackMs >= RTP_LIMITS.feedbackMs) {
      this.#feedbackMs = nowMs;
      const body = this.#feedback.take();
      const media = (this.#video ?? this.#audio)?.report.ssrc ?? 0;
      if (body !== null) packets.push(writeTransportFeedback(this.#ssrc, media, body));
    }
    const reports = this.#takeReports(nowMs);
    if (reports.length > 0) packets.push(writeReferenceTime(this.#ssrc, ntpMiddleOf(nowMs)));
    if (packets.length === 0) return { events, rtcp: null };
    // "The first RTCP packet in the compound packet MUST always be a report packet".
    return { events, rtcp: concatBytes([writeReceiverReport(this.#ssrc, reports), ...packets]) };
  }

  #askAgain(source: Source | null, nowMs: number, packets: Uint8Array[]): void {
    const due = source?.buffer.takeRequests(nowMs, this.#roundTripMs) ?? [];
    if (source !== null && due.length > 0) packets.push(writeNack(this.#ssrc, source.report.ssrc, due));
  }

  #takeReports(nowMs: number): ReceptionReport[] {
    if (nowMs - this.#reportedMs < RTP_LIMITS.reportMs) return [];
    const sources = [this.#video, this.#audio].filter((source) => source !== null);
    if (sources.length > 0) this.#reportedMs = nowMs;
    return sources.map(({ report }) => report.take(nowMs));
  }

  #receive({ report, buffer }: Source, packet: RtpPacket, nowMs: number): void {
    report.observe(packet, nowMs);
    buffer.push(packet, nowMs);
  }

  /** Another source is a sender that has begun anew. */
  #videoSource(ssrc: number): Source {
    if (this.#video?.report.ssrc === ssrc) return this.#video;
    this.#retire(this.#video, "video");
    this.#pictures.reset();
    this.#keyframes.need();
    this.#video = createSource(ssrc, VIDEO_CLOCK, RTP_LIMITS.videoRepairMs);
    return this.#video;
  }

  #audioSource(ssrc: number): Source {
    if (this.#audio?.report.ssrc === ssrc) return this.#audio;
    this.#retire(this.#audio, "audio");
    this.#audio = createSource(ssrc, AUDIO_CLOCK, RTP_LIMITS.audioRepairMs);
    return this.#audio;
  }

  #retire(source: Source | null, media: "audio" | "video"): void {
    if (source === null) return;
    this.#clock.restart(media);
    const { received, missing, repaired, lost } = source.buffer.counts;
    this.#past = {
      received: this.#past.received + received,
      missing: this.#past.missing + missing,
      repaired: this.#past.repaired + repaired,
      lost: this.#past.lost + lost,
    };
  }

  #release(nowMs: number): IngestEvent[] {
    const sound = this.#audio?.buffer.release(nowMs) ?? [];
    const picture = this.#video?.buffer.release(nowMs) ?? [];
    return [
      ...sound.flatMap((item) => (item.kind === "packet" ? this.#readSound(item.packet, nowMs) : [])),
      ...picture.flatMap((item) => this.#readPicture(item, nowMs)),
    ];
  }

  #readSound({ payload, timestamp }: RtpPacket, nowMs: number): IngestEvent[] {
    if (opusPacketSamples(payload) === null) return [];
    const events: IngestEvent[] = [];
    const record = this.#hasOpusHead ? null : makeOpusHead(2);
    if (record !== null) {
      this.#hasOpusHead = true;
      events.push({ kind: "config", track: 0, media: "audio", codec: "opus", timescale: AUDIO_CLOCK, record });
    }
    const dts = this.#clock.audioTime(timestamp, nowMs);
    const frame = { kind: "frame", track: 0, media: "audio", dts, ctsOffset: 0, sync: true } as const;
    events.push({ ...frame, data: payload.slice() });
    return events;
  }

  #readPicture(item: ReorderedItem, nowMs: number): IngestEvent[] {
    if (item.kind === "gap") {
      this.#pictures.reset();
      this.#keyframes.need();
      return [];
    }
    return this.#pictures.push(item.packet).flatMap((step) => {
      if (step === "broken") this.#keyframes.need();
      return typeof step === "string" ? [] : this.#emitPicture(step, nowMs);
    });
  }

  /** Pictures that refer to missing ones are left out until the next keyframe. */
  #emitPicture({ timestamp, units }: RtpPicture, nowMs: number): IngestEvent[] {
    const audio = this.#audio?.report.clockPoint ?? null;
    const video = this.#video?.report.clockPoint ?? null;
    const dts = this.#clock.videoTime(timestamp, nowMs, audio, video);
    return this.#nal.read(units, { dts, ctsOffset: 0 }).filter((event) => {
      if (event.kind !== "frame") return true;
      if (event.sync) this.#keyframes.observeKeyframe(nowMs);
      return !this.#keyframes.isNeeded;
    });
  }
}

function createSource(ssrc: number, clockRate: number, repairMs: number): Source {
  return { report: new SourceReport(ssrc, clockRate), buffer: new ReorderBuffer(repairMs) };
}

/** The middle 32 bits of a clock in NTP's format. Only differences matter. */
function ntpMiddleOf(nowMs: number): number {
  return Math.floor((nowMs * 65_536) / 1_000) % 2 ** 32;
}
