import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import { type ColoHarness, type NetworkFaults, startColoHarness } from "../../loadtest/colos/colos.ts";
import { parseMultivariantPlaylist } from "../../loadtest/k6/playlist.ts";
import {
  fetchMultivariant,
  RenditionViewer,
  type ViewerEventKind,
  type ViewerRuntime,
} from "../../loadtest/k6/rendition-viewer.ts";
import { type MediaShape, SyntheticPublisher } from "../../loadtest/publisher.ts";
import { fetchEdge } from "../support/edge-requests.ts";

/** Segments of a second. */
const SHAPE: MediaShape = { partMs: 200, partsPerSegment: 5, tracks: { video: 4_000 } };
const VIEWERS_PER_ISOLATE = 3;
/** Faults are injected when all viewers have played this far, and viewers leave after this much more. */
const BREAK_AT = 3;
const GOES_ON = 5;

const startHarness = (): Promise<ColoHarness> => startColoHarness({ colos: 2, regions: 2, isolates: 2, latencyMs: 0 });

/** A k6 viewer on Node's own `fetch`. */
class Viewer implements ViewerRuntime {
  readonly noted: Record<ViewerEventKind, number> = {
    retry: 0,
    error: 0,
    wrong: 0,
    "out-of-order": 0,
    behind: 0,
    part: 0,
    switch: 0,
  };
  rendition: RenditionViewer | null = null;

  async get(url: string): ReturnType<ViewerRuntime["get"]> {
    const answer = await fetchEdge(url);
    const body = await answer.text();
    const retryAfterS = Number(answer.headers.get("retry-after") ?? "0");
    return { status: answer.status, body, bytes: Buffer.byteLength(body), retryAfterS };
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  sha256(text: string): string {
    return createHash("sha256").update(text).digest("hex");
  }

  record(what: ViewerEventKind): void {
    this.noted[what] += 1;
  }

  async watch(base: string, untilMsn: () => number): Promise<void> {
    const text = await fetchMultivariant(
      this,
      base,
      () => false,
      () => {},
    );
    const uri = parseMultivariantPlaylist(text ?? "").variants[0]?.uri ?? "";
    const rendition = new RenditionViewer(this, { base, uri, others: [] }, SHAPE.tracks, null);
    this.rendition = rendition;
    await rendition.follow(() => rendition.last.msn >= untilMsn());
  }
}

async function liveRequests(colos: ColoHarness, stream: string): Promise<number> {
  const status = (await (await fetchEdge(`${colos.coreUrl}/api/streams/${stream}`)).json()) as StreamStatus;
  return status.tiers.find(({ tier }) => tier === "live")?.requests ?? 0;
}

async function passed(viewers: readonly Viewer[], msn: number): Promise<void> {
  while (!viewers.every(({ rendition }) => (rendition?.last.msn ?? -1) >= msn)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Injects a fault while viewers play; returns their counters, and the requests at the Live object since. */
async function broken(
  colos: ColoHarness,
  stream: string,
  breaks: Case["breaks"],
): Promise<{
  readonly viewers: readonly Viewer[];
  readonly liveRequests: number;
  readonly publisher: SyntheticPublisher;
}> {
  const publisher = await SyntheticPublisher.start(colos.coreUrl, stream, colos.adminToken, SHAPE);
  try {
    let untilMsn = Number.POSITIVE_INFINITY;
    const watched = colos.edges.flatMap(({ url }) =>
      Array.from({ length: VIEWERS_PER_ISOLATE }, () => {
        const viewer = new Viewer();
        return { viewer, done: viewer.watch(`${url}/live/${stream}/`, () => untilMsn) };
      }),
    );
    const viewers = watched.map(({ viewer }) => viewer);
    await passed(viewers, BREAK_AT);
    const before = await liveRequests(colos, stream);
    await breaks(colos, stream);
    untilMsn = Math.max(...viewers.map(({ rendition }) => rendition?.last.msn ?? 0)) + GOES_ON;
    await Promise.all(watched.map(({ done }) => done));
    expect(viewers.map(({ rendition }) => (rendition?.last.msn ?? 0) >= untilMsn)).not.toContain(false);
    // A restarted object has new counters.
    const after = await liveRequests(colos, stream);
    return { viewers, liveRequests: after < before ? after : after - before, publisher };
  } finally {
    await publisher.stop();
  }
}

async function during(
  colos: ColoHarness,
  faults: NetworkFaults,
  ms: number,
  also: () => Promise<void> = async () => {},
): Promise<void> {
  await colos.setFaults(faults);
  await also();
  await new Promise((resolve) => setTimeout(resolve, ms));
  await colos.setFaults({});
}

const NODES = ["live", "wnam", "enam", "wnam.C00.0", "enam.C01.0"];

interface Case {
  readonly name: string;
  readonly breaks: (colos: ColoHarness, stream: string) => Promise<void>;
}

/** One stream's objects; streams are independent. */
const MEMORY_LOST: readonly Case[] = [
  { name: "the Live object loses its memory", breaks: (colos, stream) => colos.restartNode(stream, "live") },
  { name: "a region's shield loses its memory", breaks: (colos, stream) => colos.restartNode(stream, "wnam") },
  {
    name: "a data centre's shield loses its memory",
    breaks: (colos, stream) => colos.restartNode(stream, "wnam.C00.0"),
  },
  {
    name: "a deployment throws away every object's memory at once",
    breaks: async (colos, stream) => void (await Promise.all(NODES.map((node) => colos.restartNode(stream, node)))),
  },
];

/** What every stream of a harness suffers from, so each has a harness of its own. */
const NETWORK: readonly Case[] = [
  { name: "R2 refuses for three seconds", breaks: (colos) => during(colos, { r2: "refuse" }, 3_000) },
  { name: "a region takes a second to answer", breaks: (colos) => during(colos, { region: 1_000 }, 2_000) },
  {
    name: "the Live object loses its memory and can't be reached for a second",
    breaks: (colos, stream) => during(colos, { live: "refuse" }, 1_000, () => colos.restartNode(stream, "live")),
  },
];

async function survives({ breaks }: Case, colos: ColoHarness, stream: string): Promise<SyntheticPublisher> {
  const { viewers, liveRequests: requests, publisher } = await broken(colos, stream, breaks);
  for (const { noted } of viewers) {
    expect(noted).toMatchObject({ error: 0, wrong: 0, "out-of-order": 0, behind: 0 });
    expect(noted.retry).toBeLessThanOrEqual(1);
    expect(noted.part).toBeGreaterThanOrEqual((GOES_ON - 1) * SHAPE.partsPerSegment);
  }
  // One new feed per child, with its resolve steps, and one renewal.
  expect(requests).toBeLessThanOrEqual(4 * (colos.edges.length + 2));
  return publisher;
}

/** All that was broadcast is in the recording. */
async function expectRecorded(colos: ColoHarness, { stream, config }: SyntheticPublisher): Promise<void> {
  const base = `${colos.coreUrl}/live/${stream}/`;
  const [variant] = parseMultivariantPlaylist(await (await fetchEdge(`${base}multivariant.m3u8`)).text()).variants;
  const recording = await (await fetchEdge(`${base}${variant?.uri}`)).text();
  const segments = [...recording.matchAll(/^(\d+)\.m4s$/gm)].map(([, msn]) => Number(msn));
  expect(recording).toContain("#EXT-X-ENDLIST");
  expect(segments.length).toBeGreaterThan(GOES_ON);
  expect(segments).toEqual(segments.map((_, index) => index));
  for (const msn of segments) {
    const answer = await fetchEdge(`${base}${config.broadcast}/video/${msn}.m4s`);
    expect(answer.status).toBe(200);
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(0);
  }
}

describe.concurrent("viewers retry at most once, no retry storm follows, and the recording contains all that was broadcast", () => {
  describe("memory lost", () => {
    let colos: ColoHarness;
    beforeAll(async () => {
      colos = await startHarness();
    });
    afterAll(() => colos.stop());

    test.for(MEMORY_LOST)("when $name", async (fault) => {
      await expectRecorded(colos, await survives(fault, colos, `memory${MEMORY_LOST.indexOf(fault)}`));
    });
  });

  describe("network at fault", () => {
    test.for(NETWORK)("when $name", async (fault) => {
      const colos = await startHarness();
      try {
        await expectRecorded(colos, await survives(fault, colos, `network${NETWORK.indexOf(fault)}`));
      } finally {
        await colos.stop();
      }
    });
  });
});
