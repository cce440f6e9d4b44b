/** The messages of the API about what a stream is called and looks like. */
import * as z from "zod/mini";
import { DETAILS_LIMITS } from "../directory/details-limits.ts";
import { countCharacters, type DisplayTextRule, findTextFault } from "../directory/display-text.ts";
import { parseEmbedOrigin } from "../directory/embed-origins.ts";
import {
  parseLanguageTag,
  parseLinkUrl,
  type ScheduledBroadcast,
  type StreamDetails,
  type StreamLink,
} from "../directory/stream-details.ts";
import type { StreamName } from "../kit/ids.ts";
import { answerSchemas, requestSchemas, StreamNameSchema } from "./schemas.ts";

const LIMITS = DETAILS_LIMITS;

/** A text without surrounding white space, by a rule of `findTextFault`. */
function displayText(rule: DisplayTextRule): z.ZodMiniType<string, string> {
  return z.string().check(
    z.trim(),
    z.check((context) => {
      const fault = findTextFault(context.value, rule);
      if (fault !== null) context.issues.push({ code: "custom", message: `The text ${fault}`, input: context.value });
    }),
  );
}

/** A text that `parse` turns into its canonical form. */
function canonicalText(
  maxChars: number,
  message: string,
  parse: (text: string) => string | null,
): z.ZodMiniType<string> {
  return z.pipe(
    z.string().check(z.trim()),
    z.transform((text, context): string => {
      const parsed = countCharacters(text) > maxChars ? null : parse(text);
      if (parsed === null || parsed.length > maxChars) {
        context.issues.push({ code: "custom", message, input: text });
        return z.NEVER;
      }
      return parsed;
    }),
  ) as unknown as z.ZodMiniType<string>;
}

const optional = (maxChars: number): z.ZodMiniType<string> =>
  z._default(displayText({ maxChars, isOptional: true }), "");
const list = <T>(item: z.ZodMiniType<T>, most: number): z.ZodMiniType<readonly T[]> =>
  z._default(z.array(item).check(z.maxLength(most)), []) as unknown as z.ZodMiniType<readonly T[]>;

const link: z.ZodMiniType<StreamLink> = z.strictObject({
  label: displayText({ maxChars: LIMITS.linkLabelChars }),
  url: canonicalText(LIMITS.linkChars, `A link begins with http:// or https://`, parseLinkUrl),
});

const scheduled: z.ZodMiniType<ScheduledBroadcast> = z.strictObject({
  startsAt: z.pipe(
    z.iso.datetime({ offset: true }),
    z.transform((text) => new Date(text).toISOString()),
  ) as unknown as z.ZodMiniType<string>,
  title: optional(LIMITS.titleChars),
});

/** `PUT …/details`: all of them; an absent one is removed. */
export const StreamDetailsBody: z.ZodMiniType<StreamDetails> = z.strictObject({
  title: optional(LIMITS.titleChars),
  host: optional(LIMITS.hostChars),
  description: z._default(
    displayText({ maxChars: LIMITS.descriptionChars, maxLines: LIMITS.descriptionLines, isOptional: true }),
    "",
  ),
  tags: list(displayText({ maxChars: LIMITS.tagChars }), LIMITS.tags),
  language: z._default(
    z.nullable(canonicalText(LIMITS.languageChars, "The language is a BCP 47 tag, like de or pt-BR", parseLanguageTag)),
    null,
  ),
  links: list(link, LIMITS.links),
  schedule: z.pipe(
    list(scheduled, LIMITS.schedule),
    z.transform((all) => [...all].sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt))),
  ) as unknown as z.ZodMiniType<readonly ScheduledBroadcast[]>,
  isListed: z._default(z.nullable(z.boolean()), null),
  embedOrigins: z._default(
    z.nullable(
      z
        .array(
          canonicalText(
            LIMITS.embedOriginChars,
            "An origin is like https://blog.example, without a path",
            parseEmbedOrigin,
          ),
        )
        .check(z.maxLength(LIMITS.embedOrigins)),
    ),
    null,
  ),
}) as unknown as z.ZodMiniType<StreamDetails>;
requestSchemas.add(StreamDetailsBody, { id: "StreamDetailsBody" });

/** An image's path; `isGenerated`: the edge draws it. */
interface ImageReference {
  readonly path: string;
  readonly isGenerated: boolean;
}

/** A stream's details as `GET …/details` has them. */
export interface StreamDetailsAnswer extends StreamDetails {
  readonly stream: StreamName;
  readonly poster: ImageReference;
  readonly avatar: ImageReference;
}

const image: z.ZodMiniType<ImageReference> = z.object({ path: z.string(), isGenerated: z.boolean() });

/** `GET …/details`, and the answer to changes of it. */
export const StreamDetailsSchema: z.ZodMiniType<StreamDetailsAnswer> = z.object({
  stream: StreamNameSchema,
  title: z.string(),
  host: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  language: z.nullable(z.string()),
  links: z.array(z.object({ label: z.string(), url: z.string() })),
  schedule: z.array(z.object({ startsAt: z.iso.datetime({ offset: true }), title: z.string() })),
  isListed: z.nullable(z.boolean()),
  embedOrigins: z.nullable(z.array(z.string())),
  poster: image,
  avatar: image,
});
answerSchemas.add(StreamDetailsSchema, { id: "StreamDetails" });

/** `GET /api/oembed`, as oembed.com §2.3.4 describes it. */
export const OembedSchema: z.ZodMiniType = z.object({
  version: z.literal("1.0"),
  type: z.enum(["video", "link"]),
  /** Of a video: the player's frame and its size, pixels. */
  html: z.exactOptional(z.string()),
  width: z.exactOptional(z.int()),
  height: z.exactOptional(z.int()),
  title: z.string(),
  author_name: z.exactOptional(z.string()),
  provider_name: z.string(),
  provider_url: z.string(),
  cache_age: z.int(),
});
answerSchemas.add(OembedSchema, { id: "Oembed" });
