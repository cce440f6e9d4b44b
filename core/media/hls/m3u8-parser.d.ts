/** The used API of `m3u8-parser`, which has no types. */
declare module "m3u8-parser" {
  export interface ParsedPart {
    readonly uri: string;
    readonly duration: number;
    readonly independent?: boolean;
    readonly gap?: boolean;
  }
  export interface ParsedSegment {
    readonly uri?: string;
    readonly duration?: number;
    readonly map?: { readonly uri: string };
    readonly discontinuity?: boolean;
    readonly dateTimeString?: string;
    readonly parts?: readonly ParsedPart[];
    readonly preloadHints?: readonly { readonly type: string; readonly uri: string }[];
    readonly byterange?: { readonly length: number; readonly offset: number };
  }
  export interface ParsedManifest {
    readonly version?: number;
    readonly targetDuration?: number;
    readonly mediaSequence?: number;
    readonly discontinuitySequence?: number;
    readonly partTargetDuration?: number;
    readonly endList?: boolean;
    readonly playlistType?: string;
    readonly iFramesOnly?: boolean;
    readonly skip?: { readonly skippedSegments: number };
    readonly renditionReports?: readonly {
      readonly uri: string;
      readonly lastMsn: number;
      readonly lastPart: number;
    }[];
    readonly segments: readonly ParsedSegment[];
    readonly preloadSegment?: ParsedSegment;
  }
  export class Parser {
    readonly manifest: ParsedManifest;
    push(text: string): void;
    end(): void;
    on(event: "warn" | "error", listener: (problem: { readonly message: string }) => void): void;
  }
}
