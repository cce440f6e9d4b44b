/** A stream's details in the studio, with the token of the operator or of a host. */
import type { StreamImageName } from "../../../../core/directory/stream-details.ts";
import { ControlClient, type ControlRequest } from "../../kit/control-client.ts";
import { type DetailsDraft, parseStoredDetails, type StoredDetails, toDetailsRequest } from "./details-draft.ts";

/** The details of one page's stream. */
export class DetailsController {
  /** The stream's name. */
  readonly stream: string;
  readonly #client: ControlClient;
  readonly #onChange: () => void;
  #stored: StoredDetails | null = null;
  #mayWrite = false;
  #savedText = "";

  constructor(stream: string, changed: () => void) {
    this.stream = stream;
    this.#client = new ControlClient(stream, changed);
    this.#onChange = changed;
  }

  /** What the edge has; null before its answer. */
  get stored(): StoredDetails | null {
    return this.#stored;
  }

  /** Whether there is a token that was not refused. */
  get mayWrite(): boolean {
    return this.#mayWrite;
  }

  /** Whether a request is pending. */
  get isBusy(): boolean {
    return this.#client.isBusy;
  }

  /** The error of the last request, or null. */
  get errorText(): string | null {
    return this.#client.errorText;
  }

  /** What the last request did, or empty. */
  get savedText(): string {
    return this.#savedText;
  }

  /** Starts with the tab's token; on a local edge, with a host token. */
  async start(): Promise<void> {
    this.#mayWrite = await this.#client.loadToken();
    await this.#read();
    this.#client.clearDenial();
  }

  /** Uses a token that only this page keeps. */
  async useToken(token: string): Promise<void> {
    this.#client.setToken(token);
    this.#mayWrite = true;
    await this.#read();
  }

  /** Replaces the details. */
  save(draft: DetailsDraft): Promise<void> {
    return this.#write({ method: "PUT", path: "/details", body: toDetailsRequest(draft) }, "Saved.");
  }

  /** Uploads an image; null removes it. */
  setImage(image: StreamImageName, file: File | null): Promise<void> {
    const path = `/images/${image}`;
    if (file === null) return this.#write({ method: "DELETE", path }, "The image is removed.");
    return this.#write({ method: "PUT", path, body: file }, "The image is uploaded.");
  }

  async #read(): Promise<void> {
    const answer = await this.#client.request({ method: "GET", path: "/details" });
    if (answer.ok) this.#stored = parseStoredDetails(answer.body);
    this.#onChange();
  }

  async #write(request: ControlRequest, saved: string): Promise<void> {
    this.#savedText = "";
    const answer = await this.#client.request(request);
    if (answer.ok) {
      this.#stored = parseStoredDetails(answer.body);
      this.#savedText = saved;
    } else if (answer.isDenied) this.#mayWrite = false;
    this.#onChange();
  }
}
