/** The pages with a player, with their stream's details: they are in the HTML, so link previews and readers without scripts have them. */
import { embedOriginsOf, frameAncestorsOf } from "../../core/directory/embed-origins.ts";
import {
  aboutAttributes,
  pageTitleOf,
  renderAbout,
  renderEmbedTags,
  renderHeadTags,
} from "../../core/directory/page-head.ts";
import { EMPTY_PROFILE } from "../../core/directory/stream-details.ts";
import { BRAND } from "../../core/kit/brand.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { CspAllowances } from "../../web/csp.ts";
import { fetchPageProfile, shownProfile } from "../directory/stream-profiles.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { fillPage } from "../kit/page-assets.ts";
import type { PageStatus } from "./page-status.ts";
import { addSignIn } from "./sign-in-link.ts";

/**
 * How long the page waits for the details that nobody has asked for here. A browser that opens it wants the picture first, and the
 * page asks again for what is late; a link preview asks once.
 */
const DETAILS_WAIT_MS = { opening: 50, reading: 1_500 } as const;
/** How long a page of another site waits: who may embed the player is a header, which nothing brings later. */
const EMBED_WAIT_MS = 5_000;

/** The page, and what its policy allows. */
interface PlayerDocument {
  readonly response: Response;
  readonly allowances: CspAllowances;
}

/** Fills the built page; `status` is the stream's, if it is known here. */
export async function renderPlayerDocument(
  scope: RequestScope,
  kind: "watch" | "embed",
  stream: StreamName,
  built: Response,
  status: PageStatus | null,
): Promise<PlayerDocument> {
  const isOpening = scope.request.headers.get("sec-fetch-mode") === "navigate";
  const waitMs = kind === "embed" ? EMBED_WAIT_MS : DETAILS_WAIT_MS[isOpening ? "opening" : "reading"];
  const known = await fetchPageProfile(scope, stream, waitMs);
  // A name that nobody has shows nothing; a stream whose list is unknown may be one that only some may embed.
  const allowed = known === null ? "any" : known === "late" ? [] : embedOriginsOf(known);
  const profile = known === null || known === "late" ? EMPTY_PROFILE : shownProfile(known);
  const { origin } = new URL(scope.request.url);
  const page = { stream, profile, origin, siteName: BRAND.name };
  const about = renderAbout(page);
  const attributes: Readonly<Record<string, string>> = {
    ...(about === "" ? {} : aboutAttributes(page, scope.platform.clock.nowMs())),
    ...(known === null ? { "data-unknown": "" } : known === "late" ? { "data-late": "" } : {}),
  };
  const rewriter = new HTMLRewriter()
    .on("title", { element: (title) => void title.setInnerContent(pageTitleOf(page)) })
    .on("head", {
      element: (head) =>
        void head.append(kind === "embed" ? renderEmbedTags(page, allowed) : renderHeadTags(page), { html: true }),
    })
    .on('meta[name="corral-status"]', {
      element: (meta) => void (status === null ? meta.remove() : meta.setAttribute("content", JSON.stringify(status))),
    })
    .on("#about", {
      element: (section) => {
        for (const [name, value] of Object.entries(attributes)) section.setAttribute(name, value);
        if (about !== "" && kind === "watch") section.removeAttribute("hidden");
        section.setInnerContent(about, { html: true });
      },
    })
    .on("#chat", { element: (chat) => addSignIn(chat, scope.config, { page: "watch", stream }) });
  const { response, inlineScript } = await fillPage(built, rewriter);
  return {
    response,
    allowances: { inlineScript, ...(kind === "embed" ? { frameAncestors: frameAncestorsOf(allowed) } : {}) },
  };
}
