// The command tree. Client commands load nothing of the host, and the host (with Effect) is loaded by `serve` and
// `config` alone, so that `tail` and `publish` start as fast as Node does.

import { closeCommand, commitCommand, explainCommand, observeCommand, sessionsCommand, trimCommand } from "./cli/session-calls.ts"
import { completionsCommand } from "./cli/completions.ts"
import { cannotWrite, CommandFailure, exitCodes, isReaderGone, isSystemError } from "./cli/exit.ts"
import { doctorCommand } from "./cli/doctor.ts"
import { exportCommand } from "./cli/export.ts"
import { commandHelp, programHelp } from "./cli/help.ts"
import { importCommand } from "./cli/import.ts"
import type { Command } from "./cli/option.ts"
import { parseCommandLine } from "./cli/parse-command-line.ts"
import { publishCommand } from "./cli/publish.ts"
import { recordCommand } from "./cli/record.ts"
import { replayCommand } from "./cli/replay.ts"
import { configCommand, serveCommand } from "./cli/serve-commands.ts"
import { tailCommand } from "./cli/tail.ts"
import { releaseVersion } from "./release.ts"

const work: readonly Command[] = [
  serveCommand,
  configCommand,
  publishCommand,
  tailCommand,
  commitCommand,
  closeCommand,
  trimCommand,
  exportCommand,
  importCommand,
  observeCommand,
  explainCommand,
  sessionsCommand,
  recordCommand,
  replayCommand,
  doctorCommand,
]
const commands: readonly Command[] = [...work, completionsCommand(work)]

// Most of what is written is not waited for, and some of it fails only as the process ends: so it is judged there.
let lost: CommandFailure | undefined
for (const [name, stream] of [["standard output", process.stdout], ["standard error", process.stderr]] as const) {
  stream.on("error", (error) => {
    if (!isReaderGone(error)) lost ??= cannotWrite(name, error)
  })
}
process.once("exit", (code) => {
  if (code === exitCodes.done.code && lost !== undefined) process.exitCode = failed(lost)
})
process.exitCode = await main(process.argv.slice(2))

async function main(words: readonly string[]): Promise<number> {
  const line = parseCommandLine(commands, words, process.env)
  const columns = Math.min(process.stdout.columns ?? 100, 120)
  switch (line.type) {
    case "version":
      process.stdout.write(`tidemark ${releaseVersion()}\n`)
      return exitCodes.done.code
    case "help":
      process.stdout.write(
        line.command === undefined ? programHelp(commands, releaseVersion(), columns) : commandHelp(line.command, columns),
      )
      return exitCodes.done.code
    case "wrong":
      process.stderr.write(`tidemark: ${line.message}\nSee tidemark ${line.command === undefined ? "" : `${line.command.name} `}--help\n`)
      return exitCodes.usage.code
    case "run":
      return line.command.run(line.args).catch(failed)
  }
}

/** The exit code of a failure that was foreseen; any other is a bug, and its trace is what helps. */
function failed(error: unknown): number {
  if (error instanceof CommandFailure) {
    process.stderr.write(`tidemark: ${error.message}\n`)
    return error.exitCode
  }
  if (!isSystemError(error)) throw error
  process.stderr.write(`tidemark: ${error.message}\n`)
  return exitCodes.unusable.code
}
