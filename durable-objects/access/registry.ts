/**
 * The registry of stream names, sharded over a few objects. It lists the names that the operator's requests registered;
 * isolates hold a copy, and call no object of any other name.
 */
import { DurableObject } from "cloudflare:workers";
import { FingerprintSet } from "../../core/access/registry/fingerprint-set.ts";
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import { registryObjectName, selectRegistryShard } from "../../core/access/registry/registry-shards.ts";
import { parseStreamPrefixes } from "../../core/delivery/r2-keys.ts";
import { type Platform, withTimeout } from "../../core/kit/clock.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { migrateStorage } from "../kit/migrations.ts";
import { REGISTRY_SCHEMA } from "./registry-schema.ts";

/** What the registry is bound to. */
export interface RegistryEnv {
  readonly MEDIA: R2Bucket;
}

/** The progress of the import of streams that were stored before the registry existed; absent: it has not begun. */
type ImportProgress = { readonly done: false; readonly cursor: string } | { readonly done: true };

/** One of the registry's objects, named by `registryObjectName`. */
export class Registry extends DurableObject<RegistryEnv> {
  readonly platform: Platform = systemPlatform;
  readonly #sql: SqlStorage;
  readonly #salt: number;
  #encodedNames: Uint8Array | null = null;
  #runningImport: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: RegistryEnv) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    migrateStorage(ctx.storage, REGISTRY_SCHEMA);
    const salt = ctx.storage.kv.get<number>("salt") ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    ctx.storage.kv.put("salt", salt);
    this.#salt = salt;
  }

  /** Registers a stream's name, for good. */
  register(name: StreamName): void {
    this.#sql.exec("INSERT OR IGNORE INTO names VALUES (?, ?)", name, this.platform.clock.nowMs());
    this.#encodedNames = null;
  }

  /** All names, as `FingerprintSet` encodes them. */
  async names(): Promise<Uint8Array> {
    if (!this.#isImported) await this.#awaitImport();
    this.#encodedNames ??= this.#buildFingerprints().encode();
    return this.#encodedNames;
  }

  get #isImported(): boolean {
    return this.ctx.storage.kv.get<ImportProgress>("import")?.done === true;
  }

  #buildFingerprints(): FingerprintSet {
    const rows = this.#sql.exec<{ name: string }>("SELECT name FROM names").toArray();
    return FingerprintSet.fromNames(
      rows.map(({ name }) => name),
      this.#salt,
      !this.#isImported,
    );
  }

  /** Waits a bounded time for the import, which continues in the background. */
  async #awaitImport(): Promise<void> {
    this.#runningImport ??= this.#importStoredStreams()
      .catch((error: unknown) => console.error("names of stored streams could not be read; trying again", error))
      .finally(() => {
        this.#runningImport = null;
      });
    this.ctx.waitUntil(this.#runningImport);
    await withTimeout(this.platform.clock, REGISTRY_LIMITS.importWaitMs, this.#runningImport, () => {});
  }

  /** Imports the streams from before the registry existed: those with stored media. */
  async #importStoredStreams(): Promise<void> {
    const progressBefore = this.ctx.storage.kv.get<ImportProgress>("import");
    let cursor = progressBefore?.done === false ? progressBefore.cursor : undefined;
    do {
      const page = await this.env.MEDIA.list({
        delimiter: "/",
        limit: REGISTRY_LIMITS.importNames,
        ...(cursor === undefined ? {} : { cursor }),
      });
      const ownNames = parseStreamPrefixes(page.delimitedPrefixes)
        .map(parseStreamName)
        .filter((name) => name !== null)
        .filter((name) => registryObjectName(selectRegistryShard(name)) === this.ctx.id.name);
      cursor = page.truncated ? page.cursor : undefined;
      const progress: ImportProgress = cursor === undefined ? { done: true } : { done: false, cursor };
      this.ctx.storage.transactionSync(() => {
        for (const name of ownNames) this.#sql.exec("INSERT OR IGNORE INTO names VALUES (?, 0)", name);
        this.ctx.storage.kv.put("import", progress);
      });
      this.#encodedNames = null;
    } while (cursor !== undefined);
  }
}
