/** The page's head: whose stream it is, whether it is live, who watches. */
import type { VNode } from "preact";
import { PeopleIcon } from "../kit/icons.tsx";
import { readSiteName } from "../kit/site-name.ts";
import type { GoLivePage } from "./golive-page.ts";
import { isOnAir } from "./golive-view.ts";

/** `elapsed`: the time on the air, null before. */
export function Head({ page, elapsed }: { page: GoLivePage; elapsed: string | null }): VNode {
  const { name, controller, audience } = page;
  const { phase } = controller.view;
  const isAway = controller.view.status?.isPaused === true;
  return (
    <>
      <a href="/" class="brand">
        {readSiteName()}
      </a>
      <h1>
        <span class="avatar" aria-hidden="true">
          {name.slice(0, 1)}
        </span>
        <span class="name">{name}</span>
        {elapsed !== null && (
          <span class={`badge ${isAway ? "badge-away" : "badge-live"}`}>{isAway ? "RECONNECTING" : "LIVE"}</span>
        )}
      </h1>
      {elapsed !== null && (
        <span class="chip" role="timer" aria-label="Time on the air">
          {elapsed}
        </span>
      )}
      {audience !== null && elapsed !== null && (
        <span class="chip" title={`At most ${audience.peak} so far`}>
          <PeopleIcon />
          <span>{audience.watching}</span>
          <span class="sr">watching</span>
        </span>
      )}
      {phase !== "unknown" && (
        <>
          <button type="button" class="chip wide-only" aria-pressed={page.isChatShown} onClick={page.toggleChat}>
            Chat
          </button>
          {!isOnAir(controller.view) && (
            <a class="chip wide-only" href={`/studio/${name}`}>
              Studio
            </a>
          )}
          <a
            class={isOnAir(controller.view) ? "chip wide-only" : "chip"}
            href={`/watch/${name}`}
            target="_blank"
            rel="noopener"
          >
            Watch<span class="sr"> page, in a new tab</span>
          </a>
        </>
      )}
    </>
  );
}
