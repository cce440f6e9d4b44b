/** The SRT listener: many callers on one UDP port, each with the passphrase of its key. */
import { randomBytes, randomInt } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { parseNetwork } from "../../core/access/network.ts";
import type { SrtRelease } from "../../core/ingest/srt/connection.ts";
import type { SrtPeer } from "../../core/ingest/srt/cookie.ts";
import { encodeRefusal, HandshakeResponder, type SrtConclusion } from "../../core/ingest/srt/handshake-responder.ts";
import { PayloadDecryptor } from "../../core/ingest/srt/key-material.ts";
import { parseSrtPacket, SRT_CONTROL, type SrtPacket } from "../../core/ingest/srt/packet.ts";
import { SRT_REJECT, type SrtRejectReason } from "../../core/ingest/srt/reject-reasons.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import { type Clock, startInterval } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { PassphraseLookups, type ResolvePassphrase } from "./passphrase-lookups.ts";
import type { SenderConnection, SenderListener } from "./sender-connection.ts";
import { nodeSrtCrypto } from "./srt-crypto.ts";
import { SRT_LISTENER_LIMITS } from "./srt-listener-limits.ts";
import { SrtSender } from "./srt-sender.ts";

/** A caller that was refused before it became a sender. */
export interface SrtRefusal {
  readonly remoteAddress: string;
  readonly reason: SrtRejectReason;
  /** Null if the handshake did not say them. */
  readonly stream: StreamName | null;
  readonly keyId: string | null;
}

/** Options of an SRT listener. */
export interface SrtListenerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly clock: Clock;
  /** Latency that this side proposes, milliseconds; the greater proposal holds. */
  readonly latencyMs: number;
  /**
   * `in-order`: the latency is only the time that a missing packet may take, which adds the least delay; the media's own
   * timestamps pace it. `at-timestamp`: every packet is held for the latency.
   */
  readonly release: SrtRelease;
  readonly resolvePassphrase: ResolvePassphrase;
  /** Decides by `accept` or `refuse`, within 3 s. */
  readonly onSender: (sender: SenderConnection) => void;
  readonly onRefused?: (refusal: SrtRefusal) => void;
}

/** Opens the listener. Rejects if the port cannot be bound. */
export async function startSrtListener(options: SrtListenerOptions): Promise<SenderListener> {
  const socket = createSocket({
    type: options.host.includes(":") ? "udp6" : "udp4",
    recvBufferSize: SRT_LISTENER_LIMITS.socketBufferBytes,
  });
  socket.bind(options.port, options.host);
  // Rejects with the error of the socket if it cannot be bound.
  await once(socket, "listening");
  const listener = new SrtListener(options, socket);
  socket.on("message", (bytes, remote) => listener.receive(bytes, remote));
  // A datagram that cannot be sent counts as lost; the protocol repeats it.
  socket.on("error", () => {});
  return { port: socket.address().port, close: () => listener.close() };
}

/** A conclusion, and how to answer it. */
interface Attempt {
  readonly conclusion: SrtConclusion;
  readonly peer: SrtPeer;
  /** The caller's address and socket id. */
  readonly name: string;
  /** Microseconds of the monotonic clock. */
  readonly arrivalUs: number;
  readonly send: (packet: Uint8Array) => void;
}

/** A caller from its conclusion on; `sender` is null while its passphrase is looked up. */
interface Caller {
  readonly network: string;
  sender: SrtSender | null;
}

class SrtListener {
  readonly #options: SrtListenerOptions;
  readonly #socket: Socket;
  readonly #responder = new HandshakeResponder(nodeSrtCrypto, randomBytes(32));
  readonly #lookups: PassphraseLookups;
  readonly #callers = new Map<string, Caller>();
  readonly #senders = new Map<number, { readonly sender: SrtSender; readonly name: string }>();
  /** Refusals by caller: a repeated conclusion costs no second check. */
  readonly #refusals = new BoundedMap<string, Uint8Array>(SRT_LISTENER_LIMITS.refusals);
  #stopTicks: (() => void) | null = null;
  #lastTickMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(options: SrtListenerOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    this.#lookups = new PassphraseLookups(options.clock, options.resolvePassphrase);
  }

  receive(bytes: Uint8Array, remote: RemoteInfo): void {
    const packet = parseSrtPacket(bytes);
    if (packet === null || this.#isClosed) return;
    const peer = { address: remote.address.replace(/^::ffff:(?=\d+\.)/, ""), port: remote.port };
    if (packet.socketId === 0) this.#receiveHandshake(packet, peer, remote);
    else {
      const entry = this.#senders.get(packet.socketId);
      // The address is part of the connection: nobody else can send to it.
      if (entry?.name.startsWith(`${peer.address} ${peer.port} `) === true) entry.sender.receive(packet);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    for (const { sender } of this.#callers.values()) {
      sender?.refuseWith(SRT_REJECT.overload);
      sender?.close("the listener closes");
    }
    this.#isClosed = true;
    this.#stopTicks?.();
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  #receiveHandshake(packet: SrtPacket, peer: SrtPeer, remote: RemoteInfo): void {
    if (packet.kind !== "control" || packet.type !== SRT_CONTROL.handshake) return;
    const send = (bytes: Uint8Array): void => this.#send(bytes, remote);
    const step = this.#responder.step(packet, peer, this.#options.clock.monotonicMs());
    switch (step.kind) {
      case "reply":
        send(step.packet);
        return;
      case "refuse":
        send(encodeRefusal(step.callerSocketId, step.reason));
        this.#reportRefusal(peer, step.reason, null);
        return;
      case "conclusion":
        this.#admit({
          conclusion: step,
          peer,
          name: `${peer.address} ${peer.port} ${step.callerSocketId}`,
          arrivalUs: this.#nowUs(),
          send,
        });
        return;
      case "ignore":
    }
  }

  #admit(attempt: Attempt): void {
    const { conclusion, peer, name, send } = attempt;
    const known = this.#callers.get(name);
    if (known !== undefined) {
      known.sender?.repeatAnswer();
      return;
    }
    const refusal = this.#refusals.get(name);
    if (refusal !== undefined) {
      send(refusal);
      return;
    }
    const network = parseNetwork(peer.address) ?? peer.address;
    if (!this.#hasRoom(network)) {
      this.#refuse(attempt, SRT_REJECT.overload);
      return;
    }
    const caller: Caller = { network, sender: null };
    this.#callers.set(name, caller);
    void this.#lookups.find(conclusion.stream, conclusion.keyId, peer.address).then((lookup) => {
      if (this.#isClosed) return;
      if (lookup.kind === "found") this.#verify(attempt, caller, lookup.passphrase);
      else this.#refuse(attempt, lookup.kind === "unknown" ? SRT_REJECT.forbidden : SRT_REJECT.overload);
    });
  }

  /** The key material unwraps with the right passphrase only: this is the proof of the secret. */
  #verify(attempt: Attempt, caller: Caller, passphrase: string): void {
    const { name, ...rest } = attempt;
    const { clock, latencyMs, release } = this.#options;
    const decryptor = new PayloadDecryptor(nodeSrtCrypto, passphrase);
    if (!decryptor.install(attempt.conclusion.keyMaterial, clock.monotonicMs())) {
      this.#refuse(attempt, SRT_REJECT.badSecret);
      return;
    }
    const socketId = this.#pickSocketId();
    const refuse = (): void => sender.refuseWith(SRT_REJECT.overload);
    const cancelDeadline = clock.startTimer(SRT_LISTENER_LIMITS.decisionMs, refuse);
    const onGone = (refusal: Uint8Array | null): void => {
      cancelDeadline();
      if (refusal !== null) this.#refusals.set(name, refusal);
      this.#remove(name, socketId);
    };
    const nowUs = (): number => this.#nowUs();
    const sender = new SrtSender({ ...rest, socketId, passphrase, decryptor, latencyMs, release, nowUs, onGone });
    caller.sender = sender;
    this.#senders.set(socketId, { sender, name });
    this.#stopTicks ??= startInterval(clock, SRT_LISTENER_LIMITS.tickMs, () => this.#tick());
    try {
      this.#options.onSender(sender);
    } catch {
      refuse();
    }
  }

  #refuse({ conclusion, peer, name, send }: Attempt, reason: SrtRejectReason): void {
    const { callerSocketId, stream, keyId } = conclusion;
    const packet = encodeRefusal(callerSocketId, reason);
    this.#callers.delete(name);
    // Overload passes: the same caller may try again.
    if (reason !== SRT_REJECT.overload) this.#refusals.set(name, packet);
    send(packet);
    this.#reportRefusal(peer, reason, { stream, keyId });
  }

  #reportRefusal(
    peer: SrtPeer,
    reason: SrtRejectReason,
    asked: { readonly stream: StreamName; readonly keyId: string } | null,
  ): void {
    const { stream, keyId } = asked ?? { stream: null, keyId: null };
    this.#options.onRefused?.({ remoteAddress: peer.address, reason, stream, keyId });
  }

  #hasRoom(network: string): boolean {
    if (this.#callers.size >= SRT_LISTENER_LIMITS.connections) return false;
    let count = 0;
    for (const caller of this.#callers.values()) if (caller.network === network) count += 1;
    return count < SRT_LISTENER_LIMITS.connectionsPerNetwork;
  }

  /** 30 random bits: neither 0 nor the ids of groups. */
  #pickSocketId(): number {
    let socketId = randomInt(1, 2 ** 30);
    while (this.#senders.has(socketId)) socketId = randomInt(1, 2 ** 30);
    return socketId;
  }

  #remove(name: string, socketId: number): void {
    this.#callers.delete(name);
    this.#senders.delete(socketId);
    if (this.#senders.size > 0) return;
    this.#stopTicks?.();
    this.#stopTicks = null;
    this.#lastTickMs = Number.POSITIVE_INFINITY;
  }

  #tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const pauseMs = nowMs - this.#lastTickMs;
    this.#lastTickMs = nowMs;
    if (pauseMs > SRT_LISTENER_LIMITS.lateTickMs) {
      // Datagrams wait to be read: gaps that they close are not to be given up before.
      for (const { sender } of this.#senders.values()) sender.postpone(pauseMs);
    }
    for (const { sender } of [...this.#senders.values()]) sender.tick();
  }

  #nowUs(): number {
    return Math.round(this.#options.clock.monotonicMs() * 1_000);
  }

  #send(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    if (!this.#isClosed) this.#socket.send(bytes, port, address, () => {});
  }
}
