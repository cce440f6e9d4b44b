/** Where the ingest nodes of a deployment listen: what an encoder's settings are made of. */

/** One listener. */
export interface IngestListener {
  /** A host name, an IPv4 address, or an IPv6 address in brackets. */
  readonly host: string;
  readonly port: number;
}

/** The listeners by protocol; null: none. */
export interface IngestAddresses {
  readonly rtmp: IngestListener | null;
  readonly rtmps: IngestListener | null;
  readonly srt: IngestListener | null;
}

/** A deployment without ingest nodes. */
export const NO_INGEST_ADDRESSES: IngestAddresses = { rtmp: null, rtmps: null, srt: null };

const ADDRESS = /^(rtmps?|srt):\/\/([A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\]):(\d{1,5})\/?$/;
const MAX_PORT = 65_535;

/**
 * Parses addresses like `rtmp://ingest.example.com:1935 srt://ingest.example.com:8890`, with spaces between them. Null for any
 * other text, and for two addresses of one protocol.
 */
export function parseIngestAddresses(text: string): IngestAddresses | null {
  const found: Record<string, IngestListener> = {};
  for (const address of text.split(/\s+/).filter((each) => each !== "")) {
    const [, protocol = "", host = "", port = ""] = ADDRESS.exec(address) ?? [];
    const isValid = protocol !== "" && Number(port) >= 1 && Number(port) <= MAX_PORT && found[protocol] === undefined;
    if (!isValid) return null;
    found[protocol] = { host, port: Number(port) };
  }
  return { rtmp: found["rtmp"] ?? null, rtmps: found["rtmps"] ?? null, srt: found["srt"] ?? null };
}

/** The text that `parseIngestAddresses` parses. */
export function formatIngestAddresses(addresses: IngestAddresses): string {
  const protocols = ["rtmp", "rtmps", "srt"] as const;
  return protocols
    .flatMap((protocol) => {
      const listener = addresses[protocol];
      return listener === null ? [] : [`${protocol}://${formatListener(listener)}`];
    })
    .join(" ");
}

/** `host:port`. */
export const formatListener = ({ host, port }: IngestListener): string => `${host}:${port}`;
