/** The errors that end a run of the origin with one sentence instead of a stack trace. */

/** Invalid usage; the process exits with 2. The message is a sentence with an instruction. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** The input cannot be read, probed or encoded. The message names the input. */
export class SourceError extends Error {
  override readonly name: string = "SourceError";
}

/** The edge refused permanently, or was unreachable for too long. The message is an instruction. */
export class PublishError extends Error {
  override readonly name: string = "PublishError";
}

/** The text of any thrown value. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
