/** `npm run token -- --role host|moderator|viewer --stream NAME`: prints a link that signs in, and its token. */
import { stripVTControlCharacters } from "node:util";
import { systemPlatform } from "../core/kit/system-platform.ts";
import { runTokenCommand } from "./token-command.ts";

const { code, out, err } = await runTokenCommand(process.argv.slice(2), process.env, systemPlatform);
process.stdout.write(process.stdout.isTTY ? out : stripVTControlCharacters(out));
process.stderr.write(err);
process.exitCode = code;
