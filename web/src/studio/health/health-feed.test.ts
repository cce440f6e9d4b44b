import { expect, test } from "vitest";
import { VirtualClock } from "../../../../core/kit/virtual-clock.ts";
import { HealthFeed } from "./health-feed.ts";

const answer = (atMs: number): string =>
  JSON.stringify({ state: "good", reportedMs: atMs, checks: [], samples: [{ atMs, bitsPerSecond: 1 }] });

/** A response of events that the test writes. */
function openEvents(): {
  readonly response: Response;
  readonly send: (data: string) => void;
  readonly close: () => void;
} {
  let events: ReadableStreamDefaultController<Uint8Array> | null = null;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      events = controller;
    },
  });
  return {
    response: new Response(body),
    send: (data) => events?.enqueue(new TextEncoder().encode(`event: health\ndata: ${data}\n\n`)),
    close: () => events?.close(),
  };
}

function startFeed(respond: (accept: string, afterMs: number) => Response | Promise<Response>) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const seen: (number | null)[] = [];
  const links: string[] = [];
  const feed = new HealthFeed({
    platform: { clock, random: () => 0.5, newId: () => "id" },
    request: async (accept, afterMs) => {
      asked.push(`${accept === "application/json" ? "poll" : "events"} ${afterMs}`);
      return respond(accept, afterMs);
    },
    onAnswer: ({ reportedMs }) => seen.push(reportedMs),
    onLink: (link) => links.push(link),
  });
  const ended = feed.run();
  const settle = async (ms = 0): Promise<void> => {
    await clock.advance(ms);
    for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  return { feed, ended, asked, seen, links, settle };
}

test("an event stream that ends is opened again at once, from the newest sample on", async () => {
  const streams = [openEvents(), openEvents()];
  let opened = 0;
  const { feed, ended, asked, seen, settle } = startFeed(() => {
    opened += 1;
    return streams[opened - 1]?.response ?? new Response(null, { status: 500 });
  });
  await settle();
  streams[0]?.send(answer(5));
  await settle();
  streams[0]?.close();
  await settle();
  expect(asked).toEqual(["events 0", "events 5"]);
  streams[1]?.send(answer(7));
  await settle();
  expect(seen).toEqual([5, 7]);
  feed.stop();
  expect(await ended).toBe(false);
});

test("where no event comes through, the page polls for a minute and then tries events again", async () => {
  const silent = (): Response => openEvents().response;
  const { feed, ended, asked, links, settle } = startFeed((accept) =>
    accept === "application/json" ? new Response(answer(5)) : silent(),
  );
  await settle();
  for (let step = 0; step < 30; step += 1) await settle(1_000);
  expect(asked.slice(0, 3)).toEqual(["events 0", "events 0", "poll 0"]);
  expect(asked.filter((each) => each === "poll 5").length).toBeGreaterThan(1);
  expect(links.at(-1)).toBe("polling");
  for (let step = 0; step < 60; step += 1) await settle(1_000);
  expect(asked.slice(4)).toContain("events 5");
  feed.stop();
  await ended;
});

test("a full edge is polled, one that is away is asked less and less, and a refused token ends the feed", async () => {
  const busy = startFeed((accept) =>
    accept === "application/json" ? new Response(answer(5)) : new Response(null, { status: 429 }),
  );
  for (let step = 0; step < 4; step += 1) await busy.settle(2_000);
  expect(busy.asked.slice(0, 2)).toEqual(["events 0", "poll 0"]);
  expect(busy.links).not.toContain("away");
  busy.feed.stop();
  const away = startFeed(() => Promise.reject(new TypeError("failed to fetch")));
  for (let step = 0; step < 60; step += 1) await away.settle(1_000);
  expect(away.asked.length).toBeLessThan(12);
  expect(away.asked.length).toBeGreaterThan(4);
  expect(new Set(away.links)).toEqual(new Set(["away"]));
  away.feed.stop();
  const denied = startFeed(() => new Response(null, { status: 403 }));
  expect(await denied.ended).toBe(true);
});
