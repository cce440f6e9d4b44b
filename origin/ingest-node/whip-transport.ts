/** DTLS and SRTP of one WHIP session, by `werift`, behind an interface of our own. */
import { createHash, timingSafeEqual, X509Certificate } from "node:crypto";
import type { WhipNegotiation } from "../../core/ingest/whip/negotiate.ts";
import { errorMessage } from "../kit/errors.ts";
import { WHIP_LISTENER_LIMITS } from "./whip-limits.ts";

type Werift = typeof import("werift");

/** A certificate of this process, and its SHA-256 as pairs of hexadecimal digits with colons. */
export interface WhipCertificate {
  readonly werift: Werift;
  readonly pem: string;
  readonly keyPem: string;
  readonly signatureHash: { readonly hash: 4; readonly signature: 3 };
  readonly fingerprint: string;
}

/** Loads the library, which takes about half a second, and makes a certificate. */
export async function createWhipCertificate(): Promise<WhipCertificate> {
  const werift = await import("werift");
  const signatureHash = { hash: werift.HashAlgorithm.sha256_4, signature: werift.SignatureAlgorithm.ecdsa_3 } as const;
  const made = await werift.CipherContext.createSelfSignedCertificateWithKey(
    signatureHash,
    werift.NamedCurveAlgorithm.secp256r1_23,
  );
  const fingerprint = new X509Certificate(made.certPem).fingerprint256;
  return { werift, pem: made.certPem, keyPem: made.keyPem, signatureHash, fingerprint };
}

/** What a transport needs. */
export interface WhipTransportOptions {
  readonly certificate: WhipCertificate;
  /** The digest of the sender's certificate, as it offered it, and whether this side begins. */
  readonly agreed: Pick<WhipNegotiation, "fingerprint" | "isDtlsClient">;
  /** Sends a datagram to the sender. */
  readonly send: (bytes: Uint8Array) => void;
  /** The handshake is complete. */
  readonly onConnect: () => void;
  /** The handshake has failed, or the sender has closed the connection; once. */
  readonly onEnd: (end: { readonly isGoodbye: boolean; readonly detail: string }) => void;
}

/** Records of DTLS (RFC 6347 §4.1): type, version, epoch, sequence number, length. */
const RECORD_ALERT = 21;
const RECORD_HEADER_BYTES = 13;
const CLOSE_NOTIFY = Buffer.from([1, 0]);
const PROTECTED_EPOCH = 1;

/** See the file's first line. Nothing throws, whatever comes. */
export class WhipTransport {
  readonly #options: WhipTransportOptions;
  readonly #dtls: InstanceType<Werift["DtlsServer" | "DtlsClient"]>;
  readonly #incoming: { onData: (data: Buffer, address: readonly [string, number]) => void };
  #handshakeBytes = 0;
  #srtp: InstanceType<Werift["SrtpSession"]> | null = null;
  #srtcp: InstanceType<Werift["SrtcpSession"]> | null = null;
  /** Highest packet index by source (RFC 3711 §3.3.1). */
  readonly #indexes = new Map<number, number>();
  /** Media has come: the sender has the end of the handshake. */
  #hasMedia = false;
  #isEnded = false;

  constructor(options: WhipTransportOptions) {
    this.#options = options;
    const { certificate, send, agreed } = options;
    const { werift } = certificate;
    const transport = {
      type: "udp",
      address: { address: "", family: "", port: 0 },
      closed: false,
      onData: (_data: Buffer, _address: readonly [string, number]): void => {},
      send: (data: Buffer): Promise<void> => {
        if (!this.#isEnded) send(data);
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
    this.#incoming = transport;
    const settings = {
      cert: certificate.pem,
      key: certificate.keyPem,
      signatureHash: certificate.signatureHash,
      transport,
      srtpProfiles: [werift.ProtectionProfileAeadAes128Gcm, werift.ProtectionProfileAes128CmHmacSha1_80],
      extendedMasterSecret: true,
    };
    // As a client, it would wait for the other side's request for a certificate, which FFmpeg does not send.
    this.#dtls = agreed.isDtlsClient
      ? new werift.DtlsClient(settings)
      : new werift.DtlsServer({ ...settings, certificateRequest: true });
    this.#dtls.onConnect.subscribe(() => this.#connect());
    this.#dtls.onClose.subscribe(() => this.#end(true, "the sender closed the connection"));
    // The library throws texts too.
    this.#dtls.onError.subscribe((error: unknown) => this.#end(false, `DTLS failed: ${errorMessage(error)}`));
  }

  get isConnected(): boolean {
    return this.#srtp !== null;
  }

  /** The sender can be reached: begins the handshake, if this side does. Once. */
  start(): void {
    const { werift } = this.#options.certificate;
    if (this.#isEnded || !(this.#dtls instanceof werift.DtlsClient)) return;
    this.#dtls.connect().catch((error: unknown) => this.#end(false, `DTLS failed: ${errorMessage(error)}`));
  }

  /** A datagram of DTLS. After the handshake only the sender's goodbye is taken. */
  receiveDtls(bytes: Buffer): void {
    if (this.#isEnded || bytes.byteLength < RECORD_HEADER_BYTES) return;
    const isGoodbye = bytes[0] === RECORD_ALERT && bytes.readUInt16BE(3) === PROTECTED_EPOCH;
    // An alert that anybody could have sent ends nothing.
    if (bytes[0] === RECORD_ALERT && !isGoodbye) return;
    if (this.#hasMedia && !isGoodbye) return;
    this.#handshakeBytes += bytes.byteLength;
    if (this.#handshakeBytes > WHIP_LISTENER_LIMITS.handshakeBytes) return;
    try {
      this.#incoming.onData(bytes, ["", 0]);
    } catch {
      // A malformed datagram: a real sender repeats its flight.
    }
  }

  /** The RTP packet of a datagram; null if it is not the sender's. */
  unprotectRtp(bytes: Buffer): Uint8Array | null {
    if (this.#srtp === null || bytes.byteLength < 12) return null;
    const [sequence, ssrc] = [bytes.readUInt16BE(2), bytes.readUInt32BE(8)];
    const last = this.#indexes.get(ssrc);
    const index = last === undefined ? sequence : Math.max(0, last + (((sequence - last) << 16) >> 16));
    const isNew = last === undefined && this.#indexes.size >= WHIP_LISTENER_LIMITS.sources;
    if (isNew) return null;
    try {
      const [packet] = this.#srtp.remoteContext.cipher.decryptRtp(bytes, Math.floor(index / 65_536));
      if (last === undefined || index > last) this.#indexes.set(ssrc, index);
      this.#hasMedia = true;
      return packet;
    } catch {
      return null;
    }
  }

  /** The RTCP packets of a datagram; null if they are not the sender's. */
  unprotectRtcp(bytes: Buffer): Uint8Array | null {
    try {
      return this.#srtcp?.decrypt(bytes) ?? null;
    } catch {
      return null;
    }
  }

  /** Sends RTCP, once the handshake is complete. */
  sendRtcp(bytes: Uint8Array): void {
    if (this.#srtcp === null || this.#isEnded) return;
    this.#options.send(this.#srtcp.encrypt(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
  }

  /** Says goodbye, if the sender can read it; nothing is sent or reported after it. */
  close(): void {
    if (this.#isEnded) return;
    if (this.#srtp !== null) this.#sendGoodbye();
    this.#isEnded = true;
  }

  #sendGoodbye(): void {
    const { cipher, dtls, sessionType } = this.#dtls;
    dtls.recordSequenceNumber += 1;
    const head = Buffer.alloc(RECORD_HEADER_BYTES);
    head[0] = RECORD_ALERT;
    head.writeUInt16BE(0xfefd, 1);
    head.writeUInt16BE(PROTECTED_EPOCH, 3);
    head.writeUIntBE(dtls.recordSequenceNumber, 5, 6);
    try {
      const header = {
        type: RECORD_ALERT,
        version: 0xfefd,
        epoch: PROTECTED_EPOCH,
        sequenceNumber: dtls.recordSequenceNumber,
      };
      const fragment = cipher.cipher.encrypt(sessionType, CLOSE_NOTIFY, header);
      head.writeUInt16BE(fragment.byteLength, 11);
      this.#options.send(Buffer.concat([head, fragment]));
    } catch {
      // The sender learns by its checks' silence.
    }
  }

  #connect(): void {
    if (this.#isEnded || this.#srtp !== null) return;
    const { werift } = this.#options.certificate;
    const profile = this.#dtls.srtp.srtpProfile;
    if (profile === undefined || !this.#isExpected(this.#dtls.remoteCertificate)) {
      this.#end(false, "the certificate is not the offered one");
      return;
    }
    const { localKey, localSalt, remoteKey, remoteSalt } = this.#dtls.extractSessionKeys(
      werift.keyLength(profile),
      werift.saltLength(profile),
    );
    const keys = {
      localMasterKey: localKey,
      localMasterSalt: localSalt,
      remoteMasterKey: remoteKey,
      remoteMasterSalt: remoteSalt,
    };
    this.#srtp = new werift.SrtpSession({ keys, profile });
    this.#srtcp = new werift.SrtcpSession({ keys, profile });
    this.#options.onConnect();
  }

  /** RFC 8842 §5.1: the certificate must have the offered digest. */
  #isExpected(certificate: Uint8Array | undefined): boolean {
    if (certificate === undefined) return false;
    const { algorithm, digest } = this.#options.agreed.fingerprint;
    const expected = Buffer.from(digest.replaceAll(":", ""), "hex");
    const actual = createHash(algorithm.replace("-", "")).update(certificate).digest();
    return expected.byteLength === actual.byteLength && timingSafeEqual(expected, actual);
  }

  #end(isGoodbye: boolean, detail: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.onEnd({ isGoodbye, detail });
  }
}
