/** Session descriptions (RFC 8866) as far as offers of WebRTC need them. */
import { WHIP_LIMITS } from "./limits.ts";

/** The attributes of a section, or of the session, by name; an attribute without value has the empty text. */
export type SdpAttributes = ReadonlyMap<string, readonly string[]>;

/** A media section. */
export interface SdpSection {
  readonly media: string;
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly attributes: SdpAttributes;
}

/** A description. */
export interface ParsedOffer {
  readonly attributes: SdpAttributes;
  readonly sections: readonly SdpSection[];
}

const MEDIA_LINE = /^m=([a-z]{1,32}) \d{1,5}(?:\/\d{1,5})? ([A-Z/]{1,32}) ([!-~]{1,64}(?: [!-~]{1,64}){0,127})$/;
const ATTRIBUTE_LINE = /^a=([A-Za-z0-9-]{1,64})(?::(.*))?$/;

/** Parses a description; null if it is none, or beyond the limits. */
export function parseOffer(text: string): ParsedOffer | null {
  if (text.length > WHIP_LIMITS.sdpBytes) return null;
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  if (lines[0] !== "v=0" || lines.length > WHIP_LIMITS.lines) return null;
  const session = new Map<string, string[]>();
  const sections: SdpSection[] = [];
  let attributes = session;
  for (const line of lines) {
    if (line.startsWith("m=")) {
      const [, media, protocol, formats] = MEDIA_LINE.exec(line) ?? [];
      if (media === undefined || protocol === undefined || formats === undefined) return null;
      if (sections.length >= WHIP_LIMITS.sections) return null;
      attributes = new Map();
      sections.push({ media, protocol, formats: formats.split(" "), attributes });
    } else pushAttribute(attributes, line);
  }
  return { attributes: session, sections };
}

/** Adds an attribute line; other lines are left out. */
export function pushAttribute(attributes: Map<string, string[]>, line: string): void {
  const [, name, value = ""] = ATTRIBUTE_LINE.exec(line) ?? [];
  if (name === undefined) return;
  const values = attributes.get(name);
  if (values === undefined) attributes.set(name, [value]);
  else values.push(value);
}
