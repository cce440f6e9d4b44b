/** What the Worker is bound to. */
import type { Live } from "../durable-objects/live/live.ts";

/** Bindings of `wrangler.toml`. */
export interface Env {
  readonly LIVE: DurableObjectNamespace<Live>;
  /** Finished segments. */
  readonly MEDIA: R2Bucket;
  /** The pages of `web/dist`. */
  readonly ASSETS: Fetcher;
  /** Opens the control API; without it the control API is shut. */
  readonly CORRAL_ADMIN_TOKEN?: string;
}
