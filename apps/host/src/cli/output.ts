// Where `tail` writes to, and how its place is kept. Standard output: exact when the process is asked to end, at least once
// when it is killed, because nobody can take back what a pipe was given. An output file: once, whatever happens.

import { contract } from "@tidemark/kernel"
import { CursorFile } from "./cursor-file.ts"
import type { DeliverySettings, WriteBatch } from "./delivery.ts"
import { cannotWrite, CommandFailure, isReaderGone } from "./exit.ts"
import { lockFile } from "./exclusive.ts"
import { OutputFile, refuseSharedPath } from "./output-file.ts"

export interface Output {
  /** Where to read on; `undefined`: nothing was written yet. */
  readonly cursor: string | undefined
  readonly settings: DeliverySettings
  readonly write: WriteBatch
  /** What was written so far by this process, for people. */
  written(): string
}

/**
 * Throws a failure, having changed nothing, when the files cannot be used or another process has them. What the output
 * holds beyond its cursor is cut with the first write, so write only what follows a cursor that the host has taken.
 */
export async function openOutputFile(path: string, cursorPath: string): Promise<Output> {
  refuseSharedPath(path, cursorPath)
  await lockFile(path)
  await lockFile(cursorPath)
  const file = OutputFile.open(path, cursorPath)
  let lines = 0
  return {
    cursor: file.cursor,
    settings: { gatherMs: 20, gatherMax: 1024 * 1024 }, // each write syncs twice: some milliseconds on a disk
    write: async (text, cursor) => {
      contract(cursor !== undefined, "what goes into a file has a cursor")
      file.write(text, cursor)
      lines += text.split("\n").length - 1
    },
    written: () => `${lines} ${lines === 1 ? "line" : "lines"} added to ${path}`,
  }
}

/** Without a cursor file nothing is kept. */
export async function openStandardOutput(cursorPath: string | undefined): Promise<Output> {
  const cursorFile = cursorPath === undefined ? undefined : await openCursorFile(cursorPath)
  const place = cursorFile?.read()
  cursorFile?.refuseUnwritable()
  if (place?.bytes !== undefined) {
    throw new CommandFailure("unusable", `${cursorPath} was written by tail --output and belongs to its output file. Name another one.`)
  }
  return {
    cursor: place?.cursor ?? undefined,
    settings: { gatherMs: 0, gatherMax: 64 * 1024 },
    write: async (text, cursor) => {
      if (text !== "") await writeStandardOutput(text)
      if (cursor !== undefined) cursorFile?.write({ cursor })
    },
    written: () => "",
  }
}

async function openCursorFile(path: string): Promise<CursorFile> {
  await lockFile(path)
  return new CursorFile(path)
}

/** Resolves when the system has taken all of it. */
export function writeStandardOutput(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) resolve()
      else reject(isReaderGone(error) ? error : cannotWrite("standard output", error))
    })
  })
}
