// `tidemark import`: what `tidemark export` wrote, into a session of its own. All of the input is recorded, in order, once,
// or nothing is left of it: a session with half of its entries would look like a whole one.

import { createReadStream } from "node:fs"
import { CommandFailure, exitCodes, isSystemError } from "./exit.ts"
import { insteadOfHost, nameIn } from "./data-dir.ts"
import { DirectorySink } from "./import-directory.ts"
import { HostSink, NotRecorded, type ImportSink } from "./import-sink.ts"
import { LineSplitter } from "./line-splitter.ts"
import { text, type Args, type Command } from "./option.ts"
import { Patience } from "./patience.ts"
import { counted, Progress } from "./progress.ts"
import { readLine, type ImportedEntry } from "./session-file.ts"
import { listenForEnding } from "./signals.ts"
import { asking, session, sessionOf, url, workspace } from "./target.ts"

const input = text({ name: "input", placeholder: "FILE", about: "read this file in place of standard input" })

export const importCommand: Command = {
  name: "import",
  summary: "Make a session of what `tidemark export` wrote: events and commits in order, and the close.",
  details: [
    [
      "Kinds, data, commits and the close are taken; `position`, `revision` and `at` of the file are not: the session is a new one, with an " +
        "epoch, positions and times of its own, and cursors of the old one get gap `epoch`.",
      "A session that is there already is refused with exit code 5 and left as it is.",
    ],
    [
      "All or nothing: a line that is no entry, an event that the host refuses, a host that stays away, and Ctrl-C end it, and the session " +
        "that it made is deleted again (kill -9 leaves a part). Lost answers neither lose an event nor record one twice.",
      "A hole (what the old session could not record) cannot be recorded through a host, but with --data-dir, into the directory of one",
      "that does not run.",
    ],
  ],
  examples: ["tidemark import deps-2 --input deps.ndjson", "gunzip < deps.ndjson.gz | tidemark import deps-2 --data-dir ./restored"],
  positional: session,
  options: [input, insteadOfHost, url, workspace],
  run,
}

/** An event's data has up to 64 MiB, as far as a host can be told to take it; what is around it has less than 1 KiB. */
const lineBytesMax = 64 * 1024 * 1024 + 1024

/** Recorded together: at most so many entries, and about so many UTF-16 units of them. */
const batch = { entries: 500, units: 1024 * 1024 }

async function run(args: Args): Promise<number> {
  const stop = new AbortController()
  const progress = new Progress()
  const from = await openInput(args.get(input), progress)
  const sink = await sinkOf(args, progress, stop.signal)
  const ending = listenForEnding(stop, `ended at once: ${args.positional} may hold a part of the input; delete it before you import it again`)
  stop.signal.addEventListener("abort", () => from.destroy())
  try {
    await asking(args, () => sink.refuseExisting())
    const entries = await copy(from, sink, progress, args)
    progress.say(`${counted(entries, "entry", "entries")} imported into ${args.positional}, which is at position ${sink.position.toLocaleString("en")}`)
    return exitCodes.done.code
  } catch (error) {
    const left = await sink.discard()
    const code = ending.code()
    if (code !== undefined) {
      progress.say(`ended before all was imported. ${left}`)
      return code
    }
    if (isSystemError(error)) throw new CommandFailure("unusable", `the input cannot be read: ${error.message}. ${left}`, error)
    if (error instanceof CommandFailure) throw new CommandFailure(error.reason, `${sentence(error.message)} ${left}`, error)
    throw error
  } finally {
    ending.release()
    from.destroy()
    await sink.close()
  }
}

async function sinkOf(args: Args, progress: Progress, signal: AbortSignal): Promise<ImportSink> {
  const directory = args.get(insteadOfHost)
  if (directory === undefined) return new HostSink({ ...sessionOf(args), signal }, new Patience(progress, signal))
  return DirectorySink.open(directory, nameIn(args))
}

/** The number of entries that were recorded. The session is made when there is something to record, or nothing at all. */
async function copy(from: AsyncIterable<Uint8Array>, sink: ImportSink, progress: Progress, args: Args): Promise<number> {
  let entries = 0
  let begun = false
  let gathered: ImportedEntry[] = []
  let units = 0
  const flush = async (): Promise<void> => {
    if (!begun) await asking(args, () => sink.begin())
    begun = true
    if (gathered.length > 0) await recorded(sink, gathered, args)
    entries += gathered.length
    gathered = []
    units = 0
    progress.show(`${counted(entries, "entry", "entries")} imported`)
  }
  for await (const { entry, length } of entriesOf(from, sink)) {
    gathered.push(entry)
    units += length
    if (gathered.length >= batch.entries || units >= batch.units) await flush()
  }
  await flush()
  return entries
}

async function recorded(sink: ImportSink, entries: readonly ImportedEntry[], args: Args): Promise<void> {
  try {
    await asking(args, () => sink.record(entries))
  } catch (error) {
    if (error instanceof NotRecorded) throw cannotImport(error.line, `the host, which was sent it alone, says: ${error.message}`, "refused")
    if (!(error instanceof CommandFailure)) throw error
    throw new CommandFailure(error.reason, `it stopped in lines ${entries[0]?.line} to ${entries.at(-1)?.line}: ${error.message}`, error)
  }
}

/** Throws at the first line that is no entry, or that the sink cannot take. */
async function* entriesOf(from: AsyncIterable<Uint8Array>, sink: ImportSink): AsyncGenerator<{ readonly entry: ImportedEntry; readonly length: number }, void> {
  const splitter = new LineSplitter(lineBytesMax)
  let closedAt: number | undefined
  function* read({ lines, first, refused }: ReturnType<LineSplitter["push"]>) {
    for (const [i, line] of lines.entries()) {
      const number = first + i
      const entry = readLine(line, number)
      if (closedAt !== undefined) throw cannotImport(number, `it follows the close in line ${closedAt}, after which nothing can be recorded`)
      if (entry.type === "refused") throw cannotImport(number, entry.because)
      if (entry.type === "hole" && sink.takesHoles !== true) throw cannotImport(number, sink.takesHoles.advice)
      if (entry.type === "close") closedAt = number
      yield { entry, length: line.length }
    }
    if (refused !== undefined) throw cannotImport(refused.line, refused.because)
  }
  for await (const chunk of from) yield* read(splitter.push(chunk))
  yield* read(splitter.end())
}

function cannotImport(line: number, because: string, reason: "unusable" | "refused" = "unusable"): CommandFailure {
  return new CommandFailure(reason, `line ${line} cannot be imported: ${because}`)
}

/** Opened before anything is made, so that a wrong name changes nothing. */
async function openInput(path: string | undefined, progress: Progress): Promise<AsyncIterable<Uint8Array> & { destroy(): void }> {
  if (path === undefined) {
    if (process.stdin.isTTY) progress.say("reading lines from the terminal; Ctrl-D ends them")
    return process.stdin
  }
  const file = createReadStream(path)
  try {
    await new Promise<void>((resolve, reject) => file.once("ready", () => resolve()).once("error", reject))
  } catch (error) {
    throw isSystemError(error) ? new CommandFailure("unusable", `${path} cannot be read: ${error.message}`, error) : error
  }
  return file
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
