/** Attempts to be served a stream by an isolate that cannot know whether it was stopped. */
import { expect, test } from "vitest";
import { PUBLIC_ACCESS_POLICY, withStop } from "../../../core/access/access-policy.ts";
import { Replica } from "../../../core/broadcast/replica.ts";
import { TailBuffer } from "../../../core/broadcast/tail-buffer.ts";
import { makeInitEntry, makePartEntry, makeTestConfig } from "../../../core/broadcast/testing.ts";
import { parseFeedQuery } from "../../../core/delivery/feed-client.ts";
import { FeedFanout } from "../../../core/delivery/feed-fanout.ts";
import { EDGE_STREAM_LIMITS } from "../../../core/delivery/node-limits.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { registerTestStream } from "../../../durable-objects/room/testing.ts";
import { serveLivePath } from "../../../workers/delivery/serve-live-path.ts";
import type { Env } from "../../../workers/env.ts";
import { testBindings } from "../../../workers/testing.ts";

/** A node that feeds, without a word of the Live object for `unheardMs`. */
function node(unheardMs: number, stopped = false): { env: Env; path: string; feeds: FeedFanout } {
  const config = makeTestConfig();
  const replica = new Replica("epoch", config, new TailBuffer(1_000_000));
  for (const { entry, bytes } of [makeInitEntry("video"), makePartEntry("video", 0, 6), makePartEntry("video", 1, 6)]) {
    replica.appendEntry(entry, bytes);
  }
  const stop = { category: "safety", reason: "No.", untilMs: null, atMs: Date.now(), authority: "operator" } as const;
  const access = stopped ? withStop(PUBLIC_ACCESS_POLICY, stop) : PUBLIC_ACCESS_POLICY;
  const feeds = new FeedFanout({
    replica,
    clock: systemPlatform.clock,
    status: () => null,
    access: () => access,
    authoritySilenceMs: () => unheardMs,
  });
  const fetch = (url: string, init: RequestInit): Promise<Response> => {
    const query = parseFeedQuery(new Request(url, init));
    if (query === null) throw new Error("no feed");
    return Promise.resolve(new Response(feeds.subscribe({ ...query, kind: "isolate" })));
  };
  const env = { ...testBindings, LIVE: { getByName: () => ({ fetch }) } } as unknown as Env;
  const path = `/${config.broadcast}/video/0.1.m4s`;
  return { env, path, feeds };
}

let made = 0;

async function ask(unheardMs: number, stopped = false): Promise<Response> {
  made += 1;
  const { env, path, feeds } = node(unheardMs, stopped);
  const work: Promise<unknown>[] = [];
  const life = { waitUntil: (each: Promise<unknown>) => void work.push(each) };
  const stream = await registerTestStream(`unheard${made}`);
  const answer = await serveLivePath(systemPlatform, new Request(`http://edge.test/live/${stream}${path}`), env, life);
  feeds.closeAll();
  await Promise.allSettled(work);
  return answer;
}

test("an isolate whose feed has had no word of the Live object for long serves nothing, with Retry-After", async () => {
  expect((await ask(0)).status).toBe(200);
  expect((await ask(EDGE_STREAM_LIMITS.maxAuthoritySilenceMs - 2_000)).status).toBe(200);
  const refused = await ask(EDGE_STREAM_LIMITS.maxAuthoritySilenceMs + 1);
  expect([refused.status, refused.headers.get("retry-after"), refused.headers.get("cache-control")]).toEqual([
    503,
    "1",
    "no-store",
  ]);
});

test("a known stop holds, however long the Live object is silent", async () => {
  expect((await ask(0, true)).status).toBe(410);
  expect((await ask(EDGE_STREAM_LIMITS.maxAuthoritySilenceMs + 1, true)).status).toBe(410);
});
