/** The documentation of `/live/…`, which bypasses the router. */
import { ACCESS_DENIALS, TOKEN_ERRORS } from "../../core/access/access-policy.ts";
import type { AnswerSpec, ParameterSpec, RouteSpec } from "../kit/route-spec.ts";

const path = (name: string, description: string): ParameterSpec => ({
  name,
  in: "path",
  description,
  isRequired: true,
});

const STREAM: ParameterSpec = path("stream", "The stream's name.");
const TRACK: readonly ParameterSpec[] = [
  STREAM,
  path("broadcast", "The broadcast's id."),
  path("track", "The track's name."),
];
const TOKEN: ParameterSpec = {
  name: "token",
  in: "query",
  description: "A viewer token, for players that send no header.",
  isRequired: false,
};
const DIRECTIVES: readonly ParameterSpec[] = ["_HLS_msn", "_HLS_part", "_HLS_skip"].map((name) => ({
  name,
  in: "query",
  description: "A delivery directive of RFC 8216bis §6.2.5.",
  isRequired: false,
}));

const FLOW: readonly ParameterSpec[] = [
  ["video", "A video track's name, or `none`. Default: the first one."],
  ["audio", "An audio track's name, or `none`. Default: the first one."],
  ["join", "Where it begins: `latest`, the last keyframe, or `next`, the next segment."],
].map(([name = "", description = ""]) => ({ name, in: "query", description, isRequired: false }));

const DELIVERY = {
  tag: "Delivery",
  security: ["viewerToken", "anonymous"],
  problems: ["not-found", ...TOKEN_ERRORS, ...ACCESS_DENIALS, "crowded"],
} as const satisfies RouteSpec;

const NOT_MODIFIED: AnswerSpec = { description: "The client has the current state." };
const PLAYLIST: AnswerSpec = { description: "The playlist.", mediaTypes: ["application/vnd.apple.mpegurl"] };
const MEDIA: AnswerSpec = { description: "The bytes.", mediaTypes: ["video/mp4", "audio/mp4"] };

/** The routes of `/live/…`. */
export const LIVE_ROUTES: readonly { readonly method: "GET"; readonly path: string; readonly spec: RouteSpec }[] = [
  {
    method: "GET",
    path: "/live/:stream/multivariant.m3u8",
    spec: {
      ...DELIVERY,
      summary: "A stream's multivariant playlist",
      parameters: [STREAM, TOKEN],
      answers: { 200: PLAYLIST, 304: NOT_MODIFIED },
      problems: [...DELIVERY.problems, "too-many-requests"],
    },
  },
  {
    method: "GET",
    path: "/live/:stream/:broadcast/multivariant.m3u8",
    spec: {
      ...DELIVERY,
      summary: "The multivariant playlist of one broadcast, live or a recording",
      parameters: [STREAM, path("broadcast", "The broadcast's id."), TOKEN],
      answers: { 200: PLAYLIST, 304: NOT_MODIFIED },
      problems: [...DELIVERY.problems, "too-many-requests"],
    },
  },
  {
    method: "GET",
    path: "/live/:stream/:broadcast/flow.mp4",
    spec: {
      ...DELIVERY,
      summary: "A live broadcast's media as it comes: one response, fragmented MP4",
      parameters: [STREAM, path("broadcast", "The broadcast's id."), TOKEN, ...FLOW],
      answers: { 200: { description: "The media, until the broadcast ends.", mediaTypes: MEDIA.mediaTypes ?? [] } },
      problems: [...DELIVERY.problems, "bad-directive", "too-many-requests"],
    },
  },
  {
    method: "GET",
    path: "/live/:stream/:broadcast/:track/:file",
    spec: {
      ...DELIVERY,
      summary: "A playlist, init section, segment or part of a track",
      parameters: [
        ...TRACK,
        path(
          "file",
          "`media.m3u8`, `iframes.m3u8`, `vod.m3u8`, `vod-iframes.m3u8`, `init-{version}.mp4`, `{msn}.m4s` or `{msn}.{part}.m4s`.",
        ),
        TOKEN,
        ...DIRECTIVES,
      ],
      answers: {
        200: {
          description: "The playlist or the bytes.",
          mediaTypes: [...(PLAYLIST.mediaTypes ?? []), ...(MEDIA.mediaTypes ?? [])],
        },
        206: MEDIA,
        304: NOT_MODIFIED,
      },
      problems: [...DELIVERY.problems, "bad-directive", "timeout", "not-available-yet", "range-not-satisfiable"],
    },
  },
];
