/** What the Worker is bound to. */

import type { ViewerTokenKeys } from "../core/access/viewer-token.ts";
import type { Registry } from "../durable-objects/access/registry.ts";
import type { Live } from "../durable-objects/live/live.ts";
import type { Keyring } from "../durable-objects/room/keyring/keyring.ts";
import type { RoomRelay } from "../durable-objects/room/relay/room-relay.ts";
import type { Room } from "../durable-objects/room/sequencer/room.ts";
import type { ReviewerEnv } from "../durable-objects/room/shard/http-reviewer.ts";
import type { RoomShard } from "../durable-objects/room/shard/room-shard.ts";
import type { Shield } from "../durable-objects/shield/shield.ts";

/** Bindings of `wrangler.toml`. */
export interface Env extends ReviewerEnv, ViewerTokenKeys {
  readonly LIVE: DurableObjectNamespace<Live>;
  readonly SHIELD: DurableObjectNamespace<Shield>;
  readonly ROOM: DurableObjectNamespace<Room>;
  readonly ROOM_RELAY: DurableObjectNamespace<RoomRelay>;
  readonly ROOM_SHARD: DurableObjectNamespace<RoomShard>;
  readonly KEYRING: DurableObjectNamespace<Keyring>;
  readonly REGISTRY: DurableObjectNamespace<Registry>;
  /** Finished segments. */
  readonly MEDIA: R2Bucket;
  /** Limits of requests of one network; see `rate-limits.ts`. */
  readonly LIMIT_JOINS?: RateLimit;
  readonly LIMIT_SOCKETS?: RateLimit;
  readonly LIMIT_BEACONS?: RateLimit;
  readonly LIMIT_REPLAYS?: RateLimit;
  readonly LIMIT_SECRETS?: RateLimit;
  /** The pages built from `web/`. */
  readonly ASSETS: Fetcher;
  /** Opens the control API; without it the control API is shut. */
  readonly CORRAL_ADMIN_TOKEN?: string;
  /** Opens `/metrics`; without it the admin token does. */
  readonly CORRAL_METRICS_TOKEN?: string;
  /** Secret of viewer tokens that are signed with HS256. */
  readonly CORRAL_VIEWER_SECRET?: string;
  /** Public keys (a JWKS in JSON) of viewer tokens that are signed with ES256, found by their `kid`. */
  readonly CORRAL_VIEWER_JWKS?: string;
  /**
   * In local runs only: `POST /dev/token` gives whoever asks on this machine any viewer token. "1", or a name that the edge is
   * reached by beside localhost.
   */
  readonly CORRAL_DEV_TOKENS?: string;
  /** The secret of what only the edge itself makes and checks (device keys, tickets, names of networks); see `secrets.ts`. */
  readonly CORRAL_EDGE_SECRET?: string;
  /** Origins beside this edge's own whose pages may open rooms, with spaces between. */
  readonly CORRAL_ORIGINS?: string;
  /** How many hours of a room's history are kept, and how many events; see `core/room/sequencer/retention.ts`. */
  readonly CORRAL_ROOM_KEEP_HOURS?: string;
  readonly CORRAL_ROOM_KEEP_EVENTS?: string;
  /** Sockets a room's shard should have, children of its objects, sockets of an address; see `core/room/sharding.ts`. */
  readonly CORRAL_ROOM_SHARD_FILL?: string;
  readonly CORRAL_ROOM_FAN_OUT?: string;
  readonly CORRAL_ROOM_SOCKETS_PER_ADDRESS?: string;
  /** Region and data centre, like "weur/FRA", where the platform doesn't tell them; see `core/delivery/tree/node-address.ts`. */
  readonly CORRAL_SITE?: string;
  /** Viewers that one isolate lets in a second; see `core/delivery/join-admission.ts`. */
  readonly CORRAL_JOINS_PER_SECOND?: string;
  /** Those who are sent away come back within this many seconds. */
  readonly CORRAL_JOIN_SPREAD_S?: string;
}
