// Where an export is written. A file has it whole or not at all: it is written beside the one it replaces, synced, and only
// then takes its place, so that an export that fails, or is killed, leaves what was there.

import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, statSync, type Stats } from "node:fs"
import { dirname } from "node:path"
import { isMissing, realPath, syncDirectory, writeAll } from "./cursor-file.ts"
import { cannotWrite, CommandFailure, isSystemError } from "./exit.ts"
import { lockFile } from "./exclusive.ts"
import { writeStandardOutput } from "./output.ts"

export interface ExportOutput {
  /** Resolves when the system has taken it. */
  write(text: string): Promise<void>
  /** All of it is written. */
  finish(): void
  /** It will not be finished: nothing of it is left, where that can be. */
  giveUp(): void
}

export function standardOutput(): ExportOutput {
  return { write: writeStandardOutput, finish: () => {}, giveUp: () => {} }
}

/** Throws an `unusable` failure, having changed nothing, when the file cannot be written or another process writes it. */
export async function exportFile(given: string): Promise<ExportOutput> {
  const path = realPath(given)
  const before = statOf(path)
  if (before !== undefined && !before.isFile()) throw new CommandFailure("unusable", `${path} is not a regular file: name another one.`)
  await lockFile(path)
  const beside = `${path}.tmp`
  const trying = <Value>(write: () => Value): Value => {
    try {
      return write()
    } catch (error) {
      throw isSystemError(error) ? cannotWrite(path, error) : error
    }
  }
  const file = trying(() => openSync(beside, "w", 0o644))
  let bytes = 0
  let isOpen = true
  const close = (): void => {
    if (isOpen) closeSync(file)
    isOpen = false
  }
  return {
    write: async (text) => {
      const chunk = Buffer.from(text, "utf8")
      trying(() => writeAll(file, chunk, bytes))
      bytes += chunk.length
    },
    finish: () => {
      trying(() => {
        if (before !== undefined) fchmodSync(file, before.mode & 0o777) // whoever could not read the old one cannot read this one
        fsyncSync(file)
        close()
        renameSync(beside, path)
        syncDirectory(dirname(path))
      })
    },
    giveUp: () => {
      close()
      rmSync(beside, { force: true })
    },
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw isSystemError(error) ? cannotWrite(path, error) : error
  }
}
