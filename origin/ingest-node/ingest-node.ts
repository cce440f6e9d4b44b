/** An ingest node: many senders at once, each of which is checked, packaged and published as a broadcast of its stream. */
import { parseNetwork } from "../../core/access/network.ts";
import type { ProblemDocument } from "../../core/api/problems.ts";
import { HealthMonitor } from "../../core/ingest/health/health-monitor.ts";
import { STAND_BY_LIMITS } from "../../core/ingest/stand-by/limits.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import type { Platform } from "../../core/kit/clock.ts";
import { createEpochClock } from "../../core/kit/epoch-clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { TokenBuckets } from "../../core/kit/token-buckets.ts";
import { errorMessage } from "../kit/errors.ts";
import { withLogFields } from "../kit/log.ts";
import type { Transcoder } from "../packager/transcoder.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";
import type { IngestTarget } from "./ingest-publisher.ts";
import { IngestSession } from "./ingest-session.ts";
import type { IngestPackaging } from "./published-broadcast.ts";
import type { LowerLadder } from "./renditions/lower-ladder.ts";
import type { RefusalReason, SenderConnection } from "./sender-connection.ts";
import type { IngestSessionOptions } from "./session-options.ts";
import type { SlateLibrary } from "./slate-encoder.ts";
import { LocalPlaces, type TranscodePlaces } from "./transcode-places.ts";

/**
 * Whether a sender may publish. A refusal is a sentence for its operator, with a reason for its protocol, `key` if absent, and
 * the edge's problem, if it has told one.
 */
export type SenderAuthorization =
  | { readonly kind: "granted"; readonly target: IngestTarget }
  | {
      readonly kind: "refused";
      readonly sentence: string;
      readonly reason?: RefusalReason;
      readonly problem?: ProblemDocument;
    };

/** What a node needs. */
export interface IngestNodeOptions {
  /**
   * Checks a sender's stream and key. `ownBroadcast`: what this node publishes of the stream, or null. May reject: the
   * sender is refused then.
   */
  readonly authorize: (connection: SenderConnection, ownBroadcast: string | null) => Promise<SenderAuthorization>;
  readonly packaging: IngestPackaging;
  /** See `IngestSessionOptions`; absent: null. */
  readonly slates?: SlateLibrary | null;
  /** See `IngestSessionOptions`; absent: null. */
  readonly lower?: LowerLadder | null;
  /** See `IngestSessionOptions`; absent: false. */
  readonly hasAac?: boolean;
  /** See `IngestSessionOptions`. */
  readonly transcoder: Transcoder | null;
  /** Without it, those of the transcoder. */
  readonly places?: TranscodePlaces;
  /** See `IngestSessionOptions`. */
  readonly reconnectMs: number;
  /** See `AirSwitchOptions`; absent: the usual time. */
  readonly returnMs?: number | null;
  readonly log: IngestSessionOptions["log"];
  readonly platform: Platform;
  /** Fewer broadcasts than the limit. */
  readonly maxBroadcasts?: number;
}

const IN_USE = "Another encoder is live with this stream; stop it first, or wait a few seconds.";

/** See the file's first line. */
export class IngestNode {
  readonly #options: IngestNodeOptions;
  readonly #epochNowMs: () => number;
  readonly #sessions = new Map<StreamName, IngestSession>();
  /** Sessions that are ending, by stream: the next one waits for them. */
  readonly #endings = new Map<StreamName, Promise<void>>();
  /** When pictures of a stream were refused, monotonic milliseconds. */
  readonly #unfit = new BoundedMap<StreamName, number>(INGEST_NODE_LIMITS.refusedStreams);
  /** Health of streams, also of those whose sender was refused and comes again. */
  readonly #monitors = new BoundedMap<StreamName, HealthMonitor>(INGEST_NODE_LIMITS.monitors);
  /** Refused keys by network. */
  readonly #refusals = new TokenBuckets();
  #pending = 0;
  #isClosed = false;
  #isDraining = false;

  constructor(options: IngestNodeOptions) {
    this.#options = options;
    this.#epochNowMs = createEpochClock(options.platform.clock);
  }

  /** Broadcasts on the air or waiting for their sender. */
  describe(): ReadonlyMap<StreamName, ReturnType<IngestSession["describe"]>> {
    return new Map([...this.#sessions].map(([stream, session]) => [stream, session.describe()]));
  }

  /** Takes a sender from a listener: accepts or refuses it. */
  async admit(connection: SenderConnection): Promise<void> {
    const authorization = await this.#authorize(connection);
    if (authorization.kind === "granted") this.#attach(connection, authorization.target);
    else {
      const { stream, protocol, remoteAddress } = connection;
      withLogFields(this.#options.log, { stream }).debug(
        `${stream}: ${protocol} from ${remoteAddress} is refused: ${authorization.sentence}`,
      );
      connection.refuse(authorization.sentence, authorization.reason, authorization.problem);
    }
  }

  async #authorize(connection: SenderConnection): Promise<SenderAuthorization> {
    const log = withLogFields(this.#options.log, { stream: connection.stream });
    const { remoteAddress } = connection;
    const nowMs = this.#options.platform.clock.monotonicMs();
    const network = parseNetwork(remoteAddress) ?? remoteAddress;
    const rate = INGEST_NODE_LIMITS.refusals;
    const isTooMany = this.#refusals.remainingTokens(network, rate, nowMs) < 1;
    const full = isTooMany
      ? refuse("throttled", "Your network was refused too often; try again in a minute.")
      : this.#refusalWhenFull(connection);
    if (full !== null) return full;
    this.#pending += 1;
    try {
      const authorization = await this.#check(connection);
      if (authorization.kind === "refused") {
        this.#refusals.tryTake(network, rate, nowMs);
        return authorization;
      }
      // Another sender may have come meanwhile, or one of the same role is connected.
      const isTaken = this.#sessions
        .get(connection.stream)
        ?.standBy.isAlive({ role: authorization.target.role ?? "primary" });
      return this.#refusalWhenFull(connection) ?? (isTaken === true ? refuse("in-use", IN_USE) : authorization);
    } catch (error) {
      log.warn(`${connection.stream}: the key cannot be checked: ${errorMessage(error)}`);
      return refuse("overload", "The stream key cannot be checked now; try again.");
    } finally {
      this.#pending -= 1;
    }
  }

  #check(connection: SenderConnection): Promise<SenderAuthorization> {
    return this.#options.authorize(connection, this.#sessions.get(connection.stream)?.broadcastId ?? null);
  }

  /** Broadcasts that are not over yet. */
  get broadcastCount(): number {
    return new Set([...this.#sessions.keys(), ...this.#endings.keys()]).size;
  }

  /** Takes no new broadcast any more; those on the air go on, with the senders that return to them. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Cuts every sender and ends the broadcasts. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#sessions.values()].map((session) => session.stop("The server is closing.")));
    await Promise.all(this.#endings.values());
  }

  #refusalWhenFull({ stream, key }: SenderConnection): SenderAuthorization | null {
    const { maxBroadcasts = INGEST_NODE_LIMITS.broadcasts } = this.#options;
    const session = this.#sessions.get(stream);
    if (this.#isClosed) return refuse("overload", "The server is closing.");
    const isFull =
      session?.standBy.isAlive({ role: "primary" }) === true && session.standBy.isAlive({ role: "backup" });
    if (isFull || session?.standBy.isAlive({ key }) === true) return refuse("in-use", IN_USE);
    if (this.#isDraining && session === undefined)
      return refuse("overload", "This server takes no new broadcasts, because it is being shut down; connect again.");
    if (session === undefined && this.#sessions.size >= maxBroadcasts)
      return refuse("overload", "This server has no room for another broadcast now; try again later.");
    if (this.#pending >= INGEST_NODE_LIMITS.pendingSenders)
      return refuse("overload", "Too many senders connect at once; try again.");
    return null;
  }

  #attach(connection: SenderConnection, target: IngestTarget): void {
    const { stream } = connection;
    const session = this.#sessions.get(stream) ?? this.#createSession(stream, target);
    this.#sessions.set(stream, session);
    session.admit(connection, target);
  }

  #createSession(stream: StreamName, target: IngestTarget): IngestSession {
    const { packaging, slates = null, lower = null, hasAac = false, transcoder, reconnectMs, platform } = this.#options;
    const log = withLogFields(this.#options.log, { stream });
    const { returnMs = STAND_BY_LIMITS.returnMs } = this.#options;
    const places = this.#options.places ?? (transcoder === null ? null : new LocalPlaces(transcoder));
    const { clock } = platform;
    const refusedMs = this.#unfit.get(stream);
    const mustBeJudged = refusedMs !== undefined && clock.monotonicMs() - refusedMs < INGEST_NODE_LIMITS.refusalMs;
    const monitor = this.#monitors.get(stream) ?? new HealthMonitor();
    this.#monitors.set(stream, monitor);
    const session: IngestSession = new IngestSession({
      monitor,
      ...{
        stream,
        target,
        packaging,
        slates,
        lower,
        hasAac,
        transcoder,
        places,
        reconnectMs,
        returnMs,
        mustBeJudged,
        log,
        platform,
      },
      checkKey: async (connection) => {
        const authorization = await this.#check(connection);
        return authorization.kind === "refused" && (authorization.reason ?? "key") === "key"
          ? authorization.sentence
          : null;
      },
      epochNowMs: this.#epochNowMs,
      previous: this.#endings.get(stream) ?? Promise.resolve(),
      onDecision: (isFit) => {
        if (isFit) this.#unfit.delete(stream);
        else this.#unfit.set(stream, clock.monotonicMs());
      },
      onEnd: (done) => {
        if (this.#sessions.get(stream) === session) this.#sessions.delete(stream);
        const settled = done
          .catch((error: unknown) => log.error(`${stream}: ${errorMessage(error)}`))
          .finally(() => {
            if (this.#endings.get(stream) === settled) this.#endings.delete(stream);
          });
        this.#endings.set(stream, settled);
      },
    });
    return session;
  }
}

function refuse(reason: RefusalReason, sentence: string): Extract<SenderAuthorization, { kind: "refused" }> {
  return { kind: "refused", sentence, reason };
}
