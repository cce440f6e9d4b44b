/** Nodes of the delivery tree for tests and the simulation: a broadcast that an edge stream follows on a virtual clock. */
import { type AccessPolicy, PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import type { BroadcastConfig } from "../broadcast/broadcast-log.ts";
import { Replica } from "../broadcast/replica.ts";
import { TailBuffer } from "../broadcast/tail-buffer.ts";
import { makePartEntry, makeTestConfig } from "../broadcast/testing.ts";
import type { Platform, Random } from "../kit/clock.ts";
import type { BroadcastId, StreamName, TrackName } from "../kit/ids.ts";
import { VirtualClock } from "../kit/virtual-clock.ts";
import type { WaitUntilContext } from "../kit/wait-until.ts";
import { testInit } from "../media/cmaf/fixtures.ts";
import { EdgeStream, type EdgeStreamOptions } from "./edge-stream.ts";
import { createFeedRedirect, type FeedQuery, parseFeedQuery } from "./feed-client.ts";
import { FeedFanout } from "./feed-fanout.ts";
import { EDGE_STREAM_LIMITS } from "./node-limits.ts";
import { formatNodeAddress, LIVE_ADDRESS, type NodeAddress } from "./tree/node-address.ts";
import type { UpstreamNode } from "./upstream-node.ts";

/** A test node's response to feed requests. */
export type TestNodeMode = "feed" | "absent" | "broken" | "hang" | "up" | "down";

/** Parts in a segment of a test node's broadcast. */
const PARTS_PER_SEGMENT = 6;

/** A platform on a virtual clock. */
function makeTestPlatform(clock: VirtualClock, random: Random): Platform {
  let ids = 0;
  return {
    clock,
    random,
    newId: () => {
      ids += 1;
      return `id-${ids}`;
    },
  };
}

/** A context that collects the work passed to `waitUntil`. */
export function makeTestContext(): WaitUntilContext & { readonly work: Promise<unknown>[] } {
  const work: Promise<unknown>[] = [];
  return { work, waitUntil: (each) => void work.push(each) };
}

/** A node that feeds a broadcast. */
export class TestNode {
  mode: TestNodeMode = "feed";
  /** Time since the node's last word of the Live object. */
  authoritySilenceMs = 0;
  access: AccessPolicy = PUBLIC_ACCESS_POLICY;
  readonly queries: FeedQuery[] = [];
  readonly replica: Replica;
  readonly feeds: FeedFanout;
  readonly #silencers: (() => void)[] = [];
  #nextPart = 0;

  constructor(clock: VirtualClock, config: BroadcastConfig = makeTestConfig()) {
    this.replica = new Replica(`epoch of ${config.broadcast}`, config, new TailBuffer(1e9));
    this.feeds = new FeedFanout({
      replica: this.replica,
      clock,
      status: () => null,
      access: () => this.access,
      authoritySilenceMs: () => this.authoritySilenceMs,
    });
    for (const { name, kind, timescale } of config.tracks) {
      const init = testInit(kind, timescale);
      this.replica.appendEntry({ kind: "init", track: name, version: 1, byteLength: init.byteLength }, init);
    }
  }

  /** Appends the next video part. */
  appendPart(): void {
    const { entry, bytes } = makePartEntry("video", this.#nextPart, PARTS_PER_SEGMENT);
    this.#nextPart += 1;
    this.replica.appendEntry(entry, bytes);
  }

  /** Changes the access policy. */
  setAccess(access: AccessPolicy): void {
    this.access = access;
    this.feeds.sendAccess(access);
  }

  /** Open feeds continue without bytes, as from a killed node or a dead link. */
  silenceFeeds(): void {
    for (const silence of this.#silencers) silence();
  }

  /** The node's interface for the nodes below it. */
  get stub(): UpstreamNode {
    const fetch: UpstreamNode["fetch"] = (url, { headers }) => {
      const query = parseFeedQuery({ url, headers: new Headers(headers) });
      if (query === null) throw new Error("no request for a feed");
      this.queries.push(query);
      return this.#answer(query);
    };
    return { fetch } as UpstreamNode;
  }

  async #answer(query: FeedQuery): Promise<Response> {
    switch (this.mode) {
      case "feed":
        return new Response(this.#silenceable(this.feeds.subscribe({ ...query, kind: "isolate" })));
      case "absent":
        return new Response(null, { status: 404 });
      case "broken":
        throw new Error("the node is down");
      case "hang":
        return new Promise(() => {});
      case "up":
      case "down":
        return createFeedRedirect(this.mode);
    }
  }

  #silenceable(feed: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = feed.getReader();
    let isSilent = false;
    this.#silencers.push(() => {
      isSilent = true;
    });
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const chunk = await reader.read();
          if (isSilent) return new Promise<void>(() => {});
          if (chunk.done) controller.close();
          else controller.enqueue(chunk.value);
        },
        cancel: () => reader.cancel(),
      },
      { highWaterMark: 0 },
    );
  }
}

/** An edge stream, the nodes above it by address, and the clock of all. */
export interface TestEdgeStream {
  readonly clock: VirtualClock;
  readonly edge: EdgeStream;
  readonly live: TestNode;
  readonly video: TrackName;
  /** Errors of broken feeds. */
  readonly failures: unknown[];
  /** The node at an address other than the Live object's. */
  nodeAt(address: NodeAddress): TestNode;
  /** Starts another broadcast: a new Live node, and the end of the current one's feeds. */
  replaceBroadcast(broadcast: BroadcastId): TestNode;
}

/** An isolate's edge stream below a test node. Without a site, it asks only the Live object. Random numbers are all the same by default. */
export function makeTestEdgeStream(
  options: Partial<EdgeStreamOptions> = {},
  random: Random = () => 0.5,
): TestEdgeStream {
  const clock = new VirtualClock();
  const nodes = new Map<string, TestNode>();
  const failures: unknown[] = [];
  const nodeAt = (address: NodeAddress): TestNode => {
    const node = nodes.get(formatNodeAddress(address)) ?? new TestNode(clock);
    nodes.set(formatNodeAddress(address), node);
    return node;
  };
  const edge = new EdgeStream({
    platform: makeTestPlatform(clock, random),
    stream: "demo" as StreamName,
    tier: "isolate",
    node: { kind: "isolate", site: null, nodeId: "isolate" },
    leaseMs: EDGE_STREAM_LIMITS.leaseMs,
    tailBytes: 1e9,
    nodeAt: (address) => nodeAt(address).stub,
    feedFailed: (error) => failures.push(error),
    ...options,
  });
  const replaceBroadcast = (broadcast: BroadcastId): TestNode => {
    const before = nodeAt(LIVE_ADDRESS);
    const node = new TestNode(clock, makeTestConfig({ broadcast }));
    nodes.set(formatNodeAddress(LIVE_ADDRESS), node);
    before.feeds.closeAll();
    return node;
  };
  const live = nodeAt(LIVE_ADDRESS);
  return { clock, edge, live, video: "video" as TrackName, failures, nodeAt, replaceBroadcast };
}
