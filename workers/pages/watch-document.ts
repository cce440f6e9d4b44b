/** The watch page with its stream's details: they are in the HTML, so link previews and readers without scripts have them. */
import { aboutAttributes, pageTitleOf, renderAbout, renderHeadTags } from "../../core/directory/page-head.ts";
import { EMPTY_PROFILE, type PublicProfile } from "../../core/directory/stream-details.ts";
import { withTimeout } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { SITE_NAME } from "../directory/site-name.ts";
import { fetchProfile, shownProfile } from "../directory/stream-profiles.ts";
import type { RequestScope } from "../kit/app-env.ts";

/** The page waits this long for the details, and is shown without them: playback needs none. */
const DETAILS_WAIT_MS = 400;

/** Fills the built page. */
export async function renderWatchDocument(scope: RequestScope, stream: StreamName, built: Response): Promise<Response> {
  const known = await readProfile(scope, stream);
  const profile = known === null || known === "unavailable" ? EMPTY_PROFILE : shownProfile(known);
  const { origin } = new URL(scope.request.url);
  const page = { stream, profile, origin, siteName: SITE_NAME };
  const about = renderAbout(page);
  const attributes = {
    ...(about === "" ? {} : aboutAttributes(page, scope.platform.clock.nowMs())),
    ...(known === null ? { "data-unknown": "" } : {}),
  };
  const response = new HTMLRewriter()
    .on("title", { element: (title) => void title.setInnerContent(pageTitleOf(page)) })
    .on("head", { element: (head) => void head.append(renderHeadTags(page), { html: true }) })
    .on("#about", {
      element: (section) => {
        for (const [name, value] of Object.entries(attributes)) section.setAttribute(name, value);
        if (about !== "") section.removeAttribute("hidden");
        section.setInnerContent(about, { html: true });
      },
    })
    .transform(built);
  const headers = new Headers(response.headers);
  // They are those of the file.
  for (const name of ["etag", "last-modified", "content-length"]) headers.delete(name);
  headers.set("cache-control", "no-cache");
  // Whole, so that it has a length, which an answer to `HEAD` must tell.
  return new Response(await response.text(), { status: response.status, headers });
}

async function readProfile(scope: RequestScope, stream: StreamName): Promise<PublicProfile | null | "unavailable"> {
  const reading = fetchProfile(scope, stream).catch((error: unknown) => {
    console.warn("a watch page is shown without its stream's details", error);
    return "unavailable" as const;
  });
  return withTimeout(scope.platform.clock, DETAILS_WAIT_MS, reading, () => "unavailable" as const);
}
