/** What viewers tell of their playback, and what a stream's hosts read of it. */
import { decodeCmcd } from "@svta/cml-cmcd";
import type { StreamName } from "../../core/kit/ids.ts";
import { placeReport } from "../../core/quality/quality-place.ts";
import { mergeTables, type QualityTables, tablesOf, type ViewerQuality } from "../../core/quality/quality-tally.ts";
import { isAccepted } from "../../core/quality/report-sampling.ts";
import { readViewerReport, VIEWER_REPORT_LIMITS, type ViewerReport } from "../../core/quality/viewer-report.ts";
import { refuseOverRate } from "../access/rate-limits.ts";
import { openCurrentStream } from "../delivery/edge-streams.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { readBody } from "../kit/body-reader.ts";
import { cacheLifetimes, jsonResponse, problemResponse, unavailableStreamResponse } from "../kit/responses.ts";
import { QualityCollector } from "./quality-collector.ts";
import { parseTimeRange } from "./time-range.ts";

const isolateCollector = new QualityCollector();

/** `POST …/cmcd`: events of CMCD version 2, one a line. Those that are not sampled are accepted and not counted. */
export async function handleViewerReports(
  scope: RequestScope,
  stream: StreamName,
  collector: QualityCollector = isolateCollector,
): Promise<Response> {
  const { request, platform } = scope;
  const edge = await openCurrentStream(scope, stream);
  if (typeof edge === "string") return unavailableStreamResponse(edge);
  const { status } = edge;
  if (status === null) return unavailableStreamResponse("unregistered");
  const refused = await refuseOverRate(scope, "beacons");
  if (refused !== null) return refused;
  const bytes = await readBody(platform.clock, request, VIEWER_REPORT_LIMITS.bytes).catch(() => "aborted" as const);
  if (bytes === "too-large") {
    return problemResponse("too-large", `At most ${VIEWER_REPORT_LIMITS.bytes} bytes are accepted.`);
  }
  if (bytes === "too-slow") return problemResponse("too-slow");
  const reports = bytes === "aborted" ? null : decodeReports(new TextDecoder().decode(bytes));
  if (reports === null) {
    return problemResponse("invalid-body", "Send events of CMCD version 2 with `sid` and `cid`, one a line.");
  }
  const { country } = (request.cf ?? {}) as IncomingRequestCfProperties;
  const origin = { country, userAgent: request.headers.get("user-agent") };
  const tables = reports
    .filter(({ cid, sid }) => cid === status.broadcast && isAccepted(sid, status.viewers.current))
    .map((report) => tablesOf(report, placeReport(report.bitrateKbps, origin, status.tracks)))
    .reduce<QualityTables | null>((sum, each) => (sum === null ? each : mergeTables(sum, each)), null);
  if (tables !== null) collector.add(scope, stream, tables);
  return new Response(null, { status: 204, headers: { "cache-control": cacheLifetimes.noStore } });
}

/** The reports of a body, or null if there is none, or one that is none. */
function decodeReports(body: string): ViewerReport[] | null {
  const lines = body.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0 || lines.length > VIEWER_REPORT_LIMITS.events) return null;
  const reports = lines.map(decodeReport);
  return reports.every((report) => report !== null) ? reports : null;
}

function decodeReport(line: string): ViewerReport | null {
  try {
    return readViewerReport(decodeCmcd(line) as Readonly<Record<string, unknown>>);
  } catch {
    return null;
  }
}

/** `GET …/quality`: viewers' quality within a range of the last 30 days. */
export async function handleViewerQuality({ env, request }: RequestScope, stream: StreamName): Promise<Response> {
  const range = parseTimeRange(request);
  if (range instanceof Response) return range;
  const quality: ViewerQuality = await env.LIVE.getByName(stream).viewerQuality(range.fromMs, range.toMs);
  return jsonResponse({ stream, ...quality });
}
