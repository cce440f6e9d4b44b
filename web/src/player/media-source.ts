/** Media Source Extensions of this browser. */

/** A class of media sources. */
export type MediaSourceClass = typeof MediaSource;

/** Formats of which a player needs one. */
const FORMATS = ["avc1.42E01E,mp4a.40.2", "hvc1.1.6.L93.B0", "av01.0.01M.08"] as const;

/** The browser's class: on iPhones it is a managed one. Null without. */
export function mediaSourceClass(): MediaSourceClass | null {
  const { ManagedMediaSource, MediaSource } = globalThis as {
    ManagedMediaSource?: MediaSourceClass;
    MediaSource?: MediaSourceClass;
  };
  return ManagedMediaSource ?? MediaSource ?? null;
}

/** Whether hls.js and flow can play here. */
export function isMediaSourceSupported(): boolean {
  const source = mediaSourceClass();
  return source !== null && FORMATS.some((codecs) => source.isTypeSupported(`video/mp4; codecs="${codecs}"`));
}
