/** `GET /api/directory`: what is live, announced and recorded. */
import type { DirectoryAnswer, DirectoryCardAnswer } from "../../core/api/directory-schemas.ts";
import type { ListedStream } from "../../core/directory/directory-card.ts";
import { DIRECTORY_LIMITS } from "../../core/directory/directory-limits.ts";
import { pageOfLive, parsePageCursor } from "../../core/directory/directory-pages.ts";
import { imagePath, streamTitle } from "../../core/directory/stream-details.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { readQuery } from "../kit/request-address.ts";
import { problemResponse } from "../kit/responses.ts";
import { fetchDirectory } from "./directory-listings.ts";

/** Answers a page: any cursor is answered from the same lists, so no query costs the objects more than another. */
export async function handleDirectory(scope: RequestScope): Promise<Response> {
  const after = readQuery(scope.request.url).get("after");
  const cursor = after === null ? null : parsePageCursor(after);
  if (after !== null && cursor === null) {
    return problemResponse("invalid-parameter", "`after` is the `next` of an earlier page.");
  }
  const { live, upcoming, replays } = await fetchDirectory(scope);
  const { cards, next } = pageOfLive(live, cursor, DIRECTORY_LIMITS.pageCards);
  const firstOnly = (list: readonly ListedStream[]): readonly ListedStream[] =>
    cursor === null ? list.slice(0, DIRECTORY_LIMITS.pageCards) : [];
  const answer: DirectoryAnswer = {
    live: cards.map(describeCard),
    next,
    upcoming: firstOnly(upcoming).map(describeCard),
    replays: firstOnly(replays).map(describeCard),
  };
  return Response.json(answer, { headers: { "cache-control": "public, max-age=1" } });
}

function describeCard(listed: ListedStream): DirectoryCardAnswer {
  const { stream, host, tags, language, playback, viewers, atMs } = listed;
  return {
    ...{ stream, title: streamTitle(stream, listed), host, tags, language, playback, viewers },
    poster: imagePath(stream, "poster", listed),
    avatar: imagePath(stream, "avatar", listed),
    at: new Date(atMs).toISOString(),
  };
}
