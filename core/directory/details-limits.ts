/** Limits of a stream's details, each with its reason. Characters are Unicode code points, as a person counts letters of any script. */
export const DETAILS_LIMITS = {
  /** A card shows two lines of it, a link preview some 70. */
  titleChars: 140,
  hostChars: 60,
  /** Half a screen of a phone. */
  descriptionChars: 1_000,
  /** Lines of a description: blank ones would push everything else away. */
  descriptionLines: 40,
  tags: 10,
  tagChars: 30,
  links: 8,
  linkLabelChars: 40,
  linkChars: 500,
  /** Origins that may embed the player: each is a part of a header of its page. */
  embedOrigins: 20,
  embedOriginChars: 200,
  /** Announced broadcasts. */
  schedule: 10,
  languageChars: 35,
  /** Combining marks in a row: Thai, Tibetan and Hebrew need four; heaps of them cover the lines above. */
  combiningMarks: 5,
  /** Bytes of the JSON body: every field at its limit, each character escaped. */
  bodyBytes: 65_536,
  /** Bytes of an image: a poster of 1920×1080 as JPEG or WebP of good quality. */
  imageBytes: 1_048_576,
  /** Bytes of an image's version, a part of its digest: it tells the images of one stream apart. */
  imageVersionBytes: 8,
} as const;
