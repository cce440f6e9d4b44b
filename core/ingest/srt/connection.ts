/** An accepted SRT connection in live mode: receives data, acknowledges, reports losses and delivers in order. */
import {
  encodeAcknowledgement,
  encodeLightAcknowledgement,
  encodeLossReports,
  parseDropRequest,
} from "./control-fields.ts";
import { DeliveryClock } from "./delivery-clock.ts";
import { HANDSHAKE_EXTENSION } from "./handshake.ts";
import { type PayloadDecryptor, parseKeyMaterial } from "./key-material.ts";
import { SRT_LIMITS } from "./limits.ts";
import {
  encodeControlPacket,
  SRT_CONTROL,
  type SrtControlPacket,
  type SrtDataPacket,
  type SrtPacket,
} from "./packet.ts";
import { RateMeter } from "./rate-meter.ts";
import { type PacketCounts, ReceiveBuffer } from "./receive-buffer.ts";
import { RoundTripEstimator } from "./round-trip.ts";

/**
 * When packets are handed over: as soon as they are in order, where the latency is the time that a missing packet may take;
 * or each at its timestamp plus the latency, as the protocol has it.
 */
export type SrtRelease = "in-order" | "at-timestamp";

/** Why a connection ended. */
export type SrtEnd = "shutdown" | "silence" | "closed";

/** How a connection was agreed, and where its output goes. */
export interface SrtConnectionOptions {
  readonly callerSocketId: number;
  readonly initialSequence: number;
  /** Sending time of the caller's conclusion and its arrival here, microseconds. */
  readonly handshakeUs: number;
  readonly arrivalUs: number;
  readonly latencyMs: number;
  readonly release: SrtRelease;
  /** Holds the keys of the handshake. */
  readonly decryptor: PayloadDecryptor;
  /** Sends a datagram to the caller. */
  readonly send: (packet: Uint8Array) => void;
  /** Takes the payload of one packet; it may be a view of the datagram. */
  readonly deliver: (payload: Uint8Array) => void;
  /** Called once; nothing follows. */
  readonly onEnd: (end: SrtEnd) => void;
}

/** Figures of a connection since it opened. */
export interface SrtStatistics extends PacketCounts {
  readonly receivedBytes: number;
  /** Null before the first measurement. */
  readonly roundTripMs: number | null;
  /** Packets without encryption, or with a key that was not announced. */
  readonly undecrypted: number;
}

/** The connection's state machine. It owns no timer: `tick` wants to be called every 10 ms. */
export class SrtConnection {
  readonly #options: SrtConnectionOptions;
  readonly #buffer: ReceiveBuffer;
  readonly #clock: DeliveryClock;
  readonly #roundTrip = new RoundTripEstimator();
  readonly #rates: RateMeter;
  readonly #openedUs: number;
  #receivedBytes = 0;
  #undecrypted = 0;
  #isEnded = false;
  #lastReceivedUs: number;
  #lastSentUs: number;
  #packetsSinceAck = 0;
  #ackNumber = 0;
  #ackSentUs = Number.NEGATIVE_INFINITY;
  #ackSequence: number;
  /** The sequence number whose acknowledgement the sender has confirmed. */
  #confirmedSequence: number;
  readonly #ackSequences = new Map<number, number>();

  constructor(options: SrtConnectionOptions) {
    this.#options = options;
    this.#buffer = new ReceiveBuffer(options.initialSequence);
    this.#clock = new DeliveryClock(options.handshakeUs, options.arrivalUs, options.latencyMs * 1_000);
    this.#openedUs = options.arrivalUs;
    this.#rates = new RateMeter(options.arrivalUs);
    this.#lastReceivedUs = options.arrivalUs;
    this.#lastSentUs = options.arrivalUs;
    this.#ackSequence = options.initialSequence;
    this.#confirmedSequence = options.initialSequence;
  }

  /** Takes a packet of the caller. */
  receive(packet: SrtPacket, nowUs: number): void {
    if (this.#isEnded) return;
    this.#lastReceivedUs = nowUs;
    if (packet.kind === "data") this.#receiveData(packet, nowUs);
    else this.#receiveControl(packet, nowUs);
  }

  /** Does what is due: deliveries, acknowledgements, loss reports, keep-alives, the end by silence. */
  tick(nowUs: number): void {
    if (this.#isEnded) return;
    this.#buffer.release(nowUs, this.#options.release === "at-timestamp", this.#deliver);
    if (this.#isEnded) return;
    if (nowUs - this.#lastReceivedUs >= SRT_LIMITS.peerSilenceMs * 1_000) {
      this.#end("silence");
      return;
    }
    this.#acknowledge(nowUs);
    // "(RTT + 4 * RTTVar) / 2 …, with a 20 milliseconds floor"
    const periodUs = (this.#roundTrip.us + 4 * this.#roundTrip.varianceUs) / 2;
    this.#reportLosses(nowUs - Math.max(SRT_LIMITS.lossReportMs * 1_000, periodUs), nowUs);
    if (nowUs - this.#lastSentUs >= SRT_LIMITS.keepAliveMs * 1_000) this.#send(SRT_CONTROL.keepAlive, nowUs);
  }

  /** Gives packets that are missing more time: for `pauseUs` the process has read nothing. */
  postpone(pauseUs: number): void {
    this.#buffer.postpone(pauseUs);
  }

  /** Tells the caller that the connection is closed; nothing is taken or delivered after it. */
  close(nowUs: number): void {
    if (this.#isEnded) return;
    // libsrt expects a body of one word.
    this.#send(SRT_CONTROL.shutdown, nowUs, { body: new Uint8Array(4) });
    this.#end("closed");
  }

  get statistics(): SrtStatistics {
    return {
      ...this.#buffer.counts,
      receivedBytes: this.#receivedBytes,
      roundTripMs: this.#roundTrip.isMeasured ? this.#roundTrip.us / 1_000 : null,
      undecrypted: this.#undecrypted,
    };
  }

  #receiveData(packet: SrtDataPacket, nowUs: number): void {
    const { payload, timestampUs } = packet;
    const sequence = this.#buffer.unwrap(packet.sequence);
    if (!this.#buffer.admit(sequence)) return;
    const clear = this.#options.decryptor.decrypt(packet);
    if (clear === null) {
      // As if it had not come: it is sent again, maybe after its key.
      this.#undecrypted += 1;
      return;
    }
    this.#receivedBytes += payload.byteLength;
    this.#rates.add(payload.byteLength, nowUs);
    const isInOrder = this.#options.release === "in-order";
    const dueUs = isInOrder ? Number.POSITIVE_INFINITY : this.#clock.computeDueUs(timestampUs, nowUs);
    // In order, a gap has the latency from now on: senders pace large pictures, whose ends carry old timestamps.
    const gapDueUs = isInOrder ? nowUs + this.#options.latencyMs * 1_000 : dueUs;
    const hasGap = this.#buffer.insert(sequence, { payload: clear, dueUs }, gapDueUs, this.#deliver);
    // "The NAK packet sending can be triggered immediately after a gap in sequence numbers of data packets is detected."
    if (hasGap) this.#reportLosses(Number.NEGATIVE_INFINITY, nowUs);
    this.#releaseInOrder();
    this.#packetsSinceAck += 1;
    if (this.#packetsSinceAck >= SRT_LIMITS.lightAcknowledgePackets && !this.#isEnded) {
      this.#packetsSinceAck = 0;
      const body = encodeLightAcknowledgement(this.#buffer.acknowledged);
      this.#send(SRT_CONTROL.acknowledge, nowUs, { body });
    }
  }

  #receiveControl(packet: SrtControlPacket, nowUs: number): void {
    switch (packet.type) {
      case SRT_CONTROL.acknowledgeReceipt: {
        if (!this.#roundTrip.endSample(packet.info, nowUs)) return;
        this.#confirmedSequence = Math.max(this.#confirmedSequence, this.#ackSequences.get(packet.info) ?? 0);
        this.#clock.addDriftSample(packet.timestampUs, nowUs, this.#roundTrip.us);
        return;
      }
      case SRT_CONTROL.dropRequest: {
        const range = parseDropRequest(packet.body);
        if (range === null) return;
        this.#buffer.drop(this.#buffer.unwrap(range.first), this.#buffer.unwrap(range.last));
        this.#releaseInOrder();
        return;
      }
      case SRT_CONTROL.shutdown:
        this.#buffer.flush(this.#deliver);
        this.#end("shutdown");
        return;
      case SRT_CONTROL.userDefined:
        if (packet.subtype === HANDSHAKE_EXTENSION.keyRequest) this.#refreshKey(packet.body, nowUs);
        return;
      default:
    }
  }

  /** Installs announced keys and confirms them with their echo. Without it the sender repeats the announcement. */
  #refreshKey(body: Uint8Array, nowUs: number): void {
    const material = parseKeyMaterial(body);
    if (material === null || !this.#options.decryptor.install(material, nowUs / 1_000)) return;
    this.#send(SRT_CONTROL.userDefined, nowUs, { subtype: HANDSHAKE_EXTENSION.keyResponse, body });
  }

  /** Sends a full acknowledgement of new packets, or again one that the sender has not confirmed in time. */
  #acknowledge(nowUs: number): void {
    const sequence = this.#buffer.acknowledged;
    if (sequence === this.#confirmedSequence) return;
    const repeatUs = this.#roundTrip.us + 4 * this.#roundTrip.varianceUs;
    if (sequence === this.#ackSequence && nowUs - this.#ackSentUs < repeatUs) return;
    this.#ackNumber += 1;
    this.#ackSequence = sequence;
    this.#ackSentUs = nowUs;
    this.#packetsSinceAck = 0;
    this.#roundTrip.startSample(this.#ackNumber, nowUs);
    this.#ackSequences.set(this.#ackNumber, sequence);
    this.#ackSequences.delete(this.#ackNumber - SRT_LIMITS.openAcknowledgements);
    const body = encodeAcknowledgement({
      sequence,
      roundTripUs: this.#roundTrip.us,
      roundTripVarianceUs: this.#roundTrip.varianceUs,
      freePackets: this.#buffer.freePackets,
      ...this.#rates.read(nowUs),
    });
    this.#send(SRT_CONTROL.acknowledge, nowUs, { info: this.#ackNumber, body });
  }

  /** Reports the packets that were not reported after `beforeUs`. */
  #reportLosses(beforeUs: number, nowUs: number): void {
    const ranges = this.#buffer.reportLosses(beforeUs, nowUs);
    for (const body of encodeLossReports(ranges, SRT_LIMITS.lossReportPackets)) {
      this.#send(SRT_CONTROL.lossReport, nowUs, { body });
    }
  }

  /** Delivers what is in order. Gaps are given up by ticks only: the packet that closes one may be the next to be read. */
  #releaseInOrder(): void {
    if (this.#options.release === "in-order") {
      this.#buffer.release(Number.NEGATIVE_INFINITY, false, this.#deliver);
    }
  }

  readonly #deliver = (payload: Uint8Array): void => {
    if (!this.#isEnded) this.#options.deliver(payload);
  };

  #end(end: SrtEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.onEnd(end);
  }

  #send(
    type: number,
    nowUs: number,
    {
      subtype = 0,
      info = 0,
      body = new Uint8Array(0),
    }: Partial<Pick<SrtControlPacket, "subtype" | "info" | "body">> = {},
  ): void {
    this.#lastSentUs = nowUs;
    const [socketId, timestampUs] = [this.#options.callerSocketId, nowUs - this.#openedUs];
    this.#options.send(encodeControlPacket({ type, subtype, info, timestampUs, socketId, body }));
  }
}
