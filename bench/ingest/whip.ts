/** WHIP from Chromium over a link that loses packets: the longest time without a new picture. */

import type { TransportSample } from "../../core/ingest/health/link-meter.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { SenderConnection } from "../../origin/ingest-node/sender-connection.ts";
import { startLossyRelay } from "../../origin/ingest-node/testing/lossy-relay.ts";
import { startWhipListener } from "../../origin/ingest-node/whip-listener.ts";
import { FAKE_DEVICES, launchBrowser } from "../../tests/support/browser.ts";
import { WhipPage } from "../../tests/support/whip-page.ts";
import { type BenchFigure, formatFixed, percentile } from "../stats.ts";

const LINK = { lossPercent: 2, delayMs: 25 } as const;
const SEED = 11;
const KEY = `corral_${"0".repeat(10)}_${"x".repeat(43)}`;
const GOAL_MS = 500;
const { clock } = systemPlatform;

/** A page publishes for `seconds` in both directions of the lossy link. */
export async function measureWhipLoss(seconds: number): Promise<BenchFigure> {
  const pictures: { readonly mediaMs: number; readonly sync: boolean }[] = [];
  let sender: SenderConnection | null = null;
  const listener = await startWhipListener({
    ...{ host: "127.0.0.1", port: 0, announced: ["127.0.0.1"], httpHost: "127.0.0.1", httpPort: 0, clock },
    edgeToken: () => null,
    onSender(connection) {
      sender = connection;
      connection.accept({
        onEvent(event) {
          if (event.kind !== "frame" || event.media !== "video") return;
          pictures.push({ mediaMs: event.dts / 90, sync: event.sync });
        },
        onEnd() {},
      });
    },
  });
  const relay = await startLossyRelay({ ...LINK, port: listener.port, seed: SEED, clock });
  const browser = await launchBrowser(FAKE_DEVICES);
  let transport: TransportSample | undefined;
  try {
    const page = await WhipPage.open(browser);
    const candidate = { address: "127.0.0.1", port: relay.port };
    const endpoint = `http://127.0.0.1:${listener.httpPort}/whip/lossy`;
    const { status, body } = await page.publish({ endpoint, key: KEY, isOutsidePage: true, candidate });
    if (status !== 201) throw new Error(`the offer is answered with ${status}: ${body}`);
    await page.page.waitForTimeout(seconds * 1_000);
    transport = (sender as SenderConnection | null)?.statistics();
    await page.close();
  } finally {
    await browser.close();
    relay.close();
    await listener.close();
  }
  const times = pictures.map(({ mediaMs }) => mediaMs);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  const keyframes = pictures.flatMap(({ sync, mediaMs }) => (sync ? [mediaMs] : []));
  const distances = keyframes.slice(1).map((time, i) => time - (keyframes[i] ?? 0));
  const [longest, expected] = [Math.max(...gaps), seconds * 30];
  const { total, lost } = relay.counts();
  const { packets, roundTripMs } = transport ?? {};
  return {
    figure: `WHIP from Chromium, ${LINK.lossPercent} % loss, ${2 * LINK.delayMs} ms round trip: longest freeze`,
    goal: `≤ ${GOAL_MS / 1000} s`,
    measured: `${formatFixed(longest / 1000, 2)} s; ${packets?.lost ?? "?"} of ${packets?.missing ?? "?"} missing packets lost`,
    met: longest <= GOAL_MS && pictures.length > expected / 2 && lost > 0,
    values: {
      ...{ pictures: pictures.length, longestMs: longest, p99Ms: percentile(gaps, 99) },
      ...{ keyframes: keyframes.length, keyframeMaxMs: Math.max(...distances) },
      ...{ datagrams: total, datagramsLost: lost, roundTripMs: roundTripMs ?? Number.NaN },
      ...{ missing: packets?.missing ?? Number.NaN, repaired: packets?.repaired ?? Number.NaN },
      givenUp: packets?.lost ?? Number.NaN,
    },
  };
}
