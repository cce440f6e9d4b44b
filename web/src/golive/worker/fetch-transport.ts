/** Publish requests by `fetch`, which keeps its own connections. */
import type {
  PublishHttpAnswer,
  PublishPut,
  PublishTransport,
} from "../../../../core/ingest/publisher/publish-transport.ts";

/** Requests to the edge at `origin`. */
export class FetchTransport implements PublishTransport {
  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  async put({ path, headers, body, signal }: PublishPut): Promise<PublishHttpAnswer> {
    const response = await fetch(this.#origin + path, {
      method: "PUT",
      headers,
      body: typeof body === "string" ? body : new Uint8Array(body),
      signal,
      cache: "no-store",
      credentials: "omit",
    });
    return {
      status: response.status,
      body: await response.text(),
      retryAfter: response.headers.get("retry-after"),
    };
  }

  async close(): Promise<void> {}
}
