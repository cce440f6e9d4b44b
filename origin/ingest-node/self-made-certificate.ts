/**
 * The certificate of RTMPS where the operator gives none. Node can make keys and not certificates, so `openssl` signs it. It
 * is no certificate authority: who trusts it trusts this listener only.
 */
import { execFile } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { errorMessage, UsageError } from "../kit/errors.ts";

/** Times of a certificate, each with its reason. */
const CERTIFICATE_LIMITS = {
  /** Apple's systems trust none that is valid for longer. */
  validDays: 825,
  /** One that ends within this time is replaced at a start, so that it does not end during a broadcast. */
  renewMs: 30 * 86_400_000,
  /** `openssl` takes some milliseconds. */
  signMs: 10_000,
} as const;

/** A certificate with its key, PEM. */
export interface SelfMadeCertificate {
  readonly cert: string;
  readonly key: string;
  /** Path of the certificate, which encoders have to trust. */
  readonly file: string;
  /** SHA-256 of the certificate, hexadecimal with colons. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly expiresMs: number;
}

/** Names and addresses by which encoders reach the listener. */
export interface CertificateOptions {
  readonly folder: string;
  readonly names: readonly string[];
  readonly nowMs: number;
  /** The program that signs. */
  readonly openssl?: string;
}

/**
 * The certificate that is kept in `folder`; another one if there is none, it ends soon or it lacks a name. The key is readable
 * by this user only. Throws `UsageError`.
 */
export async function provideCertificate(options: CertificateOptions): Promise<SelfMadeCertificate> {
  const { folder, names, nowMs } = options;
  try {
    mkdirSync(folder, { recursive: true });
    const kept = readCertificate(folder);
    if (kept !== null && isUsable(kept, names, nowMs)) return kept;
    await makeCertificateFiles(options);
    const made = readCertificate(folder);
    if (made === null) throw new Error("openssl has written no certificate");
    return made;
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT" && "syscall" in cause;
    const why =
      isMissing && String(cause.syscall).startsWith("spawn")
        ? "openssl, which makes a certificate, is not installed; install it"
        : `no certificate can be made in ${folder} (${errorMessage(cause).split("\n")[0] ?? ""})`;
    throw new UsageError(`RTMPS: ${why}, or give --tls-cert and --tls-key.`, { cause });
  }
}

function pathsIn(folder: string): { readonly cert: string; readonly key: string; readonly config: string } {
  return {
    cert: join(folder, "rtmps-cert.pem"),
    key: join(folder, "rtmps-key.pem"),
    config: join(folder, "rtmps-openssl.cnf"),
  };
}

/** The certificate in `folder` with the key that belongs to it, or null. */
function readCertificate(folder: string): SelfMadeCertificate | null {
  const paths = pathsIn(folder);
  try {
    const [cert, key] = [readFileSync(paths.cert, "utf8"), readFileSync(paths.key, "utf8")];
    const parsed = new X509Certificate(cert);
    if (!parsed.checkPrivateKey(createPrivateKey(key))) return null;
    const { fingerprint256: fingerprint, validTo } = parsed;
    return { cert, key, file: paths.cert, fingerprint, expiresMs: Date.parse(validTo) };
  } catch {
    // Missing, or broken: another one is made.
    return null;
  }
}

function isUsable({ cert, expiresMs }: SelfMadeCertificate, names: readonly string[], nowMs: number): boolean {
  if (expiresMs - nowMs < CERTIFICATE_LIMITS.renewMs) return false;
  const parsed = new X509Certificate(cert);
  const covers = (name: string): boolean =>
    (isIP(name) === 0 ? parsed.checkHost(name) : parsed.checkIP(name)) !== undefined;
  return names.every(covers);
}

async function makeCertificateFiles({ folder, names, openssl = "openssl" }: CertificateOptions): Promise<void> {
  const paths = pathsIn(folder);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writePrivately(`${paths.key}.new`, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  writePrivately(paths.config, describeCertificate(names));
  try {
    const files = ["-key", `${paths.key}.new`, "-config", paths.config, "-out", `${paths.cert}.new`];
    const args = ["req", "-x509", "-new", "-sha256", "-days", String(CERTIFICATE_LIMITS.validDays), ...files];
    await promisify(execFile)(openssl, args, { timeout: CERTIFICATE_LIMITS.signMs });
    // A certificate without its key is not used.
    renameSync(`${paths.key}.new`, paths.key);
    renameSync(`${paths.cert}.new`, paths.cert);
  } finally {
    for (const path of [paths.config, `${paths.key}.new`, `${paths.cert}.new`]) rmSync(path, { force: true });
  }
}

function writePrivately(path: string, text: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode: 0o600, flag: "wx" });
}

/** The configuration of `openssl req`. */
function describeCertificate(names: readonly string[]): string {
  const alternatives = [...new Set(names)].map((name) => `${isIP(name) === 0 ? "DNS" : "IP"}:${name}`);
  return [
    "[req]",
    "prompt = no",
    "distinguished_name = subject",
    "x509_extensions = extensions",
    "[subject]",
    "CN = Corral ingest node",
    "[extensions]",
    "basicConstraints = critical, CA:FALSE",
    "keyUsage = critical, digitalSignature",
    "extendedKeyUsage = serverAuth",
    "subjectKeyIdentifier = hash",
    `subjectAltName = ${alternatives.join(", ")}`,
    "",
  ].join("\n");
}
