import { expect, test } from "vitest";
import { parseMediaPlaylist, parseMultivariantPlaylist } from "./playlist.ts";

const PLAYLIST = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-PART-INF:PART-TARGET=1.00001
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.1,CAN-SKIP-UNTIL=12
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-SKIP:SKIPPED-SEGMENTS=3
#EXT-X-PART:DURATION=1.00000,URI="10.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1.00000,URI="10.1.m4s"
#EXTINF:2.00000,
10.m4s
#EXT-X-PART:DURATION=1.00000,URI="11.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="11.1.m4s"
#EXT-X-RENDITION-REPORT:URI="../audio/media.m3u8",LAST-MSN=11,LAST-PART=0
`;

test("parts are numbered across skipped segments, and the next part is known", () => {
  const playlist = parseMediaPlaylist(PLAYLIST);
  expect(playlist.parts.map(({ msn, part }) => `${msn}.${part}`)).toEqual(["10.0", "10.1", "11.0"]);
  expect(playlist.nextPart).toEqual({ msn: 11, part: 1 });
  expect(playlist.segments).toEqual([{ msn: 10, durationS: 2 }]);
  expect(playlist).toMatchObject({
    targetDurationS: 2,
    holdBackS: 3.1,
    canSkip: true,
    ended: false,
    skippedSegments: 3,
  });
  expect(playlist.renditionReports).toEqual([{ uri: "../audio/media.m3u8", msn: 11, part: 0 }]);
});

test("input that is not a playlist is refused", () => {
  expect(() => parseMediaPlaylist("<html>")).toThrow("not a playlist");
});

test("variants and audio renditions of a multivariant playlist are read", () => {
  const text = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",URI="b/audio/media.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3000000,AUDIO="audio"
b/720p/media.m3u8
`;
  expect(parseMultivariantPlaylist(text)).toEqual({
    variants: [{ uri: "b/720p/media.m3u8", bandwidth: 3_000_000 }],
    audio: ["b/audio/media.m3u8"],
  });
});
