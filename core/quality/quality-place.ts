/** Where a viewer's report belongs: names of few values each; pure. */
import { classifyDevice } from "./device-class.ts";
import { OTHER_NAME, type QualityPlace } from "./quality-tally.ts";

/** A video track of the broadcast. */
interface Rendition {
  readonly name: string;
  readonly kind: "video" | "audio";
  /** Declared bits per second. */
  readonly bandwidth: number;
}

/** A reported bit rate is a rendition's if it differs by less than this factor: players may count its sound too. */
const BITRATE_FACTOR = 1.5;

/** What the edge knows of a report's sender. */
interface ReportOrigin {
  /** ISO 3166-1 alpha-2, or anything else. */
  readonly country: unknown;
  readonly userAgent: string | null;
}

/** The place of a report. `tracks`: of the broadcast. */
export function placeReport(
  bitrateKbps: number | null,
  { country, userAgent }: ReportOrigin,
  tracks: readonly Rendition[],
): QualityPlace {
  return {
    country: typeof country === "string" && /^[A-Z]{2}$/.test(country) ? country : OTHER_NAME,
    device: classifyDevice(userAgent),
    rendition: bitrateKbps === null ? OTHER_NAME : findRendition(1000 * bitrateKbps, tracks),
  };
}

/** The name of the video track whose bit rate is the nearest. */
function findRendition(bandwidth: number, tracks: readonly Rendition[]): string {
  const distance = (track: Rendition): number => Math.abs(Math.log(bandwidth / track.bandwidth));
  const nearest = tracks
    .filter(({ kind, bandwidth: declared }) => kind === "video" && declared > 0)
    .reduce<Rendition | null>((best, each) => (best === null || distance(each) < distance(best) ? each : best), null);
  return nearest !== null && distance(nearest) < Math.log(BITRATE_FACTOR) ? nearest.name : OTHER_NAME;
}
