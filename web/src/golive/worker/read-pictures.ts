/** Reads the pictures of a camera or a screen. */

/** Hands every picture to `onPicture`, which closes it, until the returned function is called. */
export function readPictures(
  source: ReadableStream<VideoFrame> | MediaStreamTrack,
  onPicture: (frame: VideoFrame) => void,
): () => void {
  const stream = source instanceof ReadableStream ? source : new MediaStreamTrackProcessor({ track: source }).readable;
  const reader = stream.getReader();
  let isStopped = false;
  const read = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (isStopped) value.close();
      else onPicture(value);
    }
  };
  // A track that ends ends its stream.
  read().catch(() => {});
  return () => {
    isStopped = true;
    reader.cancel().catch(() => {});
  };
}
