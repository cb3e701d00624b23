// `serve` and `config`: what the host can be told is a table of its own (`../settings.ts`, which imports nothing), so that
// help and completions load nothing of the host. The words go over as they were given: the host's configuration reads,
// checks and refuses them. The host itself is loaded when it is to run, and only then.

import { settings } from "../settings.ts"
import { flag, type Command, type Option } from "./option.ts"

const options: readonly Option<unknown>[] = settings.map(({ flag, ...setting }) => ({
  ...setting,
  name: flag,
  read: (given: readonly string[]) => given,
}))

export const serveCommand: Command = {
  name: "serve",
  summary: "Run the host: sessions over HTTP and server-sent events.",
  details: [
    ["Flags win over variables, and variables over defaults. What cannot work is refused, all of it at once, with exit code 2."],
    ["SIGINT or SIGTERM ends it: readers are told to come back, and what is under way is finished within the limit `drain`."],
  ],
  examples: ["tidemark serve --port 8080 --limit heartbeat=5s"],
  options,
  run: async (args) => (await import("../serve.ts")).serve(args.given, process.env),
}

export const configCommand: Command = {
  name: "config",
  summary: "Print every setting and limit that `serve` would run with, and where each value came from.",
  options: [...options, flag({ name: "json", about: "as one JSON object" })],
  run: async (args) => (await import("../print-config.ts")).printConfig(args.given, process.env),
}
