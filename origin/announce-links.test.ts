import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type BroadcastId, parseStreamName, parseTrackName, type StreamName, type TrackName } from "../core/kit/ids.ts";
import { VirtualClock } from "../core/kit/virtual-clock.ts";
import { announceLinks } from "./announce-links.ts";
import { createLog } from "./kit/log.ts";
import type { EdgeAccess } from "./local-edge/local-edge.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** An edge whose stream is public, or requires a viewer's token. */
async function serveStream(isPublic: boolean): Promise<string> {
  const server = createServer(({ headers }, response) => {
    response.statusCode = isPublic || headers.authorization === "Bearer viewer-token" ? 200 : 401;
    response.end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Announced {
  readonly url: string;
  readonly text: string;
}

async function announce(
  { isPublic, logJson }: { readonly isPublic: boolean; readonly logJson: boolean },
  place: Partial<EdgeAccess> = {},
): Promise<Announced> {
  const clock = new VirtualClock();
  const url = await serveStream(isPublic);
  let text = "";
  const log = createLog({ json: logJson, verbose: false }, { write: (line) => (text += line) }, clock);
  const signToken: EdgeAccess["signToken"] = ({ role }) => Promise.resolve(`${role}-token`);
  const edge = { url, signToken, networkUrls: [], issuesTokens: true, ...place };
  const first = {
    track: parseTrackName("720p") as TrackName,
    meta: { msn: 0, part: 0, durationTicks: 3_000, independent: true, gap: false },
  };
  const stream = parseStreamName("show") as StreamName;
  await announceLinks({ stream, logJson, log, clock }, edge, "b1" as BroadcastId, first);
  return { url, text };
}

test("a JSON log has the links without tokens, also where viewers need one", async () => {
  const { url, text } = await announce({ isPublic: false, logJson: true });
  expect(text).not.toContain("token");
  expect(JSON.parse(text)).toMatchObject({
    event: "on-air",
    watch: `${url}/watch/show`,
    playlist: `${url}/live/show/multivariant.m3u8`,
    studio: `${url}/studio/show`,
  });
});

test("text has a viewer's token where viewers need one, and then the host's, which the tab would not get", async () => {
  const { text } = await announce({ isPublic: false, logJson: false });
  expect(text).toContain("/watch/show#token=viewer-token");
  expect(text).toContain("/live/show/multivariant.m3u8?token=viewer-token");
  expect(text).toContain("/studio/show#token=host-token");
});

test("of a public stream the studio's link has the host's token where the edge issues none", async () => {
  const { text } = await announce({ isPublic: true, logJson: false });
  expect(text).not.toContain("#token");
  // On another loopback address no machine of the network reaches it, and it issues no tokens either.
  const other = await announce({ isPublic: true, logJson: false }, { issuesTokens: false });
  expect(other.text).toContain("/studio/show#token=host-token");
  expect(other.text).not.toContain("viewer-token");
  const remote = await announce({ isPublic: true, logJson: false }, { issuesTokens: false, signToken: null });
  expect(remote.text).toContain("it asks for a token");
});
