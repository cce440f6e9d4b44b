/** The UDP socket of all WHIP sessions: STUN checks are answered, everything else goes to the session of its sender. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv4 } from "node:net";
import { parseStunCheck, verifyStunCheck, writeStunSuccess } from "../../core/ingest/whip/stun.ts";
import { WHIP_LISTENER_LIMITS } from "./whip-limits.ts";
import type { WhipPeer, WhipSession } from "./whip-session.ts";

const hmacSha1 = (key: Uint8Array, bytes: Uint8Array): Uint8Array => createHmac("sha1", key).update(bytes).digest();

/** See the file's first line. */
export class WhipSocket {
  readonly #socket: Socket;
  /** Sessions by the fragment that this side has told them. */
  readonly #byFragment = new Map<string, WhipSession>();
  /** Sessions by the addresses that their senders have proven. */
  readonly #byAddress = new Map<string, WhipSession>();
  readonly #addresses = new Map<WhipSession, string[]>();
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (bytes, remote) => this.#receive(bytes, remote));
    // A datagram that cannot be sent counts as lost.
    socket.on("error", () => {});
  }

  /** Opens the socket. Rejects if the port cannot be bound. */
  static async open(host: string, port: number): Promise<WhipSocket> {
    const socket = createSocket({
      type: host.includes(":") ? "udp6" : "udp4",
      recvBufferSize: WHIP_LISTENER_LIMITS.socketBufferBytes,
    });
    socket.bind(port, host);
    await once(socket, "listening");
    return new WhipSocket(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** From now on the session is reached by its fragment; an earlier one of it is forgotten. */
  add(session: WhipSession): void {
    for (const [fragment, each] of this.#byFragment) if (each === session) this.#byFragment.delete(fragment);
    this.#byFragment.set(session.ice.fragment, session);
  }

  remove(session: WhipSession): void {
    this.#byFragment.delete(session.ice.fragment);
    for (const address of this.#addresses.get(session) ?? [])
      if (this.#byAddress.get(address) === session) this.#byAddress.delete(address);
    this.#addresses.delete(session);
  }

  send(bytes: Uint8Array, { address, port }: WhipPeer): void {
    if (!this.#isClosed) this.#socket.send(bytes, port, address, () => {});
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  #receive(bytes: Buffer, { address, port }: RemoteInfo): void {
    if (this.#isClosed || bytes.byteLength === 0) return;
    const peer = { address, port };
    // RFC 7983 §7: the first byte tells the protocol.
    if ((bytes[0] ?? 0) <= 3) this.#answerCheck(bytes, peer);
    else this.#byAddress.get(addressName(peer))?.receive(bytes);
  }

  /** A check without the session's password gets no answer, so this side sends nothing to strangers. */
  #answerCheck(bytes: Uint8Array, peer: WhipPeer): void {
    const check = parseStunCheck(bytes);
    if (check === null) return;
    const session = this.#byFragment.get(check.localFragment);
    if (session?.isOpen !== true || check.remoteFragment !== session.remoteFragment) return;
    const { password } = session.ice;
    if (!verifyStunCheck(check, password, hmacSha1, timingSafeEqual)) return;
    // A source address can be forged: a sender's own check must not take the address of another, whose media would be lost.
    const owner = this.#byAddress.get(addressName(peer));
    if (owner !== undefined && owner !== session && owner.isHeard) return;
    this.#learn(session, peer);
    session.observeCheck(peer, check.isNominating);
    const mapped = { address: addressBytes(peer.address), port: peer.port };
    this.send(writeStunSuccess(check, mapped, password, hmacSha1), peer);
  }

  #learn(session: WhipSession, peer: WhipPeer): void {
    const name = addressName(peer);
    if (this.#byAddress.get(name) === session) return;
    const known = this.#addresses.get(session) ?? [];
    known.push(name);
    const oldest = known.length > WHIP_LISTENER_LIMITS.addresses ? (known.shift() ?? "") : null;
    if (oldest !== null && this.#byAddress.get(oldest) === session) this.#byAddress.delete(oldest);
    this.#addresses.set(session, known);
    this.#byAddress.set(name, session);
  }
}

const addressName = ({ address, port }: WhipPeer): string => `${address} ${port}`;

/** The bytes of an IP address as the system writes it. */
function addressBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split("."), Number);
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const words = (text: string): number[] =>
    text === ""
      ? []
      : text.split(":").flatMap((word) => {
          if (!word.includes(".")) return [Number.parseInt(word, 16)];
          const [a = 0, b = 0, c = 0, d = 0] = word.split(".").map(Number);
          return [(a << 8) | b, (c << 8) | d];
        });
  const [before, after] = [words(head), words(tail ?? "")];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const all = [...before, ...Array.from({ length: zeros }, () => 0), ...after];
  return Uint8Array.from(all.slice(0, 8).flatMap((word) => [word >> 8, word & 255]));
}
