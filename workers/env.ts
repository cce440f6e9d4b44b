/** The Worker's bindings: those of `wrangler.toml`, and the variables and secrets of `core/api/config.ts`. */
import type { ConfigVariables } from "../core/api/config.ts";
import type { MailLinks } from "../durable-objects/access/mail-links.ts";
import type { Registry } from "../durable-objects/access/registry.ts";
import type { Directory } from "../durable-objects/directory/directory.ts";
import type { Dispatch } from "../durable-objects/dispatch/dispatch.ts";
import type { Live } from "../durable-objects/live/live.ts";
import type { Keyring } from "../durable-objects/room/keyring/keyring.ts";
import type { RoomRelay } from "../durable-objects/room/relay/room-relay.ts";
import type { Room } from "../durable-objects/room/sequencer/room.ts";
import type { ReviewerEnv } from "../durable-objects/room/shard/http-reviewer.ts";
import type { RoomShard } from "../durable-objects/room/shard/room-shard.ts";
import type { Shield } from "../durable-objects/shield/shield.ts";

/** All bindings. */
export interface Env extends ConfigVariables, ReviewerEnv {
  readonly LIVE: DurableObjectNamespace<Live>;
  readonly SHIELD: DurableObjectNamespace<Shield>;
  readonly ROOM: DurableObjectNamespace<Room>;
  readonly ROOM_RELAY: DurableObjectNamespace<RoomRelay>;
  readonly ROOM_SHARD: DurableObjectNamespace<RoomShard>;
  readonly KEYRING: DurableObjectNamespace<Keyring>;
  readonly REGISTRY: DurableObjectNamespace<Registry>;
  readonly DISPATCH: DurableObjectNamespace<Dispatch>;
  readonly DIRECTORY: DurableObjectNamespace<Directory>;
  readonly MAIL_LINKS: DurableObjectNamespace<MailLinks>;
  /** Sends the mails of the edge's own sign-in. */
  readonly EMAIL?: SendEmail;
  /** Finished segments. */
  readonly MEDIA: R2Bucket;
  /** Rate limits of one network; see `access/rate-limits.ts`. */
  readonly LIMIT_JOINS?: RateLimit;
  readonly LIMIT_SOCKETS?: RateLimit;
  readonly LIMIT_BEACONS?: RateLimit;
  readonly LIMIT_REPLAYS?: RateLimit;
  readonly LIMIT_SECRETS?: RateLimit;
  readonly LIMIT_GUESTS?: RateLimit;
  readonly LIMIT_SIGN_INS?: RateLimit;
  /** The pages built from `web/`. */
  readonly ASSETS: Fetcher;
}
