/** `npm run token -- --role host|moderator|viewer --stream NAME`: prints a link that signs in, and its token. */
import { systemPlatform } from "../core/kit/system-platform.ts";
import { runTokenCommand } from "./token-command.ts";

const { code, out, err } = await runTokenCommand(process.argv.slice(2), process.env, systemPlatform);
process.stdout.write(out);
process.stderr.write(err);
process.exitCode = code;
