/** Branches that no run reaches, each with its reason. They are listed by the report, and no share counts them. */

/** Branches of the lines of a file that contain a text. */
export interface UnreachableBranch {
  readonly path: string;
  readonly text: string;
  /** Only branches of these kinds; absent: of all. */
  readonly kinds?: readonly string[];
  readonly why: string;
}

const ONE_VERSION = "all nodes of a run have one version";
const MALFORMED = `${ONE_VERSION}, and none sends a malformed feed`;
const OWN_CALLS = "only the deployment's own objects and isolates call this, with whole requests";
const ONE_STREAM = "a run has one stream, and an isolate evicts streams where it has many";
const SITES = "sites come from the configuration, not from the platform's data of a request";
const WELL_FORMED = "publishers of a run send whole boxes; tests of these files hold what others lead to";
const BOUNDED = "the code has bounded the index or key; the type of a look-up has no bounds";
const PLACEHOLDER = "a function that stands until the real one is set, before anybody can call it";
const CHECKED = "the caller has checked this; what is beyond it contradicts the log";
const NETWORK_KNOWN = "the platform names the network of each request";
const ISSUED_TOKENS = "tokens of a run have a version and an end, as those of every issuer";
const OLD_ROWS = "rows of earlier releases lack this, and a run begins with empty storage";
const RANDOM_IDS = "a client's ids have 96 random bits: two clients do not draw the same ones";
const FULL_TREE = "limits that need more regions, or more nodes of a region, than a run has";
const NO_CALLER = "an interface for pages and tests, which nothing in a deployment calls";

const only = (path: string, why: string, ...texts: readonly (string | readonly [string, ...string[]])[]) =>
  texts.map((each): UnreachableBranch => {
    if (typeof each === "string") return { path, text: each, why };
    const [text, ...kinds] = each;
    return { path, text, kinds, why };
  });

/** All of them. */
export const UNREACHABLE: readonly UnreachableBranch[] = [
  ...only(
    "core/broadcast/feed-codec.ts",
    MALFORMED,
    "throw new FeedError(",
    "catch (cause)",
    "throw cause instanceof FeedError",
    ["if (this.#piecesBytes > MESSAGE_PREFIX_BYTES", "if"],
    ["this.#openSnapshot?.snapshot.build() ??", "??"],
    ["HEADER_KINDS.has(", "if"],
  ),
  ...only("core/broadcast/feed-codec.ts", CHECKED, ["if (head.byteLength > BROADCAST_LIMITS.feedHeaderBytes", "if"]),
  ...only(
    "core/broadcast/feed-codec.ts",
    NO_CALLER,
    "get atBoundary()",
    "this.#bufferedBytes === 0 && this.#piecesBytes",
  ),
  ...only("core/broadcast/feed-codec.ts", BOUNDED, ["this.#chunks[0] ?? EMPTY", "??"]),
  ...only(
    "core/broadcast/packed-segments.ts",
    MALFORMED,
    ["if (first !== next ||", "if"],
    ["if ((first % SEGMENTS_PER_PACK) + count", "if"],
    ["if (length > 0 && first % SEGMENTS_PER_PACK", "if"],
  ),
  ...only("core/broadcast/replica-subscription.ts", PLACEHOLDER, ["this.#listener = () => {};", "function"]),
  ...only("core/broadcast/replica-subscription.ts", PLACEHOLDER, ["#listener: () => void = () => {};", "function"]),
  ...only(
    "core/broadcast/replica.ts",
    CHECKED,
    ["} catch (error) {", "catch"],
    "if (error instanceof BroadcastLogError) return",
    ["an init entry carries its bytes", "if"],
    ["in this broadcast`);", "if"],
  ),
  ...only("core/broadcast/replica.ts", BOUNDED, ["!segment.durable) ?? false", "??"]),
  ...only("core/broadcast/segment-window.ts", MALFORMED, "fail("),
  ...only(
    "core/broadcast/segment-window.ts",
    CHECKED,
    ["if (meta.msn !== next.msn || meta.part !== next.part)", "if"],
    ["no open segment", "if"],
  ),
  ...only("core/broadcast/segment-window.ts", BOUNDED, ["if (first === undefined) break;", "if"]),
  ...only("core/broadcast/snapshot-codec.ts", MALFORMED, "return null;", "return false;"),
  ...only("core/broadcast/stream-status.ts", ONE_VERSION, ["more[key] ?? 0", "??"], ["more.mostCrossings ?? 0", "??"]),
  ...only(
    "core/broadcast/tail-buffer.ts",
    BOUNDED,
    ["segments[first]?.durationTicks ?? 0", "??"],
    ["for (const bytes of segments?.get(msn) ?? [])", "??"],
  ),
  ...only("core/broadcast/track-position.ts", CHECKED, ["throw new RangeError(", "if"]),

  ...only(
    "core/delivery/flow/flow-boxes.ts",
    WELL_FORMED,
    ["} catch (error) {", "catch"],
    "if (error instanceof CmafError) return null;",
    ["if (start === null) return new Uint8Array(0);", "if"],
  ),
  ...only("core/delivery/flow/flow-boxes.ts", BOUNDED, ["video ?? new Uint8Array(0)", "??"]),
  ...only(
    "core/delivery/flow/flow-load.ts",
    NO_CALLER,
    "export function flowWriteIntervalMs",
    "const unitMs = FLOW_LIMITS.units.findLast",
  ),
  ...only(
    "core/delivery/flow/flow-load.ts",
    BOUNDED,
    ["FLOW_LIMITS.units[this.#unit]?.ms ?? 0", "??"],
    ["units[this.#unit]?.viewers ?? 0", "??"],
  ),
  ...only(
    "core/delivery/flow/flow-pieces.ts",
    WELL_FORMED,
    ["} catch (error) {", "catch"],
    'if (error instanceof CmafError) return "unusable";',
  ),
  ...only(
    "core/delivery/flow/flow-reader.ts",
    WELL_FORMED,
    ["} catch (error) {", "catch"],
    "if (error instanceof CmafError) return { cursor, bytes: null",
  ),
  ...only("core/delivery/stream-eviction.ts", ONE_STREAM, ""),
  ...only("core/delivery/edge-stream.ts", ONE_STREAM, ["close(): void", "function"]),
  ...only(
    "core/delivery/feed-leases.ts",
    ONE_STREAM,
    ["if (this.#isClosed) return null;", "if"],
    ["close(): void", "function"],
  ),
  ...only("core/delivery/feed-leases.ts", NO_CALLER, "get current()"),
  ...only("core/delivery/feed-client.ts", "a feed ends with `bye`, or breaks", [
    'if (chunk.done) return "broken"',
    "if",
  ]),
  ...only(
    "core/delivery/feed-client.ts",
    OWN_CALLS,
    ["queryStart < 0 ?", "then"],
    ["if (node === null || report === null)", "if"],
    ['if (kind !== "isolate"', "if"],
    ['(text ?? "").split', "??"],
  ),
  ...only("core/delivery/feed-fanout.ts", "a stream starts before it is read or cancelled", [
    "if (feed !== undefined)",
    "else",
  ]),
  ...only(
    "core/delivery/feed-fanout.ts",
    "a stream that is over is no feed any more",
    ["controller.desiredSize ?? 0", "??"],
    ["} catch {", "catch"],
  ),
  ...only("core/delivery/feed-fanout.ts", BOUNDED, ["segments[first]?.durationTicks ?? 0", "??"]),
  ...only("core/delivery/feed-fanout.ts", "a feed that has caught up brings the status", [
    "if (status !== null) yield",
    "else",
  ]),
  ...only("core/delivery/feed-follower.ts", ONE_VERSION, ["header.unheardMs ?? 0", "??"]),
  ...only(
    "core/delivery/feed-follower.ts",
    "a feed's `hello` comes before its heartbeats",
    ['updater.resumePosition?.epoch ?? ""', "??"],
    ["updater.resumePosition?.offset ?? 0", "??"],
    ["if (this.#feedingNode === null) return;", "if"],
  ),
  ...only("core/delivery/feed-redirect.ts", FULL_TREE, ["FEED_LIMITS.subscribers ?", "then"]),
  ...only("core/delivery/node-counters.ts", BOUNDED, ["this.#reportedCounters.get(tier) ?? zeroCounters()", "??"]),
  ...only("core/delivery/r2-keys.ts", BOUNDED, ['split("/", 1)[0] ??', "??"]),
  ...only("core/delivery/request-parking.ts", NETWORK_KNOWN, ["if (network !== null) this.#pool.release", "else"]),
  ...only(
    "core/delivery/tree/feed-policy.ts",
    "the Live object redirects no region's shield, and a region's shield redirects nobody down",
    [": null;", "otherwise"],
    ['case "region":', "case"],
  ),
  ...only(
    "core/delivery/tree/feed-policy.ts",
    FULL_TREE,
    ["load.isolates < TREE_LIMITS.regionIsolates", "otherwise"],
    'return requester.hasSite && requester.kind !== "region"',
    ': requesterKind === "colo"',
    "? regionShieldAddress(site)",
  ),
  ...only("core/delivery/tree/node-address.ts", SITES, "continent", "country", 'case "', "return east", "default:", [
    "if (colo === undefined ||",
    "else",
    "||",
  ]),
  ...only("core/delivery/tree/node-address.ts", BOUNDED, ['.test(shard ?? "")', "??"]),
  ...only(
    "core/delivery/tree/parent-resolver.ts",
    "nobody redirects a node without a site, or a region's shield",
    ["site === null ? null", "then"],
    ['case "live":', "case"],
    ['case "region":', "case"],
  ),

  ...only("core/room/jurisdiction-namespace.ts", "the simulated platform has jurisdictions", "} catch {"),
  ...only("core/room/client/client.ts", PLACEHOLDER, ["#cancelWelcome: () => void = () => {}", "function"]),
  ...only("core/room/client/client.ts", NO_CALLER, "get clockAheadMs()"),
  ...only("core/room/client/client.ts", "the room sends texts only", ['if (typeof data !== "string")', "if"]),
  ...only("core/room/client/command-outbox.ts", RANDOM_IDS, ['outcome.error === "id-used"', "if"], "#resendWithNewId("),
  ...only("core/room/client/command-outbox.ts", BOUNDED, ["if (command === undefined) return;", "if", "else"]),
  ...only(
    "core/room/client/decode-server-frame.ts",
    `${ONE_VERSION}, and rooms send whole frames`,
    ["if (fields.from > fields.to)", "if"],
    ["if (!Array.isArray(list))", "if"],
  ),
  ...only("core/room/client/event-inbox.ts", BOUNDED, ["this.#position?.offset ?? frame.from", "??"]),
  ...only("core/room/client/token-renewal.ts", PLACEHOLDER, ["#serverNowMs: () => number = () => 0", "function"]),
  ...only("core/room/commands/review.ts", OLD_ROWS, ["digest === undefined ?", "then"]),
  ...only("core/room/commands/sanction.ts", OLD_ROWS, ["current.rank ?? rank", "??"]),
  ...only("core/room/commands/unban.ts", OLD_ROWS, ["sanction.rank ?? rank", "??"]),
  ...only("core/room/room-state.ts", OLD_ROWS, ['sanction.rank ?? "host"', "??"]),
  ...only("core/room/room-state.ts", "every participant has a device", ['if (who.device !== "")', "else"]),
  ...only("core/room/room-state.ts", BOUNDED, ["value === null ? null : untilMs(value)", "then"]),
  ...only("core/room/events.ts", "erasures name events that hold personal data", ["redacted(stamp) ??", "??"]),
  ...only("core/room/entries/sanction.ts", "an erasure takes the signer from entries that stand", [
    "entry.value === null ? entry",
    "then",
  ]),
  ...only("core/room/object-names.ts", "objects have names", ['(name ?? "").split', "??"]),
  ...only(
    "core/room/recent-events.ts",
    BOUNDED,
    [".offset ?? this.#fromOffset", "??"],
    ["?.offset ?? 0) > offset", "??"],
  ),
  ...only("core/room/restrictions.ts", BOUNDED, ["access.stop?.category ?? refusal", "??"]),
  ...only("core/room/sequencer/decide.ts", "a shard refuses commands without an account, so the room gets none", [
    'return refuseCommand("sign-in")',
    "if",
  ]),
  ...only("core/room/sequencer/subject-data.ts", "commands of a room have senders with accounts", [
    "if (by.subject !== null) yield",
    "else",
  ]),
  ...only("core/room/sequencer/history-change.ts", BOUNDED, ['envelope.by.subject ?? ""', "??"]),
  ...only(
    "core/room/sequencer/staff-grants.ts",
    ISSUED_TOKENS,
    ["expiresMs ?? nowMs", "??"],
    ["tokenVersion ?? 0", "??"],
  ),
  ...only(
    "core/room/shard/encode-welcome.ts",
    BOUNDED,
    ["range.events[first - 1]?.offset ??", "??"],
    ["events[first - 1]?.bytes ?? 0", "??"],
  ),
  ...only(
    "core/room/shard/shard-budgets.ts",
    NETWORK_KNOWN,
    ['address === "" ? own', "then"],
    ['if (address !== "") this.#buckets', "else"],
  ),
];
