/** A Worker without anything of ours, for figures that are ratios: what the runtime alone takes. */
import { convertV4MiniflareOptions, Miniflare } from "miniflare";

/** Runs `script`, the source of a module, in a workerd of its own. */
export async function startBareWorker(port: number, script: string): Promise<Miniflare> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      workers: [
        {
          name: "bare",
          modules: [{ type: "ESModule", path: "index.js", contents: script }],
          compatibilityDate: "2026-11-02",
          compatibilityFlags: ["nodejs_compat", "no_web_socket_compression"],
          unsafeDirectSockets: [{ host: "127.0.0.1", port }],
        },
      ],
    } as Parameters<typeof convertV4MiniflareOptions>[0]),
  );
  await miniflare.ready;
  return miniflare;
}
