/** The used part of `k6/websockets`. */
declare module "k6/websockets" {
  export class WebSocket {
    constructor(url: string);
    onopen: (() => void) | null;
    onmessage: ((event: { readonly data: unknown }) => void) | null;
    onclose: ((event: { readonly code?: number; readonly reason?: string }) => void) | null;
    onerror: (() => void) | null;
    send(text: string): void;
    close(code?: number): void;
  }
}
