/** The way to report a stream or a message to the site's operator. */

/** A message that is reported. */
export interface ReportedMessage {
  readonly offset: number;
  readonly by: { readonly subject: string; readonly name: string };
  readonly text: string;
}

/** Where the site takes reports, as the build wrote it into the page; null: nowhere. */
function readReportAddress(): string | null {
  return document.querySelector<HTMLMetaElement>('meta[name="corral-reports"]')?.content || null;
}

/**
 * The link that opens a report. `reports` is `mailto:` or the address of a form, which gets the page as `url`, and of a message its
 * offset in the room as `message` and its author's account as `account`.
 */
export function reportLink(reports: string, pageUrl: string, message: ReportedMessage | null): string {
  if (!reports.startsWith("mailto:")) {
    const form = new URL(reports);
    form.searchParams.set("url", pageUrl);
    if (message !== null) {
      form.searchParams.set("message", String(message.offset));
      form.searchParams.set("account", message.by.subject);
    }
    return form.href;
  }
  const what =
    message === null
      ? []
      : [`Message ${message.offset} of ${message.by.name} (${message.by.subject}):`, message.text, ""];
  const body = [pageUrl, "", ...what].join("\r\n");
  const subject = message === null ? "Report of a stream" : "Report of a message";
  // RFC 6068: a plus sign is a plus sign.
  return `${reports}?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(body)}`;
}

/** The link on this page; null where the site takes no reports. */
export function pageReportLink(message: ReportedMessage | null): string | null {
  const reports = readReportAddress();
  return reports === null ? null : reportLink(reports, location.origin + location.pathname, message);
}
