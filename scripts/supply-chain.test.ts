import { expect, test } from "vitest";
import { findUnlicensedPackages, findUnpinnedPackages, type LockedPackage } from "./supply-chain.ts";

const integrity = `sha512-${"A".repeat(86)}==`;
const at = (one: LockedPackage): Record<string, LockedPackage> => ({ "": {}, "node_modules/a/node_modules/@b/c": one });

test("a package is pinned by its SHA-512 and comes from the registry", () => {
  expect(findUnpinnedPackages(at({ integrity }))).toEqual([]);
  expect(findUnpinnedPackages(at({ integrity, resolved: "https://registry.npmjs.org/a/-/a-1.0.0.tgz" }))).toEqual([]);
  for (const one of [
    {},
    { integrity: "" },
    { integrity: "sha1-deadbeef" },
    { integrity: "sha512-short==" },
    { integrity, resolved: "https://evil.example/a.tgz" },
    { integrity, resolved: "https://registry.npmjs.org.evil.example/a.tgz" },
    { integrity, resolved: "git+ssh://git@github.com/a/b.git#abc" },
    { integrity, link: true },
  ]) {
    expect(findUnpinnedPackages(at(one)), JSON.stringify(one)).toEqual([
      expect.stringContaining("node_modules/a/node_modules/@b/c"),
    ]);
  }
});

test("deployed packages have a permissive licence, and tools one of the allowed list", () => {
  const complaints = (license: string | undefined, bundled: string[] = []): number =>
    findUnlicensedPackages(at(license === undefined ? {} : { license }), new Set(bundled)).length;
  for (const license of ["MIT", "MIT OR Apache-2.0", "GPL-3.0-only OR MIT", "MIT AND ISC"]) {
    expect([complaints(license), complaints(license, ["@b/c"])], license).toEqual([0, 0]);
  }
  for (const license of ["MPL-2.0", "Apache-2.0 AND LGPL-3.0-or-later", "CC-BY-4.0"]) {
    expect([complaints(license), complaints(license, ["@b/c"])], license).toEqual([0, 1]);
  }
  for (const license of [
    undefined,
    "UNLICENSED",
    "GPL-3.0-only",
    "AGPL-3.0-only AND MIT",
    "(MIT)",
    "SEE LICENSE IN x",
  ]) {
    expect([complaints(license), complaints(license, ["@b/c"])], license).toEqual([1, 1]);
  }
});
