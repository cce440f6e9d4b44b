/** Primary and backup encoders at a running ingest node and a real edge: handovers, keys, floods with one key. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CLIENT_HANDSHAKE, publishCommands } from "../../../core/ingest/rtmp/testing.ts";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../support/admin-token.ts";
import { makeSource, rtmpOutput, type Sender, startSender } from "../../support/ffmpeg-senders.ts";
import { IngestProcess } from "../../support/ingest-process.ts";
import { waitUntil } from "../../support/npm-start.ts";
import { findTarget, watchPlaylist } from "../../support/playlist-viewer.ts";
import { freePort } from "../../support/ports.ts";

const TIMEOUT = { timeout: 180_000 };
const CALLERS = 20;
/** Parts come three times a second; a busy machine is slower. */
const WATCH_MS = 4_000;

let folder = "";
let file = "";
let edge: LocalEdge;
let node: IngestProcess;
const senders: Sender[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "corral-backup-"));
  file = makeSource(folder, "small");
  edge = await startEdge({ port: await freePort(), dataDir: join(folder, "edge"), adminToken: ADMIN_TOKEN });
  node = await IngestProcess.start(edge, ADMIN_TOKEN, ["--transcode", "never", "--verbose"]);
}, 120_000);
afterAll(async () => {
  for (const sender of senders) await sender.kill();
  if (node?.origin.process.exitCode === null) await node.origin.interrupt();
  await edge?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const said = (text: string | RegExp): Promise<void> => node.origin.waitForOutput(text, 60_000);

function send(stream: string, key: string): Sender {
  const sender = startSender(file, rtmpOutput(node.rtmpPort, stream, key));
  senders.push(sender);
  return sender;
}

/** Somebody publishes in the broadcast. */
async function expectGoingOn(stream: string, broadcast: string): Promise<void> {
  const target = await findTarget(`${edge.url}/live/${stream}`);
  expect(target.broadcast).toBe(broadcast);
  const stop = new AbortController();
  const watching = watchPlaylist(target, stop.signal);
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  stop.abort();
  expect((await watching).length).toBeGreaterThan(1);
}

test("a handover changes the key of the broadcast: a revoked one cuts its own sender only", TIMEOUT, async () => {
  const stream = "backup-keys";
  const primary = await node.issueKey(stream, { uses: 1 });
  const backup = await node.issueKey(stream, { uses: 1, role: "backup" });
  const first = send(stream, primary.key);
  await said(`${stream}: on the air`);
  const { broadcast } = await findTarget(`${edge.url}/live/${stream}`);
  const second = send(stream, backup.key);
  await said(`${stream}: a backup sender is connected`);
  await said(`${stream}: passed through`);
  await first.kill();
  await said(`${stream}: the backup sender takes over`);
  await expectGoingOn(stream, broadcast);
  // Its session in this broadcast goes on, though its only use is counted.
  const again = send(stream, primary.key);
  await said(new RegExp(`${stream}: a primary sender is connected again .*stands by for the backup`));
  await node.revokeKey(stream, primary.id);
  const revokedMs = Date.now();
  await again.exit;
  expect(Date.now() - revokedMs).toBeLessThan(5_000);
  await expectGoingOn(stream, broadcast);
  expect(second.process.exitCode).toBeNull();
  await node.revokeKey(stream, backup.id);
  await second.exit;
  await said(`${stream}: the broadcast ends`);
  expect(node.origin.output).not.toContain("Internal error");
});

test(
  "the key on the air is revoked while the other sender stands by: the broadcast goes on with that one",
  TIMEOUT,
  async () => {
    const stream = "backup-revoked";
    const primary = await node.issueKey(stream);
    const backup = await node.issueKey(stream, { role: "backup" });
    const first = send(stream, primary.key);
    await said(`${stream}: on the air`);
    const { broadcast } = await findTarget(`${edge.url}/live/${stream}`);
    send(stream, backup.key);
    await said(`${stream}: a backup sender is connected`);
    await said(`${stream}: passed through`);
    await node.revokeKey(stream, primary.id);
    await first.exit;
    await said(`${stream}: the backup sender takes over`);
    await expectGoingOn(stream, broadcast);
  },
);

test(
  `${CALLERS} connections with a key of a backup that stands by are refused, and disturb neither sender`,
  TIMEOUT,
  async () => {
    const stream = "backup-flood";
    const primary = await node.issueKey(stream);
    const backup = await node.issueKey(stream, { role: "backup" });
    const first = send(stream, primary.key);
    await said(`${stream}: on the air`);
    const second = send(stream, backup.key);
    await said(`${stream}: a backup sender is connected`);
    const answers = await Promise.all(
      Array.from({ length: CALLERS }, async () => {
        const socket = connect({ host: "127.0.0.1", port: node.rtmpPort, noDelay: true });
        let answer = "";
        socket
          .on("error", () => {})
          .on("data", (bytes: Uint8Array) => {
            answer += Buffer.from(bytes).toString("latin1");
          });
        socket.write(CLIENT_HANDSHAKE);
        socket.write(publishCommands(`live/${stream}`, backup.key));
        await waitUntil("it is answered", () => answer.includes("NetStream.Publish."));
        socket.destroy();
        return answer.includes("NetStream.Publish.Start");
      }),
    );
    expect(answers).not.toContain(true);
    expect([first.process.exitCode, second.process.exitCode]).toEqual([null, null]);
  },
);
