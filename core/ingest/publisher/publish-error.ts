/** The edge refused permanently, or was unreachable for too long. The message is an instruction. */
export class PublishError extends Error {
  override readonly name: string = "PublishError";
}
