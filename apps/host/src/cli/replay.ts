// `tidemark replay`: whether a capsule happens again as it was recorded, on this release. The same is said in a test by
// `replayCapsule` of the kernel; here is what people see of it.

import { readFileSync, statSync } from "node:fs"
import { logModel, replayCapsule } from "@tidemark/kernel"
import { isMissing } from "./cursor-file.ts"
import { CommandFailure, exitCodes, isSystemError } from "./exit.ts"
import type { Args, Command } from "./option.ts"
import { counted } from "./progress.ts"

/** It is held in memory as one text. */
const fileBytesMax = 256 * 1024 * 1024

export const replayCommand: Command = {
  name: "replay",
  summary: "Make the calls of a capsule again, and say whether they give what they gave when it was recorded.",
  details: [
    [
      "It needs no host. Exit code 0: every call gave the same to the last byte. 1: one did not; the line says which, and what it gave " +
        "then and now. Then either the capsule was altered after it was recorded, or this is another release, which does something else. " +
        "6: the file cannot be read or is no capsule, or it is of a model that this release does not have.",
    ],
  ],
  examples: ["tidemark replay deps.capsule"],
  positional: { name: "file", about: "what `tidemark record` wrote" },
  options: [],
  run,
}

async function run(args: Args): Promise<number> {
  const path = args.positional
  const outcome = replayCapsule(textOf(path), [logModel])
  switch (outcome.type) {
    case "same": {
      const end = outcome.end === undefined ? "the capsule was cut, and has no end" : `the recording ended: ${printable(outcome.end)}`
      process.stdout.write(`same: ${counted(outcome.calls, "call", "calls")}; ${end}\n`)
      return exitCodes.done.code
    }
    case "differs":
      process.stdout.write(`differs at call ${outcome.call}, line ${outcome.line}: ${printable(outcome.name)}\n`)
      process.stdout.write(`  recorded: ${printable(outcome.recorded)}\n  replayed: ${printable(outcome.replayed)}\n`)
      process.stdout.write("the capsule was altered, or this is another release: replay the file as it was recorded, with the release that recorded it\n")
      return exitCodes.failed.code
    case "malformed":
      throw new CommandFailure("unusable", `${path}, line ${outcome.line}: ${printable(outcome.because)}`)
    case "unknown_model":
      throw new CommandFailure("unusable", `${path} was recorded with version ${outcome.version} of the model ${printable(outcome.name)}, which is not here`)
  }
}

/** What a capsule says goes to a terminal, and a capsule may come from anybody. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`)
}

function textOf(path: string): string {
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) throw new CommandFailure("unusable", `${path} is a folder: name a file that \`tidemark record\` wrote`)
    if (stat.size > fileBytesMax) throw new CommandFailure("unusable", `${path} is larger than 256 MiB: record for a shorter time`)
    return readFileSync(path, "utf8")
  } catch (error) {
    if (isMissing(error)) throw new CommandFailure("unusable", `${path} is not there: name a file that \`tidemark record\` wrote`, error)
    throw isSystemError(error) ? new CommandFailure("unusable", `${path} cannot be read: ${error.message}`, error) : error
  }
}
