/** Publishes the journals of earlier runs on this machine. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { PackagerOutput } from "../../core/media/cmaf/packager.ts";
import { PublishError } from "../kit/errors.ts";
import { BroadcastPublisher, type PublisherOptions } from "./broadcast-publisher.ts";
import { listFolders, readJournal } from "./journal.ts";

/** Publishes the journals below `folder`, each of an interrupted broadcast, and ends those broadcasts. */
export async function resendJournals(
  folder: string,
  target: Pick<PublisherOptions, "edge" | "key" | "stream" | "publisher" | "log" | "platform">,
): Promise<void> {
  for (const name of listFolders(folder)) {
    const journal = join(folder, name);
    const left = readJournal(journal);
    let isRefused = left === null;
    const onFatal = (): void => {
      isRefused = true;
    };
    if (left !== null) await send({ ...target, config: left.config, onFatal }, left.outputs);
    // A temporary failure is retried by the next run; a refusal is permanent.
    if (isRefused) rmSync(journal, { recursive: true, force: true });
  }

  async function send(options: PublisherOptions, outputs: readonly PackagerOutput[]): Promise<void> {
    const publisher = new BroadcastPublisher(options);
    try {
      await publisher.open();
      for (const output of outputs) publisher.push(output);
      await publisher.end();
      rmSync(join(folder, options.config.broadcast), { recursive: true, force: true });
      target.log.info(
        `The broadcast ${options.config.broadcast} of ${target.stream} was interrupted; all of it is stored now.`,
      );
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      target.log.warn(
        `The broadcast ${options.config.broadcast} was interrupted, and its end is lost: ${error.message}`,
      );
    } finally {
      await publisher.close();
    }
  }
}
