/** How old a profile may be that a page shows. */
import { expect, test } from "vitest";
import { parseStreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { deleteCachedText } from "../kit/colo-cache.ts";
import { testBindings, testConfig, testEdge } from "../testing.ts";
import { fetchPageProfile } from "./stream-profiles.ts";

test("a page shows what this isolate knows for seven seconds: it may have been three in the data centre's cache", async () => {
  const stream = parseStreamName("profile-1");
  if (stream === null) throw new Error("no name");
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  await testEdge.ask(`/api/streams/${stream}/details`, { method: "PUT", body: '{"title":"Before"}', headers });
  const clock = new VirtualClock();
  const waiting: Promise<unknown>[] = [];
  const scope: RequestScope = {
    ...{ env: testBindings, config: testConfig, request: new Request("http://edge.test/") },
    platform: { ...systemPlatform, clock },
    ctx: { waitUntil: (work) => void waiting.push(work) },
  };
  const readTitle = async (): Promise<string> => {
    const known = await fetchPageProfile(scope, stream, 5_000);
    return known === null || known === "late" ? String(known) : known.profile.details.title;
  };
  expect(await readTitle()).toBe("Before");
  const live = testBindings.LIVE.getByName(stream);
  const { details } = (await live.profile()).profile;
  // As another data centre changes it, and as this one's cache lets go of it.
  const change = async (title: string): Promise<void> => {
    await Promise.all(waiting);
    await live.setDetails({ ...details, title });
    await deleteCachedText(`${stream}/profile`);
  };
  await change("After");
  await clock.advance(2_900);
  expect(await readTitle()).toBe("Before");
  await clock.advance(7_100 - 2_900);
  expect(await readTitle()).toBe("After");
  await change("Last");
  // Shown at once, and read behind the answer.
  await clock.advance(6_900);
  expect(await readTitle()).toBe("After");
  await Promise.all(waiting);
  expect(await readTitle()).toBe("Last");
});
