/** A bare page of another site that plays a stream by the package of flow's player. */
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { RenewalRange } from "../../web/src/player/flow/flow-options.ts";
import type { FlowViewReading } from "../../web/src/player/flow/index.ts";
import { freePort } from "./ports.ts";

const ENTRY = fileURLToPath(new URL("../../web/src/player/flow/index.ts", import.meta.url));

/** What the page has recorded. */
export interface FlowPageRecord extends FlowViewReading {
  readonly phase: string;
  /** What has stood against flow. */
  readonly obstacles: readonly string[];
  /** `join` of each flow request. */
  readonly joins: readonly string[];
  /** Longest time in which the picture stood still while it should have played, seconds. */
  readonly stoodStillS: number;
}

/** A running page. */
export interface FlowPage {
  readonly url: string;
  stop(): void;
}

/** Expressions for the page. */
export const FLOW_PAGE = { read: "flowPage.read()", forget: "flowPage.forget()", close: "flowPage.close()" } as const;

/** Serves it. */
export async function serveFlowPage(edge: string, stream: string, renewAfterMs: RenewalRange): Promise<FlowPage> {
  const { outputFiles } = await build({
    ...{ entryPoints: [ENTRY], bundle: true, write: false, format: "iife", globalName: "flowPlayer", minify: true },
    ...{ target: "chrome111", tsconfigRaw: {}, logLevel: "warning" },
  });
  const script = `${outputFiles[0]?.text}
const video = document.querySelector("video");
const [joins, obstacles] = [[], []];
const ownFetch = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const join = /\\/flow\\.mp4\\?.*join=(\\w+)/.exec(String(input));
  if (join !== null) joins.push(join[1]);
  return ownFetch(input, init);
};
const view = new flowPlayer.FlowView({
  ...${JSON.stringify({ edge, stream, renewAfterMs })}, video,
  onObstacle: (obstacle) => obstacles.push(obstacle),
});
let [movedMs, time, stoodStillS] = [performance.now(), -1, 0];
setInterval(() => {
  const nowMs = performance.now();
  if (time !== video.currentTime || time <= 0) movedMs = nowMs;
  time = video.currentTime;
  stoodStillS = Math.max(stoodStillS, (nowMs - movedMs) / 1000);
}, 20);
globalThis.flowPage = {
  read: () => ({ ...view.read(), phase: view.view.phase, obstacles, joins, stoodStillS }),
  forget: () => { stoodStillS = 0; },
  close: () => view.close(),
};`;
  const html = `<!doctype html><meta charset="utf-8"><title>Another site</title><video width="640" height="360"></video><script>${script.replaceAll("</script", "<\\/script")}</script>`;
  const server = createServer((_, answer) => {
    answer.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
  });
  const port = await freePort();
  await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
