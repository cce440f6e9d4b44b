/**
 * The mailed sign-in links of a deployment: one object, because it keeps the deployment's budget. It counts mails before they are
 * sent, and lets each link be used once.
 */
import { DurableObject } from "cloudflare:workers";
import { MAIL_LINK_LIMITS, type MailLinkRate, type MailLinkRequest } from "../../core/access/mail-link-limits.ts";
import type { Platform } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { LazyStorage } from "../kit/lazy-storage.ts";
import { MAIL_LINKS_SCHEMA } from "./mail-links-schema.ts";

const HOUR_MS = 3_600_000;

/** The object of mailed links. */
export class MailLinks extends DurableObject {
  platform: Platform = systemPlatform;
  readonly #storage: LazyStorage;

  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env);
    this.#storage = new LazyStorage(ctx.storage, MAIL_LINKS_SCHEMA);
  }

  /** Whether a mail may be sent. It then counts, and its link can be used. */
  async admit({ hash, address, network }: MailLinkRequest, mailsPerHour: number): Promise<boolean> {
    const nowMs = this.platform.clock.nowMs();
    const isOver =
      this.#isOver("asked_ms > ?", [], { most: mailsPerHour, withinMs: HOUR_MS }, nowMs) ||
      MAIL_LINK_LIMITS.perAddress.some((rate) =>
        this.#isOver("address = ? AND asked_ms > ?", [address], rate, nowMs),
      ) ||
      (network !== null &&
        MAIL_LINK_LIMITS.perNetwork.some((rate) =>
          this.#isOver("network = ? AND asked_ms > ?", [network], rate, nowMs),
        ));
    if (isOver) return false;
    this.#storage.insert(
      "INSERT INTO links (hash, address, network, asked_ms) VALUES (?, ?, ?, ?)",
      hash,
      address,
      network,
      nowMs,
    );
    if ((await this.ctx.storage.getAlarm()) === null) await this.#scheduleRemoval(nowMs);
    return true;
  }

  /** Whether a link may sign somebody in: the first time, while it is valid. */
  redeem(hash: string): boolean {
    const sinceMs = this.platform.clock.nowMs() - MAIL_LINK_LIMITS.lifetimeMs;
    const redeemed = this.#storage.exec(
      "UPDATE links SET used = 1 WHERE hash = ? AND used = 0 AND asked_ms > ? RETURNING hash",
      hash,
      sinceMs,
    );
    return redeemed.toArray().length === 1;
  }

  /** Removes what no limit counts any more. */
  override async alarm(): Promise<void> {
    this.#storage.exec("DELETE FROM links WHERE asked_ms <= ?", this.platform.clock.nowMs() - MAIL_LINK_LIMITS.keptMs);
    const [oldest] = this.#storage.exec<{ asked_ms: number }>("SELECT min(asked_ms) AS asked_ms FROM links").toArray();
    if (typeof oldest?.asked_ms === "number") await this.#scheduleRemoval(oldest.asked_ms);
  }

  #scheduleRemoval(oldestMs: number): Promise<void> {
    return this.ctx.storage.setAlarm(oldestMs + MAIL_LINK_LIMITS.keptMs);
  }

  /** Reads as many rows as the rate permits, however many there are. */
  #isOver(where: string, values: readonly string[], { most, withinMs }: MailLinkRate, nowMs: number): boolean {
    const query = `SELECT 1 FROM links WHERE ${where} LIMIT ?`;
    return this.#storage.exec(query, ...values, nowMs - withinMs, most).toArray().length >= most;
  }
}
