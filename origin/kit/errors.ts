/** The errors that end a run of the origin with one sentence instead of a stack trace. */

export { PublishError } from "../../core/ingest/publisher/publish-error.ts";
export { errorMessage } from "../../core/kit/error-message.ts";

/** Invalid usage; the process exits with 2. The message is a sentence with an instruction. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** The input cannot be read, probed or encoded. The message names the input. */
export class SourceError extends Error {
  override readonly name: string = "SourceError";
}
