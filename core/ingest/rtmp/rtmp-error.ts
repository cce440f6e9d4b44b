/** Input that ends an RTMP session. The message is a sentence that the encoder may show. */
export class RtmpError extends Error {
  override readonly name: string = "RtmpError";
}
