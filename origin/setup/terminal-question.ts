/** Questions on a terminal. Between them the terminal is not read, so that Ctrl-C ends the command. */
import { createInterface } from "node:readline/promises";
import { UsageError } from "../kit/errors.ts";

/** The answer to a question. Throws `UsageError` if Ctrl-C or the end of the input is the answer. */
export async function askOnTerminal(
  question: string,
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stdout,
): Promise<string> {
  const lines = createInterface({ input, output, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      const refuse = (): void => reject(new UsageError("\nNothing was changed."));
      lines.once("close", refuse);
      lines.question(question).then((answer) => resolve(answer.trim()), refuse);
    });
  } finally {
    lines.close();
  }
}
