/** An attack on erasure: searches the disk for destroyed keys, in the database and in its log. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, test } from "vitest";

const KEYRING = fileURLToPath(new URL("../../../durable-objects/room/keyring/keyring.ts", import.meta.url));

/** The real keyring, a room with nothing to erase, and an endpoint for both. */
const ENTRY = `
import { DurableObject } from "cloudflare:workers";
export { Keyring } from ${JSON.stringify(KEYRING)};
export class Room extends DurableObject { eraseSubject() {} }
export default {
  async fetch(request, env) {
    const { call, args } = await request.json();
    const answer = await env.KEYRING.getByName("0")[call](...args);
    return Response.json(answer ?? null, { headers: { "content-type": "application/json" } });
  },
};`;

let folder: string;
let miniflare: Miniflare;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corral-keys-"));
  const stdin = { contents: ENTRY, resolveDir: folder };
  const built = await build({
    stdin,
    bundle: true,
    write: false,
    format: "esm",
    conditions: ["workerd", "worker"],
    nodePaths: [fileURLToPath(new URL("../../../node_modules", import.meta.url))],
    external: ["cloudflare:*", "node:*"],
  });
  const object = (className: string): object => ({ className, useSQLite: true });
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      resourcePersistencePath: folder,
      cf: false,
      workers: [
        {
          name: "keys",
          modules: [{ type: "ESModule", path: "index.js", contents: built.outputFiles[0]?.text ?? "" }],
          compatibilityDate: "2026-11-02",
          compatibilityFlags: ["nodejs_compat"],
          durableObjects: { KEYRING: object("Keyring"), ROOM: object("Room") },
        },
      ],
    } as Parameters<typeof convertV4MiniflareOptions>[0]),
  );
  await miniflare.ready;
});

afterAll(async () => {
  await miniflare.dispose();
  await rm(folder, { recursive: true, force: true });
});

async function call<T>(name: string, ...args: unknown[]): Promise<T> {
  const body = JSON.stringify({ call: name, args });
  return (await miniflare.dispatchFetch("http://keys.test/", { method: "POST", body })).json() as Promise<T>;
}

interface Tagged {
  readonly tag: string;
  readonly key: Readonly<Record<string, number>>;
}

const bytesOf = ({ key }: Tagged): Buffer => Buffer.from(Object.values(key));

/** Number of files in the folder with these bytes. */
async function filesWith(bytes: Buffer): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const found = await Promise.all(paths.map(async (path) => (await readFile(path)).includes(bytes)));
  return found.filter(Boolean).length;
}

test("a key destroyed by an erasure is nowhere on disk, while the edge runs and after it was killed", async () => {
  const subjects = Array.from({ length: 400 }, (_, index) => `person-${index}`);
  const keys = await call<Tagged[]>("keysOf", "room", subjects);
  const [first, second, third] = [keys[0], keys[7], keys[399]].map((each) => {
    if (each === undefined) throw new Error("no key");
    return each;
  });
  if (first === undefined || second === undefined || third === undefined) throw new Error("no key");
  for (const each of [first, second, third]) expect(await filesWith(bytesOf(each))).toBeGreaterThan(0);
  expect(await call("erase", "person-0")).toMatchObject({ rooms: 1, pending: 0 });
  expect(await filesWith(bytesOf(first))).toBe(0);
  // Keys in use are still there.
  expect(await filesWith(bytesOf(third))).toBeGreaterThan(0);
  // A key released by a room is wiped with the next pass.
  await call("release", [second.tag]);
  expect(await call("erase", "person-399")).toMatchObject({ rooms: 1, pending: 0 });
  expect(await filesWith(bytesOf(second))).toBe(0);
  expect(await filesWith(bytesOf(third))).toBe(0);
  expect(await call("keysOfTags", [first.tag, second.tag, third.tag])).toEqual([null, null, null]);
  await miniflare.dispose();
  for (const each of [first, second, third]) expect(await filesWith(bytesOf(each))).toBe(0);
});
