/** The types of images that are accepted, told by their first bytes: what a client calls them proves nothing. */

/** A type by its signature: bytes at positions. */
interface ImageSignature {
  readonly mediaType: string;
  readonly bytes: readonly (readonly [at: number, text: string])[];
}

/** PNG §5.2, JFIF and Exif (ITU T.81 B.1.1.3), the WebP container, the AVIF brand (ISO/IEC 23000-22). SVG is not among them: it has scripts. */
const SIGNATURES: readonly ImageSignature[] = [
  { mediaType: "image/png", bytes: [[0, "\x89PNG\r\n\x1a\n"]] },
  { mediaType: "image/jpeg", bytes: [[0, "\xff\xd8\xff"]] },
  {
    mediaType: "image/webp",
    bytes: [
      [0, "RIFF"],
      [8, "WEBP"],
    ],
  },
  { mediaType: "image/avif", bytes: [[4, "ftypavif"]] },
];

/** Media types that are accepted. */
export const IMAGE_MEDIA_TYPES: readonly string[] = SIGNATURES.map(({ mediaType }) => mediaType);

/** The media type of an image, or null if it is of no accepted type. */
export function detectImageType(bytes: Uint8Array): string | null {
  const has = (at: number, text: string): boolean =>
    [...text].every((character, offset) => bytes[at + offset] === character.charCodeAt(0));
  return SIGNATURES.find((signature) => signature.bytes.every(([at, text]) => has(at, text)))?.mediaType ?? null;
}

/** Key of an image in R2. `images` is too short for a broadcast's id, so that no segment has such a key. */
export function imageObjectKey(stream: string, image: string, version: string): string {
  return `${stream}/images/${image}-${version}`;
}
