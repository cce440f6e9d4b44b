/** A sender by SRT: from the proven handshake on, through the node's decision, to the end of its connection. */
import { formatStreamKey } from "../../core/access/stream-key.ts";
import type { TransportSample } from "../../core/ingest/health/link-meter.ts";
import { TransportDemuxer } from "../../core/ingest/mpegts/demuxer.ts";
import { SrtConnection, type SrtEnd, type SrtRelease } from "../../core/ingest/srt/connection.ts";
import type { SrtPeer } from "../../core/ingest/srt/cookie.ts";
import {
  encodeAcceptance,
  encodeRefusal,
  negotiateLatency,
  type SrtConclusion,
} from "../../core/ingest/srt/handshake-responder.ts";
import type { PayloadDecryptor } from "../../core/ingest/srt/key-material.ts";
import type { SrtPacket } from "../../core/ingest/srt/packet.ts";
import { SRT_REJECT, type SrtRejectReason } from "../../core/ingest/srt/reject-reasons.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { RefusalReason, SenderConnection, SenderEnd, SenderHandlers } from "./sender-connection.ts";

/** What a caller is told for each reason of the node. */
const REJECT_REASONS: Readonly<Record<RefusalReason, SrtRejectReason>> = {
  key: SRT_REJECT.forbidden,
  "in-use": SRT_REJECT.conflict,
  overload: SRT_REJECT.overload,
  throttled: SRT_REJECT.overload,
};

/** A proven caller and what its connection needs. */
export interface SrtSenderOptions {
  readonly conclusion: SrtConclusion;
  readonly peer: SrtPeer;
  readonly socketId: number;
  readonly passphrase: string;
  /** Holds the keys of the conclusion. */
  readonly decryptor: PayloadDecryptor;
  /** Arrival of the conclusion, microseconds of the monotonic clock. */
  readonly arrivalUs: number;
  readonly latencyMs: number;
  readonly release: SrtRelease;
  readonly nowUs: () => number;
  readonly send: (packet: Uint8Array) => void;
  /** Called once, when the sender is refused, with the packet that said so, or its connection has ended. */
  readonly onGone: (refusal: Uint8Array | null) => void;
}

/** Before the node's decision nothing is received; afterwards a connection, then nothing again. */
export class SrtSender implements SenderConnection {
  readonly protocol = "srt";
  readonly remoteAddress: string;
  readonly stream: StreamName;
  readonly key: string;
  readonly #options: SrtSenderOptions;
  readonly #demuxer = new TransportDemuxer();
  #connection: SrtConnection | null = null;
  #latencyMs = 0;
  #handlers: SenderHandlers | null = null;
  #isDecided = false;
  #isGone = false;
  /** The answer to the conclusion, for callers that missed it. */
  #answer: Uint8Array | null = null;

  constructor(options: SrtSenderOptions) {
    const { conclusion, peer, passphrase } = options;
    this.#options = options;
    this.remoteAddress = peer.address;
    this.stream = conclusion.stream;
    this.key = formatStreamKey(conclusion.keyId, passphrase);
  }

  /** The connection, while it is open. */
  get connection(): SrtConnection | null {
    return this.#isGone ? null : this.#connection;
  }

  accept(handlers: SenderHandlers): void {
    if (this.#isDecided) {
      // Refused meanwhile, for the caller has given up.
      if (this.#handlers === null) handlers.onEnd({ kind: "lost", detail: "the sender waited too long for an answer" });
      return;
    }
    this.#isDecided = true;
    this.#handlers = handlers;
    const { conclusion, socketId, arrivalUs, decryptor, release, send, latencyMs } = this.#options;
    const latency = negotiateLatency(conclusion, latencyMs);
    this.#latencyMs = latency.receiverMs;
    this.#connection = new SrtConnection({
      callerSocketId: conclusion.callerSocketId,
      initialSequence: conclusion.initialSequence,
      handshakeUs: conclusion.timestampUs,
      arrivalUs,
      latencyMs: latency.receiverMs,
      release,
      decryptor,
      send,
      deliver: (payload) => this.#deliver(payload),
      onEnd: (end) => this.#end(end),
    });
    this.#answer = encodeAcceptance(conclusion, socketId, latency);
    send(this.#answer);
  }

  /** SRT has no text for a refusal: the caller gets a reason by number. */
  refuse(_sentence: string, reason: RefusalReason = "key"): void {
    this.refuseWith(REJECT_REASONS[reason]);
  }

  /** Refuses with a reason of the protocol, if nothing is decided yet. */
  refuseWith(reason: SrtRejectReason): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#answer = encodeRefusal(this.#options.conclusion.callerSocketId, reason);
    this.#options.send(this.#answer);
    this.#leave(this.#answer);
  }

  close(_sentence: string): void {
    this.#connection?.close(this.#options.nowUs());
  }

  statistics(): TransportSample {
    const statistics = this.#connection?.statistics;
    if (statistics === undefined) return { receivedBytes: 0, roundTripMs: null, packets: null };
    const { receivedBytes, roundTripMs, received, missing, repaired, lost } = statistics;
    const packets = { received, missing, repaired, lost };
    return { receivedBytes, roundTripMs, latencyMs: this.#latencyMs, packets };
  }

  /** Sends the answer again to a caller that repeats its conclusion. */
  repeatAnswer(): void {
    if (this.#answer !== null) this.#options.send(this.#answer);
  }

  /** Takes a packet. What a handler throws ends this connection only. */
  receive(packet: SrtPacket): void {
    this.#guard((connection, nowUs) => connection.receive(packet, nowUs));
  }

  /** For this time the process has read nothing. */
  postpone(pauseMs: number): void {
    this.connection?.postpone(pauseMs * 1_000);
  }

  /** Does what is due. */
  tick(): void {
    this.#guard((connection, nowUs) => connection.tick(nowUs));
  }

  #guard(work: (connection: SrtConnection, nowUs: number) => void): void {
    const { connection } = this;
    if (connection === null) return;
    const nowUs = this.#options.nowUs();
    try {
      work(connection, nowUs);
    } catch (error) {
      this.#finish({ kind: "invalid", detail: error instanceof Error ? error.message : String(error) });
      connection.close(nowUs);
    }
  }

  #deliver(payload: Uint8Array): void {
    for (const event of this.#demuxer.push(payload)) {
      if (this.#isGone) return;
      this.#handlers?.onEvent(event);
    }
  }

  #end(end: SrtEnd): void {
    if (end === "closed") {
      this.#finish({ kind: "closed" });
      return;
    }
    for (const event of this.#demuxer.end()) if (!this.#isGone) this.#handlers?.onEvent(event);
    this.#finish(end === "shutdown" ? { kind: "goodbye" } : { kind: "lost", detail: "nothing came for 10 s" });
  }

  #finish(end: SenderEnd): void {
    if (this.#isGone) return;
    this.#leave(null);
    this.#handlers?.onEnd(end);
  }

  #leave(refusal: Uint8Array | null): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#options.onGone(refusal);
  }
}
