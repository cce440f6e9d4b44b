/** The errors that end a run of the origin with one sentence instead of a stack trace. */

/** What the user asked for makes no sense; the process exits with 2. The message is a sentence that says what to do. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** The input cannot be read, probed or encoded. The message names the input. */
export class SourceError extends Error {
  override readonly name: string = "SourceError";
}

/** The edge refused for good, or was out of reach for too long. The message says what to do. */
export class PublishError extends Error {
  override readonly name: string = "PublishError";
}

/** The text of anything thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
