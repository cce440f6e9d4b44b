/** The message of the API that lists streams. */
import * as z from "zod/mini";
import { PLAYBACK_POLICIES, type PlaybackPolicy } from "../access/access-policy.ts";
import type { StreamName } from "../kit/ids.ts";
import { answerSchemas, StreamNameSchema } from "./schemas.ts";

/** A stream's card. `at`: its start, its announced start, or its end. */
export interface DirectoryCardAnswer {
  readonly stream: StreamName;
  /** The stream's title, else its host's name, else its own name. */
  readonly title: string;
  readonly host: string;
  readonly tags: readonly string[];
  readonly language: string | null;
  /** Paths of the images. */
  readonly poster: string;
  readonly avatar: string;
  readonly playback: PlaybackPolicy;
  readonly viewers: number;
  readonly at: string;
}

/** `GET /api/directory`. `next`: the value of `after` for the next page of live streams. */
export interface DirectoryAnswer {
  readonly live: readonly DirectoryCardAnswer[];
  readonly next: string | null;
  /** Empty on further pages, as `replays` is. */
  readonly upcoming: readonly DirectoryCardAnswer[];
  readonly replays: readonly DirectoryCardAnswer[];
}

const card: z.ZodMiniType<DirectoryCardAnswer> = z.object({
  stream: StreamNameSchema,
  title: z.string().check(z.minLength(1)),
  host: z.string(),
  tags: z.array(z.string()),
  language: z.nullable(z.string()),
  poster: z.string(),
  avatar: z.string(),
  playback: z.enum(PLAYBACK_POLICIES),
  viewers: z.int().check(z.nonnegative()),
  at: z.iso.datetime({ offset: true }),
});

/** `GET /api/directory`. */
export const DirectorySchema: z.ZodMiniType<DirectoryAnswer> = z.object({
  live: z.array(card),
  next: z.nullable(z.string()),
  upcoming: z.array(card),
  replays: z.array(card),
});
answerSchemas.add(DirectorySchema, { id: "Directory" });
