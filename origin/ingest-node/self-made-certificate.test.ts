import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UsageError } from "../kit/errors.ts";
import { provideCertificate, type SelfMadeCertificate } from "./self-made-certificate.ts";

const DAY_MS = 86_400_000;
const NAMES = ["localhost", "127.0.0.1", "::1"];
let folder: string;
let nowMs: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-rtmps-"));
  nowMs = Date.now();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const provide = (names: readonly string[] = NAMES, afterDays = 0): Promise<SelfMadeCertificate> =>
  provideCertificate({ folder, names, nowMs: nowMs + afterDays * DAY_MS });

test("a certificate is made once, for all names, and only this user reads its key", async () => {
  const made = await provide();
  expect(statSync(join(folder, "rtmps-key.pem")).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder).sort()).toEqual(["rtmps-cert.pem", "rtmps-key.pem"]);
  const parsed = new X509Certificate(made.cert);
  expect([parsed.ca, parsed.subject, parsed.fingerprint256]).toEqual([
    false,
    "CN=Corral ingest node",
    made.fingerprint,
  ]);
  expect([parsed.checkHost("localhost"), parsed.checkIP("127.0.0.1"), parsed.checkIP("::1")]).not.toContain(undefined);
  expect((made.expiresMs - nowMs) / DAY_MS).toBeCloseTo(825, 0);
  expect(await provide()).toEqual(made);
});

test("a client that trusts it connects, another one does not", async () => {
  const { cert, key } = await provide();
  const server = createServer({ cert, key }, (socket) => socket.on("error", () => {}).end());
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const dial = (ca: string | undefined): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port, ...(ca === undefined ? {} : { ca }) });
      socket.once("secureConnect", () => resolve(socket.authorized ? "trusted" : "not trusted"));
      socket.once("error", (error) => resolve("code" in error ? String(error.code) : error.message));
    });
  expect(await dial(cert)).toBe("trusted");
  expect(await dial(undefined)).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
  await new Promise((resolve) => server.close(resolve));
});

test("it is renewed when it ends within a month, lacks a name, or lost its key", async () => {
  const first = await provide();
  expect((await provide(NAMES, 790)).fingerprint).toBe(first.fingerprint);
  const renewed = await provide(NAMES, 800);
  expect(renewed.fingerprint).not.toBe(first.fingerprint);
  const named = await provide([...NAMES, "192.0.2.7"]);
  expect(named.fingerprint).not.toBe(renewed.fingerprint);
  writeFileSync(join(folder, "rtmps-key.pem"), first.key);
  const again = await provide();
  expect(again.fingerprint).not.toBe(named.fingerprint);
  writeFileSync(join(folder, "rtmps-cert.pem"), "no certificate");
  expect((await provide()).cert).toContain("BEGIN CERTIFICATE");
});

test("without openssl, or a folder, the operator is told what to do", async () => {
  const missing = provideCertificate({ folder, names: NAMES, nowMs, openssl: join(folder, "none") });
  await expect(missing).rejects.toThrow(UsageError);
  await expect(missing).rejects.toThrow(/openssl.* is not installed.*--tls-cert/);
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(join(folder, "file"), "");
  const nowhere = provideCertificate({ folder: join(folder, "file"), names: NAMES, nowMs });
  await expect(nowhere).rejects.toThrow(/no certificate can be made in/);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("");
});
