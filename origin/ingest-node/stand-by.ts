/** The sender of a session that is not on the air: read, judged and kept ready, its key checked, and put on the air in time. */
import type { StreamKeyRole } from "../../core/access/stream-key.ts";
import type { SenderRoles } from "../../core/ingest/health/backup-state.ts";
import type { IngestEvent } from "../../core/ingest/media-event.ts";
import { PassthroughError } from "../../core/ingest/passthrough/limits.ts";
import type { PassthroughTrack } from "../../core/ingest/passthrough/timeline-plan.ts";
import { AirSwitch, type TakeOver, type TakeOverReason } from "../../core/ingest/stand-by/air-switch.ts";
import { compareSenders } from "../../core/ingest/stand-by/compare-senders.ts";
import { STAND_BY_LIMITS } from "../../core/ingest/stand-by/limits.ts";
import { type Platform, startInterval } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";
import type { SenderConnection } from "./sender-connection.ts";
import type { SessionSender } from "./session-sender.ts";

/** What standing by needs of its session. */
export interface StandByOptions {
  readonly stream: StreamName;
  /** See `AirSwitchOptions`. */
  readonly returnMs: number | null;
  /** A sentence why the sender's key may not publish any more; null: it may, or it is not known. */
  readonly checkKey: (connection: SenderConnection) => Promise<string | null>;
  readonly log: Readonly<Record<"info" | "warn", (text: string) => void>>;
  readonly platform: Platform;
  /** Milliseconds since the epoch, never going back. */
  readonly epochNowMs: () => number;
  /** Whether pictures that cannot be passed through can be encoded anew now. */
  readonly canTranscode: () => boolean;
  readonly onAir: () => SessionSender | null;
  /** Puts a ready sender on the air; the one before it, if it is connected, stands by. */
  readonly putOnAir: (sender: SessionSender, reason: TakeOverReason) => void;
  /** The sender on the air has sent nothing for as long as viewers can wait, and for so long that it is lost. */
  readonly onSilence: (sender: SessionSender) => void;
  readonly onLost: (sender: SessionSender) => void;
}

/** A sender by its key or its role. */
export type SenderQuery = { readonly key: string } | { readonly role: StreamKeyRole };

/** See the file's first line. */
export class StandBy {
  readonly #options: StandByOptions;
  readonly #air: AirSwitch;
  /** Null while there is no sender: a broadcast that waits with a slate costs no ticks. */
  #stopTicks: (() => void) | null = null;
  #isStopped = false;
  #sender: SessionSender | null = null;
  #checkedMs = Number.NEGATIVE_INFINITY;
  #isChecking = false;

  constructor(options: StandByOptions) {
    this.#options = options;
    this.#air = new AirSwitch({ returnMs: options.returnMs });
  }

  /** The sender that stands by, or null. */
  get sender(): SessionSender | null {
    return this.#sender;
  }

  /** What is known of primary and backup. */
  describe(): SenderRoles {
    const [primary, backup] = [this.find("primary"), this.find("backup")];
    const outline = ({ begin, decision }: SessionSender): Parameters<typeof compareSenders>[0] => ({
      tracks: begin?.tracks ?? [],
      decision,
    });
    const differs = backup === null || primary === null ? null : compareSenders(outline(backup), outline(primary));
    return {
      onAir: this.#options.onAir()?.role ?? null,
      hasPrimary: primary !== null,
      hasBackup: backup !== null,
      differs: differs === null ? null : { backup: differs.one, primary: differs.other },
    };
  }

  /** Whether the sender could go on the air now. */
  get isReady(): boolean {
    return this.#sender !== null && this.#air.canTakeOver(this.#sender.role, this.#nowMs());
  }

  /** Whether a sender with this key, or of this role, is connected that has sent something lately. */
  isAlive(by: SenderQuery): boolean {
    return [this.#options.onAir(), this.#sender].some((sender) => {
      if (sender === null || this.#nowMs() - sender.lastEventMs >= INGEST_NODE_LIMITS.aliveMs) return false;
      return "key" in by ? sender.target.key === by.key : sender.role === by.role;
    });
  }

  /** A sender has gone on the air as the only one of its stream. */
  startOnAir(sender: SessionSender): void {
    this.#startTicks();
    this.#air.connect(sender.role, true, this.#nowMs());
  }

  /** The sender on the air has gone. Whether another one has taken its place. */
  endOnAir(sender: SessionSender): boolean {
    this.#air.disconnect(sender.role);
    return this.#apply(this.#air.decide(this.#nowMs()));
  }

  /** Media of the sender on the air that is published. */
  pushOnAir(sender: SessionSender, event: IngestEvent): void {
    this.#startTicks();
    this.#pushMedia(sender, event);
  }

  /** Takes a sender that has come while another one is on the air, or awaited. One before it has to be gone. */
  admit(sender: SessionSender, previous: readonly PassthroughTrack[]): void {
    this.#startTicks();
    this.#sender = sender;
    this.#checkedMs = this.#nowMs();
    sender.standBy(previous);
    this.#air.connect(sender.role, false, this.#nowMs());
  }

  /** `before` stands by, since `after` is on the air. */
  exchange(before: SessionSender | null, after: SessionSender, previous: readonly PassthroughTrack[]): void {
    this.#sender = before;
    this.#checkedMs = this.#nowMs();
    before?.standBy(previous);
    this.#air.switched(after.role, this.#nowMs());
  }

  /** Another broadcast has begun, whose tracks the sender would follow. */
  restart(previous: readonly PassthroughTrack[]): void {
    const sender = this.#sender;
    if (sender === null) return;
    sender.restart(previous);
    this.#air.setReady(sender.role, false, this.#nowMs());
  }

  /** The next event of the sender; one of another sender is not read. */
  push(sender: SessionSender, event: IngestEvent): void {
    if (this.#sender !== sender) return;
    const nowMs = this.#nowMs();
    sender.lastEventMs = nowMs;
    this.#pushMedia(sender, event);
    let hasKeyframe = false;
    try {
      for (const output of sender.read(event, this.#options.epochNowMs()))
        hasKeyframe = sender.group?.push(output) === true || hasKeyframe;
    } catch (error) {
      if (!(error instanceof PassthroughError)) throw error;
      this.#cut(sender, error.message);
      return;
    }
    this.#air.setReady(sender.role, this.#isReady(sender), nowMs);
    const takeOver = this.#air.decide(nowMs) ?? (hasKeyframe ? this.#air.decideAtKeyframe(sender.role, nowMs) : null);
    this.#apply(takeOver);
  }

  /** The sender has gone. */
  end(sender: SessionSender, why: string): void {
    if (this.#sender !== sender) return;
    this.#sender = null;
    this.#air.disconnect(sender.role);
    const { log, stream } = this.#options;
    log.info(`${stream}: the ${sender.role} sender, which stood by, ${why}.`);
  }

  /** Ends everything. */
  stop(sentence: string): void {
    this.#isStopped = true;
    this.#endTicks();
    const sender = this.#sender;
    this.#sender = null;
    sender?.connection.close(sentence);
  }

  /** The connected sender of this role, on the air or not, or null. */
  find(role: StreamKeyRole): SessionSender | null {
    return [this.#options.onAir(), this.#sender].find((each) => each?.role === role) ?? null;
  }

  #isReady({ group, decision }: SessionSender): boolean {
    const isFit = decision.kind !== "transcode" || this.#options.canTranscode();
    return isFit && group !== null && group.begin !== null && group.media.length > 0;
  }

  #pushMedia(sender: SessionSender, event: IngestEvent): void {
    if (event.kind === "frame")
      this.#air.pushMedia(sender.role, event.media === "video" || !sender.hasPictures, this.#nowMs());
  }

  #startTicks(): void {
    if (this.#stopTicks !== null || this.#isStopped) return;
    this.#stopTicks = startInterval(this.#options.platform.clock, STAND_BY_LIMITS.tickMs, () => this.#tick());
  }

  #endTicks(): void {
    this.#stopTicks?.();
    this.#stopTicks = null;
  }

  #tick(): void {
    if (this.#options.onAir() === null && this.#sender === null) {
      this.#endTicks();
      return;
    }
    const nowMs = this.#nowMs();
    this.#apply(this.#air.tick(nowMs));
    const onAir = this.#options.onAir();
    const silentMs = onAir === null ? 0 : this.#silentMs(onAir, nowMs);
    if (onAir !== null && silentMs >= INGEST_NODE_LIMITS.slateAfterMs) this.#options.onSilence(onAir);
    if (onAir !== null && silentMs >= INGEST_NODE_LIMITS.silenceMs) this.#options.onLost(onAir);
    const sender = this.#sender;
    if (sender === null) return;
    if (this.#silentMs(sender, nowMs) >= INGEST_NODE_LIMITS.silenceMs)
      this.#cut(sender, "Nothing was received for too long.");
    else if (nowMs - this.#checkedMs >= INGEST_NODE_LIMITS.keyCheckMs) this.#checkKey(sender);
  }

  /** How long the sender has sent nothing; 0 while what has come may not be read yet. */
  #silentMs({ lastEventMs }: SessionSender, nowMs: number): number {
    return this.#air.isTimely ? nowMs - lastEventMs : 0;
  }

  #apply(takeOver: TakeOver | null): boolean {
    const sender = this.#sender;
    if (takeOver === null || sender === null || sender.role !== takeOver.to) return false;
    this.#options.putOnAir(sender, takeOver.reason);
    return true;
  }

  /** Nothing is published with its key, so that nobody else tells that it is revoked. */
  #checkKey(sender: SessionSender): void {
    if (this.#isChecking) return;
    this.#isChecking = true;
    this.#checkedMs = this.#nowMs();
    this.#options
      .checkKey(sender.connection)
      .then((sentence) => {
        if (sentence !== null && this.#sender === sender) this.#cut(sender, sentence);
      })
      .catch(() => {})
      .finally(() => {
        this.#isChecking = false;
      });
  }

  #cut(sender: SessionSender, sentence: string): void {
    const { log, stream } = this.#options;
    log.warn(`${stream}: the ${sender.role} sender, which stands by, is refused: ${sentence}`);
    this.#sender = null;
    this.#air.disconnect(sender.role);
    sender.connection.close(sentence);
  }

  #nowMs(): number {
    return this.#options.platform.clock.monotonicMs();
  }
}
