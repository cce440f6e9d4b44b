/** What must hold of the packages that this project is built with: which they are is pinned, and their licences are ones that it can live with. */

/** One entry of `package-lock.json`. */
export interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly link?: boolean;
}
/** The entries by their paths; the project's own is at the empty one. */
export type LockedPackages = Readonly<Record<string, LockedPackage>>;

const REGISTRY = "https://registry.npmjs.org/";

/** Licences under which code may be part of what is deployed: they ask for a notice, at most. */
const BUNDLED_LICENCES: ReadonlySet<string> = new Set([
  "MIT",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "0BSD",
]);
/** Further ones of tools, tests and benchmarks: they bind those who hand the tool itself on. */
const TOOL_LICENCES: ReadonlySet<string> = new Set([
  ...BUNDLED_LICENCES,
  "BlueOak-1.0.0",
  "CC0-1.0",
  "CC-BY-4.0",
  "MPL-2.0",
  "LGPL-3.0-or-later",
]);
/** Licences that packages state in a way that npm doesn't read. */
const STATED_ELSEWHERE: Readonly<Record<string, string>> = { "dom-walk": "MIT" };

/** The name of the package at a path of the lock file. */
export const parsePackageName = (path: string): string =>
  path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);

/** A line for each package that another's contents could be put in the place of. */
export function findUnpinnedPackages(packages: LockedPackages): string[] {
  return Object.entries(packages).flatMap(([path, { integrity = "", resolved = REGISTRY, link }]) => {
    if (path === "") return [];
    if (link === true || !resolved.startsWith(REGISTRY)) return [`${path} doesn't come from ${REGISTRY}`];
    return /^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity)
      ? []
      : [`${path} has no SHA-512 integrity in package-lock.json`];
  });
}

/** A line for each package whose licence isn't on the list of its use; `bundled`: the names of those that are deployed. */
export function findUnlicensedPackages(packages: LockedPackages, bundled: ReadonlySet<string>): string[] {
  return Object.entries(packages).flatMap(([path, { license }]) => {
    if (path === "") return [];
    const name = parsePackageName(path);
    const stated = license ?? STATED_ELSEWHERE[name] ?? "none";
    const allowed = bundled.has(name) ? BUNDLED_LICENCES : TOOL_LICENCES;
    const where = bundled.has(name) ? "what is deployed" : "a tool";
    return satisfiesLicences(stated, allowed) ? [] : [`${path}: the licence ${stated} isn't on the list for ${where}`];
  });
}

/** Whether an SPDX expression leaves a choice that is allowed. One with brackets or exceptions is for people to read. */
function satisfiesLicences(expression: string, allowed: ReadonlySet<string>): boolean {
  return expression.split(" OR ").some((choice) => choice.split(" AND ").every((licence) => allowed.has(licence)));
}
