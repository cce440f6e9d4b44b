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

/** Links of the last time of this length. A clock that was set back leaves links ahead of it: they count for as long. */
const WITHIN = "asked_ms > ? AND asked_ms < ?";

const boundsOf = (withinMs: number, nowMs: number): [number, number] => [nowMs - withinMs, nowMs + withinMs];

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
      this.#isOver("", [], { most: mailsPerHour, withinMs: HOUR_MS }, nowMs) ||
      MAIL_LINK_LIMITS.perAddress.some((rate) => this.#isOver("address = ? AND ", [address], rate, nowMs)) ||
      (network !== null &&
        MAIL_LINK_LIMITS.perNetwork.some((rate) => this.#isOver("network = ? AND ", [network], rate, nowMs)));
    if (isOver) return false;
    this.#storage.insert(
      "INSERT INTO links (hash, address, network, asked_ms) VALUES (?, ?, ?, ?)",
      hash,
      address,
      network,
      nowMs,
    );
    await this.#scheduleRemoval();
    return true;
  }

  /** Whether a link may sign somebody in: the first time, while it is valid. */
  redeem(hash: string): boolean {
    const redeemed = this.#storage.exec(
      `UPDATE links SET used = 1 WHERE hash = ? AND used = 0 AND ${WITHIN} RETURNING hash`,
      ...[hash, ...boundsOf(MAIL_LINK_LIMITS.lifetimeMs, this.platform.clock.nowMs())],
    );
    return redeemed.toArray().length === 1;
  }

  /** Removes what no limit counts any more. */
  override async alarm(): Promise<void> {
    const nowMs = this.platform.clock.nowMs();
    this.#storage.exec(
      "DELETE FROM links WHERE asked_ms <= ? OR asked_ms >= ?",
      nowMs - MAIL_LINK_LIMITS.keptMs,
      nowMs + MAIL_LINK_LIMITS.lifetimeMs,
    );
    await this.#scheduleRemoval();
  }

  /**
   * Sets the alarm by what is stored, in the turn of the call. The platform's answer about the alarm does not count: it is null
   * while the alarm's handler runs.
   */
  async #scheduleRemoval(): Promise<void> {
    const [oldest] = this.#storage.exec<{ asked_ms: number }>("SELECT min(asked_ms) AS asked_ms FROM links").toArray();
    if (typeof oldest?.asked_ms !== "number") return;
    const oldestMs = Math.min(oldest.asked_ms, this.platform.clock.nowMs());
    await this.ctx.storage.setAlarm(oldestMs + MAIL_LINK_LIMITS.keptMs);
  }

  /** Reads as many rows as the rate permits, however many there are. */
  #isOver(where: string, values: readonly string[], { most, withinMs }: MailLinkRate, nowMs: number): boolean {
    const query = `SELECT 1 FROM links WHERE ${where}${WITHIN} LIMIT ?`;
    return this.#storage.exec(query, ...values, ...boundsOf(withinMs, nowMs), most).toArray().length >= most;
  }
}
