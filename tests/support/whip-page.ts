/** A page in Chromium that publishes camera and microphone by WHIP. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";

/** What the page publishes, and where. */
export interface WhipPageOptions {
  /** The whole address, `…/whip/{stream}`. */
  readonly endpoint: string;
  readonly key: string;
  /** The request is sent by this process instead of the page: a node answers no pages of other origins. */
  readonly isOutsidePage?: boolean;
  readonly width?: number;
  readonly height?: number;
  /** Bits per second of the picture, at most. */
  readonly maxBitrate?: number;
  /** Addresses and ports to put in place of the answer's candidates: a relay's. */
  readonly candidate?: { readonly address: string; readonly port: number };
}

/** The response to the offer, and a problem's sentence. */
export interface WhipAnswer {
  readonly status: number;
  /** The session's address; null if the offer was refused. */
  readonly location: string | null;
  readonly body: string;
}

/** A page of another origin than the edge's, which browsers trust with camera and microphone. */
export class WhipPage {
  readonly page: Page;
  readonly #server: Server;

  private constructor(page: Page, server: Server) {
    this.page = page;
    this.#server = server;
  }

  static async open(browser: Browser): Promise<WhipPage> {
    const server = createServer((_request, response) => {
      response.setHeader("content-type", "text/html").end("<!doctype html><title>WHIP</title>");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const page = await browser.newPage();
    await page.exposeFunction("sendOffer", sendOffer);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return new WhipPage(page, server);
  }

  /** Publishes. The connection is `whip` of the page's `globalThis`. */
  publish(options: WhipPageOptions): Promise<WhipAnswer> {
    return this.page.evaluate(
      async ({ endpoint, key, isOutsidePage, width = 640, height = 360, maxBitrate, candidate }) => {
        const outside = (globalThis as unknown as { sendOffer: typeof sendOffer }).sendOffer;
        const media = await navigator.mediaDevices.getUserMedia({
          audio: true,
          video: { width, height, frameRate: 30 },
        });
        const connection = new RTCPeerConnection();
        Object.assign(globalThis, { whip: connection });
        for (const track of media.getTracks()) {
          const encodings = track.kind === "video" && maxBitrate !== undefined ? [{ maxBitrate }] : [{}];
          const transceiver = connection.addTransceiver(track, {
            direction: "sendonly",
            streams: [media],
            sendEncodings: encodings,
          });
          if (track.kind !== "video") continue;
          const { codecs = [] } = RTCRtpSender.getCapabilities("video") ?? {};
          transceiver.setCodecPreferences(codecs.toSorted((a, b) => rank(b.mimeType) - rank(a.mimeType)));
        }
        function rank(mimeType: string): number {
          return /h264/i.test(mimeType) ? 2 : /rtx/i.test(mimeType) ? 1 : 0;
        }
        const offer = await connection.createOffer();
        await connection.setLocalDescription(offer);
        const inside = async (): Promise<WhipAnswer> => {
          const headers = { "content-type": "application/sdp", authorization: `Bearer ${key}` };
          const answer = await fetch(endpoint, { method: "POST", headers, body: offer.sdp ?? "" });
          return { status: answer.status, location: answer.headers.get("location"), body: await answer.text() };
        };
        const { status, location, body } = isOutsidePage
          ? await outside(endpoint, key, offer.sdp ?? "")
          : await inside();
        if (status !== 201) return { status, location: null, body };
        const sdp =
          candidate === undefined
            ? body
            : body.replace(/(a=candidate:\S+ 1 udp \d+) \S+ \d+/g, `$1 ${candidate.address} ${candidate.port}`);
        await connection.setRemoteDescription({ type: "answer", sdp });
        return { status, location: location && new URL(location, endpoint).href, body };
      },
      options,
    );
  }

  async close(): Promise<void> {
    await this.page.close();
    this.#server.close();
  }
}

async function sendOffer(endpoint: string, key: string, offer: string): Promise<WhipAnswer> {
  const headers = { "content-type": "application/sdp", authorization: `Bearer ${key}` };
  const answer = await fetch(endpoint, { method: "POST", headers, body: offer });
  return { status: answer.status, location: answer.headers.get("location"), body: await answer.text() };
}
