/** A WHIP listener on a virtual clock, and senders to it: HTTP, STUN, DTLS and SRTP as a browser speaks them. */
import { createHmac } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { makeTestCheck, makeTestOffer } from "../../../core/ingest/whip/testing.ts";
import { VirtualClock } from "../../../core/kit/virtual-clock.ts";
import type { SenderConnection, SenderEnd } from "../sender-connection.ts";
import { startWhipListener, type WhipListener, type WhipListenerOptions } from "../whip-listener.ts";
import { createWhipCertificate, type WhipCertificate } from "../whip-transport.ts";

/** A key of the right form. */
const TEST_WHIP_KEY: string = `corral_${"0".repeat(10)}_${"x".repeat(43)}`;
export const TEST_EDGE_TOKEN = "a token of the edge";

const cleanups: (() => Promise<void> | void)[] = [];
const hmac = (key: Uint8Array, bytes: Uint8Array): Uint8Array => createHmac("sha1", key).update(bytes).digest();

/** Closes what this module opened; for `afterEach`. */
export async function closeTestWhip(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A listener, and what it was asked. */
export interface TestWhipListener {
  readonly clock: VirtualClock;
  readonly listener: WhipListener;
  readonly senders: SenderConnection[];
  /** Kinds of the events of accepted senders. */
  readonly events: string[];
  readonly ends: SenderEnd[];
  request(path: string, init?: RequestInit): Promise<Response>;
}

/** Opens a listener that accepts every sender, unless `onSender` decides. */
export async function openTestWhip(options: Partial<WhipListenerOptions> = {}): Promise<TestWhipListener> {
  const clock = new VirtualClock();
  const senders: SenderConnection[] = [];
  const events: string[] = [];
  const ends: SenderEnd[] = [];
  const listener = await startWhipListener({
    ...{ host: "127.0.0.1", port: 0, announced: ["127.0.0.1"], httpHost: "127.0.0.1", httpPort: 0, clock },
    edgeToken: () => TEST_EDGE_TOKEN,
    onSender(sender) {
      senders.push(sender);
      sender.accept({ onEvent: ({ kind }) => events.push(kind), onEnd: (end) => ends.push(end) });
    },
    ...options,
  });
  cleanups.push(() => listener.close());
  const request = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { authorization: `Bearer ${TEST_WHIP_KEY}`, "content-type": "application/sdp", ...init.headers };
    return fetch(`http://127.0.0.1:${listener.httpPort}${path}`, { ...init, headers });
  };
  return { clock, listener, senders, events, ends, request };
}

/** Waits until `isTrue`: for what datagrams bring. Throws after 5 s. */
export async function untilTrue(isTrue: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000; turn += 1) {
    if (isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("it did not become true");
}

/** A sender with a socket of its own. */
export class TestWhipCaller {
  readonly #listener: TestWhipListener;
  readonly #certificate: WhipCertificate;
  readonly #socket: Socket;
  #ice = { fragment: "", password: "" };
  #dtls: InstanceType<WhipCertificate["werift"]["DtlsClient"]> | null = null;
  #srtp: InstanceType<WhipCertificate["werift"]["SrtpSession"]> | null = null;
  /** The session's address. */
  location = "";
  /** Datagrams of the listener by their first byte's kind. */
  readonly received = { stun: 0, dtls: 0, rtcp: 0 };
  isClosedByPeer = false;

  private constructor(listener: TestWhipListener, certificate: WhipCertificate, socket: Socket) {
    this.#listener = listener;
    this.#certificate = certificate;
    this.#socket = socket;
  }

  static async open(listener: TestWhipListener): Promise<TestWhipCaller> {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    cleanups.push(() => {
      socket.close();
    });
    return new TestWhipCaller(listener, await createWhipCertificate(), socket);
  }

  /** Sends an offer. Returns the response. */
  async offer(fingerprint: string = this.#certificate.fingerprint): Promise<Response> {
    const body = makeTestOffer({ lines: [`a=fingerprint:sha-256 ${fingerprint}`] });
    const answer = await this.#listener.request("/whip/demo", { method: "POST", body });
    this.location = answer.headers.get("location") ?? "";
    if (answer.status === 201) this.readIce(await answer.clone().text());
    return answer;
  }

  /** Takes the listener's credentials of ICE. */
  readIce(sdp: string): void {
    const find = (name: string): string => new RegExp(`a=${name}:(\\S+)`).exec(sdp)?.[1] ?? "";
    this.#ice = { fragment: find("ice-ufrag"), password: find("ice-pwd") };
  }

  /** Sends a check; `password` of the listener. */
  check(password?: string, remoteFragment?: string): void {
    this.send(this.makeCheck(password, remoteFragment));
  }

  /** A check, as anybody could send it who knows the password. */
  makeCheck(password: string = this.#ice.password, remoteFragment = "abcd"): Uint8Array {
    return makeTestCheck(`${this.#ice.fragment}:${remoteFragment}`, password, hmac);
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#listener.listener.port, "127.0.0.1");
  }

  /** Counts what comes, and hands DTLS to `onDtls`. */
  listen(onDtls: (bytes: Buffer) => void = () => {}): void {
    this.#socket.on("message", (bytes) => {
      const first = bytes[0] ?? 0;
      if (first < 4) this.received.stun += 1;
      else if (first < 64) {
        this.received.dtls += 1;
        onDtls(bytes);
      } else this.received.rtcp += 1;
    });
  }

  /** Checks, and does the DTLS handshake. */
  async connect(): Promise<void> {
    const { werift, pem, keyPem, signatureHash } = this.#certificate;
    const transport = {
      ...{ type: "udp", address: { address: "", family: "", port: 0 }, closed: false },
      onData: (_data: Buffer, _address: readonly [string, number]): void => {},
      send: async (data: Buffer): Promise<void> => this.send(data),
      close: async (): Promise<void> => {},
    };
    this.listen((bytes) => transport.onData(bytes, ["", 0]));
    this.check();
    await untilTrue(() => this.received.stun > 0);
    const dtls = new werift.DtlsClient({
      ...{ cert: pem, key: keyPem, signatureHash, transport, extendedMasterSecret: true },
      srtpProfiles: [werift.ProtectionProfileAeadAes128Gcm],
    });
    this.#dtls = dtls;
    dtls.onClose.subscribe(() => {
      this.isClosedByPeer = true;
    });
    const connected = new Promise<void>((resolve) => dtls.onConnect.once(() => resolve()));
    dtls.connect().catch(() => {});
    await connected;
    const profile = werift.ProtectionProfileAeadAes128Gcm;
    const keys = dtls.extractSessionKeys(werift.keyLength(profile), werift.saltLength(profile));
    this.#srtp = new werift.SrtpSession({
      profile,
      keys: {
        localMasterKey: keys.localKey,
        localMasterSalt: keys.localSalt,
        remoteMasterKey: keys.remoteKey,
        remoteMasterSalt: keys.remoteSalt,
      },
    });
  }

  /** Sends an RTP packet, encrypted. */
  sendRtp(bytes: Uint8Array): void {
    const packet = this.#certificate.werift.RtpPacket.deSerialize(Buffer.from(bytes));
    const sent = this.#srtp?.encrypt(packet.payload, packet.header);
    if (sent !== undefined) this.send(sent);
  }

  get hasHandshake(): boolean {
    return this.#dtls?.connected === true;
  }
}
