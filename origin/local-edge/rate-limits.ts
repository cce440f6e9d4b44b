/** The rate limits of an edge on this machine. */

/** Requests of one network a minute, by binding; `wrangler.toml` has the same. */
export const LOCAL_RATE_LIMITS = {
  LIMIT_JOINS: 1_200,
  LIMIT_SOCKETS: 600,
  LIMIT_BEACONS: 6_000,
  LIMIT_REPLAYS: 600,
  LIMIT_SECRETS: 60,
} as const;
