/** Branches that no run reaches, each with its reason. They are listed by the report, and no share counts them. */

/** Branches of the lines of a file that contain a text. */
export interface UnreachableBranch {
  readonly path: string;
  readonly text: string;
  readonly why: string;
}

const MALFORMED = "all nodes of a run have one version, and none sends a malformed feed";
const ONE_STREAM = "a run has one stream, and an isolate evicts streams where it has many";
const SITES = "sites come from the configuration, not from the platform's data of a request";

/** All of them. */
export const UNREACHABLE: readonly UnreachableBranch[] = [
  { path: "core/broadcast/feed-codec.ts", text: "throw new FeedError(", why: MALFORMED },
  { path: "core/broadcast/feed-codec.ts", text: "catch (cause)", why: MALFORMED },
  { path: "core/broadcast/feed-codec.ts", text: "throw cause instanceof FeedError", why: MALFORMED },
  { path: "core/broadcast/segment-window.ts", text: "fail(", why: MALFORMED },
  { path: "core/broadcast/segment-window.ts", text: "const fail =", why: MALFORMED },
  { path: "core/broadcast/snapshot-codec.ts", text: "return null;", why: MALFORMED },
  { path: "core/delivery/stream-eviction.ts", text: "", why: ONE_STREAM },
  { path: "core/delivery/tree/node-address.ts", text: "hints", why: SITES },
  { path: "core/delivery/tree/node-address.ts", text: "continent", why: SITES },
  { path: "core/delivery/tree/node-address.ts", text: "country", why: SITES },
  { path: "core/delivery/tree/node-address.ts", text: 'case "', why: SITES },
  { path: "core/delivery/tree/node-address.ts", text: "return east", why: SITES },
  { path: "core/room/jurisdiction-namespace.ts", text: "} catch {", why: "the simulated platform has jurisdictions" },
];
