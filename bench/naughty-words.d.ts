declare module "naughty-words" {
  /** Words by language. */
  const words: Readonly<Record<"en", readonly string[]>>;
  export default words;
}
