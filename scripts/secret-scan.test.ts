import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { findSecrets } from "./secret-scan.ts";

/** Split, or the check would find it here. */
const written = (...pieces: string[]): string => pieces.join("");

test.each([
  ["an AWS key", written("AWS_SECRET_ACCESS_KEY = wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYzAbCdEfGhI")],
  ["a GitHub token", written("ghp_", "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx")],
  [
    "a private key",
    written(
      "-----BEGIN RSA PRIVATE",
      " KEY-----\n",
      "MIIEowIBAAKCAQEA7bq98GHw3nCqBsPj\n".repeat(12),
      "-----END RSA PRIVATE",
      " KEY-----",
    ),
  ],
  ["a password in an address", written("https://admin:hunter2hunter2", "@example.com/")],
  ["a stream key", written("key: corral", "_", "0123abcxyz", "_", "aB3".repeat(14), "x")],
  ["a stream key without an id", written("key: corral", "_", "aB3".repeat(14), "x")],
])("%s is found, and masked in the output", async (_name, content) => {
  const found = await findSecrets("file.txt", content);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(/^file\.txt:1: /);
  expect(found[0]).not.toMatch(/wJalrX|wWPw5|MIIEow|hunter2|aB3aB3/);
});

test("hashes, public keys, examples and placeholders are no secrets", async () => {
  const content = `sha512-${"A".repeat(86)}==\ncorral_…\nkey: corral_short\nBearer $(cat admin-token)\n`;
  expect(await findSecrets("docs/deploy.md", content)).toEqual([]);
});

test("the file that the deployment guide writes the admin token to is not tracked", () => {
  expect(execFileSync("git", ["check-ignore", "admin-token"], { encoding: "utf8" })).toBe("admin-token\n");
});
