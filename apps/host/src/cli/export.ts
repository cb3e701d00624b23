// `tidemark export`: a session as NDJSON, for keeping, for other tools, and for `tidemark import`. One page is held at a
// time, and what the session no longer holds is counted and said, never passed over.

import { exportFile, standardOutput, type ExportOutput } from "./export-output.ts"
import { insteadOfHost, nameIn } from "./data-dir.ts"
import { openDirectorySource } from "./export-directory.ts"
import { openHostSource, type ExportSource } from "./export-source.ts"
import { exitCodes, isReaderGone } from "./exit.ts"
import { text, type Args, type Command } from "./option.ts"
import { Patience } from "./patience.ts"
import { counted, Progress } from "./progress.ts"
import { closedLine } from "./session-file.ts"
import { listenForEnding } from "./signals.ts"
import { asking, session, sessionOf, url, workspace } from "./target.ts"

const output = text({ name: "output", placeholder: "FILE", about: "write into this file, whole or not at all, in place of standard output" })

export const exportCommand: Command = {
  name: "export",
  summary: "Write a session as NDJSON: every event with its position, revision, time and data, in order.",
  details: [
    [
      'A line is an event as the session has it: {"position", "revision", "kind", "at", "data"}, and "commit": true on a commit. If the ' +
        'session is closed, the last line is {"closed": {"reason": …}}.',
      "It holds what the session held when the export began, and perhaps a little of what came meanwhile.",
    ],
    [
      "Entries that are no longer there (trimmed), or never could be recorded, are told on standard error with their number, and the exit " +
        "code is 7. If the session is made anew while it is exported, the export fails: entries of two logs are never mixed.",
      "With --data-dir it is read from the directory, whether a host runs on that or not, and holes stand in their places.",
      "--output FILE takes FILE's place when all is written, and not before.",
    ],
  ],
  examples: ["tidemark export deps --output deps.ndjson", "tidemark export deps | gzip > deps.ndjson.gz", "tidemark export deps | jq -r .data"],
  positional: session,
  options: [output, insteadOfHost, url, workspace],
  run,
}

async function run(args: Args): Promise<number> {
  const stop = new AbortController()
  const progress = new Progress()
  const source = await sourceOf(args, progress, stop.signal)
  const path = args.get(output)
  const to = path === undefined ? standardOutput() : await exportFile(path)
  const ending = listenForEnding(stop, "ended at once: what was exported is not whole")
  try {
    const { entries, missed } = await asking(args, () => copy(source, to, progress, stop.signal))
    to.finish()
    const closed = source.closed === null ? "" : `; it is closed: ${source.closed.reason}`
    progress.say(`${counted(entries, "entry", "entries")} of ${args.positional} exported${path === undefined ? "" : ` to ${path}`}${closed}`)
    if (missed === 0) return exitCodes.done.code
    progress.say(`${counted(missed, "entry is", "entries are")} missing: trimmed, or never recorded; the positions show where`)
    return exitCodes.gap.code
  } catch (error) {
    to.giveUp()
    const code = ending.code()
    if (code !== undefined && stop.signal.aborted) return code
    if (isReaderGone(error)) return exitCodes.done.code
    throw error
  } finally {
    ending.release()
  }
}

function sourceOf(args: Args, progress: Progress, signal: AbortSignal): Promise<ExportSource> {
  const directory = args.get(insteadOfHost)
  if (directory !== undefined) return openDirectorySource(directory, nameIn(args))
  return asking(args, () => openHostSource({ ...sessionOf(args), signal }, new Patience(progress, signal)))
}

async function copy(source: ExportSource, to: ExportOutput, progress: Progress, stop: AbortSignal) {
  let entries = 0
  let missed = 0
  for await (const page of source.pages()) {
    stop.throwIfAborted()
    if (page.lines.length > 0) await to.write(`${page.lines.join("\n")}\n`)
    entries += page.lines.length
    missed += page.missed
    progress.show(`position ${page.through.toLocaleString("en")} of ${source.head.toLocaleString("en")} exported`)
  }
  if (source.closed !== null) await to.write(`${closedLine(source.closed.reason)}\n`)
  return { entries, missed }
}
