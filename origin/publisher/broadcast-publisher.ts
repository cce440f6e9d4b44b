/** Publishes a broadcast over kept-alive connections, one a track, one for chunks and one for the broadcast itself. */
import { Pool } from "undici";
import { MediaPublisher } from "../../core/ingest/publisher/media-publisher.ts";
import { PUBLISH_REQUEST_LIMITS } from "../../core/ingest/publisher/publish-client.ts";
import {
  MAX_PUBLISH_ANSWER_BYTES,
  type PublishHttpAnswer,
  type PublishPut,
  type PublishTransport,
} from "../../core/ingest/publisher/publish-transport.ts";
import type { MediaPublisherOptions } from "../../core/ingest/publisher/publisher-options.ts";

/** Dependencies of a publisher besides its connections. */
export type PublisherOptions = Omit<MediaPublisherOptions, "transport">;

/** See the file's first line. */
export class BroadcastPublisher extends MediaPublisher {
  constructor(options: PublisherOptions) {
    const connections = options.config.tracks.length + 2;
    const requestMs = options.limits?.requestMs ?? PUBLISH_REQUEST_LIMITS.requestMs;
    super({ ...options, transport: new PoolTransport(options.edge, connections, requestMs) });
  }
}

/** A pool of connections to one edge. */
class PoolTransport implements PublishTransport {
  readonly #pool: Pool;

  constructor(edge: string, connections: number, connectMs: number) {
    this.#pool = new Pool(new URL(edge).origin, {
      connections,
      pipelining: 1,
      keepAliveTimeout: 60_000,
      keepAliveMaxTimeout: 600_000,
      maxResponseSize: MAX_PUBLISH_ANSWER_BYTES,
      connect: { noDelay: true, timeout: connectMs },
    });
  }

  async put({ path, headers, body, signal }: PublishPut): Promise<PublishHttpAnswer> {
    const response = await this.#pool.request({ method: "PUT", path, headers, body, signal });
    const retryAfter = response.headers["retry-after"];
    return {
      status: response.statusCode,
      body: await response.body.text(),
      retryAfter: typeof retryAfter === "string" ? retryAfter : null,
    };
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
