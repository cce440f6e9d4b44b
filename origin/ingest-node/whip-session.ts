/** A sender by WHIP: from its offer, through the node's decision, to the end of its media. */
import type { ProblemName } from "../../core/api/problem-names.ts";
import { createProblem, type ProblemDocument } from "../../core/api/problems.ts";
import type { TransportSample } from "../../core/ingest/health/link-meter.ts";
import { RtpMediaReceiver } from "../../core/ingest/rtp/media-receiver.ts";
import type { IceCredentials, WhipNegotiation } from "../../core/ingest/whip/negotiate.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { RefusalReason, SenderConnection, SenderEnd, SenderHandlers } from "./sender-connection.ts";
import { WHIP_LISTENER_LIMITS } from "./whip-limits.ts";
import { type WhipCertificate, WhipTransport } from "./whip-transport.ts";

/** An address of the sender, as checks have proven it. */
export interface WhipPeer {
  readonly address: string;
  readonly port: number;
}

/** What a session needs. */
export interface WhipSessionOptions {
  /** Unguessable: it is part of the session's address. */
  readonly id: string;
  readonly stream: StreamName;
  readonly key: string;
  readonly remoteAddress: string;
  readonly network: string;
  readonly negotiation: WhipNegotiation;
  readonly certificate: WhipCertificate;
  /** The source of this side's reports, 32 bits. */
  readonly ssrc: number;
  readonly ice: IceCredentials;
  readonly nowMs: () => number;
  readonly send: (bytes: Uint8Array, peer: WhipPeer) => void;
  /** The node has decided; null: it takes the sender. Called once, unless the session ends before. */
  readonly onDecision: (refusal: ProblemDocument | null) => void;
  /** The session has ended, or was refused; once. */
  readonly onGone: () => void;
}

/** Problems of refused senders, where the edge has told none. */
const REFUSAL_PROBLEMS: Readonly<Record<RefusalReason, ProblemName>> = {
  key: "key-wrong",
  "in-use": "already-live",
  overload: "unavailable",
  throttled: "too-many-requests",
};

/** See the file's first line. */
export class WhipSession implements SenderConnection {
  readonly protocol = "whip";
  readonly id: string;
  readonly stream: StreamName;
  readonly key: string;
  readonly remoteAddress: string;
  readonly network: string;
  /** The first media section that was taken. */
  readonly mid: string;
  #ice: IceCredentials;
  #remoteFragment: string;
  #generation = 0;
  readonly #options: WhipSessionOptions;
  readonly #receiver: RtpMediaReceiver;
  readonly #transport: WhipTransport;
  #handlers: SenderHandlers | null = null;
  #isDecided = false;
  #isGone = false;
  #peer: WhipPeer | null = null;
  /** When the sender was accepted, or its last packet came. */
  #aliveMs: number;
  /** When its last packet came; long ago before the first. */
  #mediaMs = Number.NEGATIVE_INFINITY;

  constructor(options: WhipSessionOptions) {
    this.#options = options;
    const { id, stream, key, remoteAddress, network, negotiation, certificate, ssrc, ice } = options;
    this.id = id;
    this.stream = stream;
    this.key = key;
    this.remoteAddress = remoteAddress;
    this.network = network;
    this.mid = negotiation.sections.find(({ accepted }) => accepted !== null)?.mid ?? "0";
    this.#ice = ice;
    this.#remoteFragment = negotiation.ice.fragment;
    this.#aliveMs = options.nowMs();
    this.#receiver = new RtpMediaReceiver(negotiation.plan, ssrc);
    this.#transport = new WhipTransport({
      certificate,
      agreed: negotiation,
      send: (bytes) => {
        if (this.#peer !== null) options.send(bytes, this.#peer);
      },
      onConnect: () => {
        this.#aliveMs = options.nowMs();
      },
      onEnd: ({ isGoodbye, detail }) => this.#finish(isGoodbye ? { kind: "goodbye" } : { kind: "lost", detail }),
    });
  }

  /** This side's credentials of ICE. */
  get ice(): IceCredentials {
    return this.#ice;
  }

  /** The sender's fragment: another one in a `PATCH` restarts ICE. */
  get remoteFragment(): string {
    return this.#remoteFragment;
  }

  /** Restarts of ICE: the session's entity tag. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether media has come from the address of checks a moment ago. */
  get isHeard(): boolean {
    const silentMs = this.#options.nowMs() - this.#mediaMs;
    return this.isOpen && silentMs < WHIP_LISTENER_LIMITS.ownAddressMs;
  }

  /** Whether media is taken. */
  get isOpen(): boolean {
    return this.#handlers !== null && !this.#isGone;
  }

  accept(handlers: SenderHandlers): void {
    if (this.#isDecided || this.#isGone) {
      handlers.onEnd({ kind: "lost", detail: "the sender waited too long for an answer" });
      return;
    }
    this.#isDecided = true;
    this.#handlers = handlers;
    this.#aliveMs = this.#options.nowMs();
    this.#options.onDecision(null);
  }

  refuse(sentence: string, reason: RefusalReason = "key", problem?: ProblemDocument): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#options.onDecision(problem ?? createProblem(REFUSAL_PROBLEMS[reason], sentence));
    this.#leave();
  }

  close(_sentence: string): void {
    this.#transport.close();
    this.#finish({ kind: "closed" });
  }

  /** The sender has deleted its session. */
  end(): void {
    this.#transport.close();
    this.#finish({ kind: "goodbye" });
  }

  statistics(): TransportSample {
    const { receivedBytes, roundTripMs, received, missing, repaired, lost } = this.#receiver.statistics;
    return { receivedBytes, roundTripMs, packets: { received, missing, repaired, lost } };
  }

  /** The sender has another fragment, and is told other credentials. Media goes on meanwhile. */
  restartIce(remoteFragment: string, ice: IceCredentials): void {
    this.#remoteFragment = remoteFragment;
    this.#ice = ice;
    this.#generation += 1;
  }

  /** A verified check came from `peer`; media goes to the address that the sender has chosen last. */
  observeCheck(peer: WhipPeer, isNominating: boolean): void {
    const isFirst = this.#peer === null;
    if (isNominating || isFirst) this.#peer = peer;
    if (isFirst) this.#transport.start();
  }

  /** A datagram of DTLS, SRTP or SRTCP (RFC 7983 §7). What a handler throws ends this session only. */
  receive(bytes: Buffer): void {
    if (!this.isOpen) return;
    const [first = 0, second = 0] = bytes;
    if (first >= 20 && first <= 63) this.#transport.receiveDtls(bytes);
    else if (first >= 128 && first <= 191) {
      // RFC 5761 §4: packet types of RTCP.
      if (second >= 192 && second <= 223) this.#receiveRtcp(bytes);
      else this.#receiveRtp(bytes);
    }
  }

  /** Does what is due. */
  tick(): void {
    if (!this.isOpen) return;
    const nowMs = this.#options.nowMs();
    const isConnected = this.#transport.isConnected;
    const { connectMs, silenceMs } = WHIP_LISTENER_LIMITS;
    if (nowMs - this.#aliveMs >= (isConnected ? silenceMs : connectMs)) {
      const what = isConnected ? "sent nothing" : "sent no media to the announced address";
      this.#transport.close();
      this.#finish({
        kind: "lost",
        detail: `the sender ${what} for ${(isConnected ? silenceMs : connectMs) / 1_000} s`,
      });
      return;
    }
    if (!isConnected) return;
    this.#guard(() => {
      const { events, rtcp } = this.#receiver.tick(nowMs);
      for (const event of events) if (!this.#isGone) this.#handlers?.onEvent(event);
      if (rtcp !== null) this.#transport.sendRtcp(rtcp);
    });
  }

  #receiveRtp(bytes: Buffer): void {
    const packet = this.#transport.unprotectRtp(bytes);
    if (packet === null) return;
    const nowMs = this.#options.nowMs();
    this.#aliveMs = nowMs;
    this.#mediaMs = nowMs;
    this.#guard(() => {
      for (const event of this.#receiver.receiveRtp(packet, nowMs)) if (!this.#isGone) this.#handlers?.onEvent(event);
    });
  }

  #receiveRtcp(bytes: Buffer): void {
    const packet = this.#transport.unprotectRtcp(bytes);
    if (packet !== null) this.#receiver.receiveRtcp(packet, this.#options.nowMs());
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#transport.close();
      this.#finish({ kind: "invalid", detail: error instanceof Error ? error.message : String(error) });
    }
  }

  #finish(end: SenderEnd): void {
    if (this.#isGone) return;
    this.#leave();
    this.#handlers?.onEnd(end);
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#options.onGone();
  }
}
