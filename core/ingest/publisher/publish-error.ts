/** Why publishing ended: another publisher is live, the stream was stopped, the edge refuses or does not answer, or anything else. */
export type PublishErrorCode = "already-live" | "stopped" | "refused" | "unreachable" | "failed";

/** The edge refused permanently, or was unreachable for too long. The message is an instruction. */
export class PublishError extends Error {
  override readonly name: string = "PublishError";
  readonly code: PublishErrorCode;

  constructor(message: string, options?: ErrorOptions, code: PublishErrorCode = "failed") {
    super(message, options);
    this.code = code;
  }
}
