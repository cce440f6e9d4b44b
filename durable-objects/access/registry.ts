/**
 * The registry of stream names: one of a few objects that share them. It knows which names the operator's acts made;
 * isolates hold a copy of that, and ask nothing of the objects of any other name.
 */
import { DurableObject } from "cloudflare:workers";
import { FingerprintSet } from "../../core/access/registry/fingerprint-set.ts";
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import { registryObjectName, selectRegistryShard } from "../../core/access/registry/registry-shards.ts";
import { parseStreamPrefixes } from "../../core/delivery/r2-keys.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";

/** What the registry is bound to. */
export interface RegistryEnv {
  readonly MEDIA: R2Bucket;
}

const NAMES_SCHEMA = `
CREATE TABLE IF NOT EXISTS names (name TEXT PRIMARY KEY, registered_ms INTEGER NOT NULL) WITHOUT ROWID;
`;

/** How far the import of what was stored before there was a registry has come; absent: it has not begun. */
type ImportProgress = { readonly done: false; readonly cursor: string } | { readonly done: true };

/** One of the registry's objects, named by `registryName`. */
export class Registry extends DurableObject<RegistryEnv> {
  readonly #sql: SqlStorage;
  readonly #salt: number;
  #encodedNames: Uint8Array | null = null;
  #runningImport: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: RegistryEnv) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(NAMES_SCHEMA);
    const salt = ctx.storage.kv.get<number>("salt") ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    ctx.storage.kv.put("salt", salt);
    this.#salt = salt;
  }

  /** Registers a stream's name, for good. */
  register(name: StreamName): void {
    this.#sql.exec("INSERT OR IGNORE INTO names VALUES (?, ?)", name, Date.now());
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

  /** Waits, bounded, for the import; what it had not found by then goes on beside. */
  async #awaitImport(): Promise<void> {
    this.#runningImport ??= this.#importStoredStreams()
      .catch((error: unknown) => console.error("names of stored streams could not be read; trying again", error))
      .finally(() => {
        this.#runningImport = null;
      });
    this.ctx.waitUntil(this.#runningImport);
    await Promise.race([this.#runningImport, scheduler.wait(REGISTRY_LIMITS.importWaitMs)]);
  }

  /** Streams of the time before there was a registry: those of which something is stored. */
  async #importStoredStreams(): Promise<void> {
    const begun = this.ctx.storage.kv.get<ImportProgress>("import");
    let cursor = begun?.done === false ? begun.cursor : undefined;
    do {
      const page = await this.env.MEDIA.list({
        delimiter: "/",
        limit: REGISTRY_LIMITS.importNames,
        ...(cursor === undefined ? {} : { cursor }),
      });
      const mine = parseStreamPrefixes(page.delimitedPrefixes)
        .map(parseStreamName)
        .filter((name) => name !== null)
        .filter((name) => registryObjectName(selectRegistryShard(name)) === this.ctx.id.name);
      cursor = page.truncated ? page.cursor : undefined;
      const progress: ImportProgress = cursor === undefined ? { done: true } : { done: false, cursor };
      this.ctx.storage.transactionSync(() => {
        for (const name of mine) this.#sql.exec("INSERT OR IGNORE INTO names VALUES (?, 0)", name);
        this.ctx.storage.kv.put("import", progress);
      });
      this.#encodedNames = null;
    } while (cursor !== undefined);
  }
}
