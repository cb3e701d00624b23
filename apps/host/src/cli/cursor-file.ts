// The cursor file of `tail`: where the output stands, in a file of its own. Written beside itself, synced and renamed
// over the old one, so that whoever reads it after a crash or a power cut reads one whole state, old or new.
//
// `{cursor, bytes}` goes with `--output`: up to `cursor`, the output file is `bytes` long. `{cursor}` goes with standard
// output. One is never taken for the other: reading on with the wrong one would leave lines out of the file.

import { closeSync, fsyncSync, openSync, readFileSync, realpathSync, renameSync, unlinkSync, writeSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { cannotWrite, CommandFailure, isSystemError } from "./exit.ts"

export interface SavedPlace {
  /** `null`: nothing was written yet. */
  readonly cursor: string | null
  /** Of the output file, at `cursor`; left out when the cursor is that of standard output. */
  readonly bytes?: number
}

export type ReadCursorFile =
  | { readonly type: "saved"; readonly place: SavedPlace }
  /** Never for a file that exists, not even an empty one. */
  | { readonly type: "missing" }
  | { readonly type: "unreadable"; readonly because: string }

export function parseCursorFile(content: string): ReadCursorFile {
  const parsed = parsedJson(content)
  if (typeof parsed !== "object" || parsed === null || !("cursor" in parsed)) return notOurs
  const { cursor } = parsed
  const bytes = "bytes" in parsed ? parsed.bytes : undefined
  if (cursor !== null && (typeof cursor !== "string" || cursor === "")) return notOurs
  if (bytes === undefined) return { type: "saved", place: { cursor } }
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0) return notOurs
  if (cursor === null && bytes > 0) return notOurs
  return { type: "saved", place: { cursor, bytes } }
}

const notOurs: ReadCursorFile = { type: "unreadable", because: "it does not hold what `tail` writes into a cursor file" }

export class CursorFile {
  /** Where a link leads: the rename must replace the file, not the link. */
  readonly path: string
  /** What it is written as before it takes the old one's place. */
  readonly beside: string

  constructor(path: string) {
    this.path = realPath(path)
    this.beside = `${this.path}.tmp`
  }

  /** Throws when it is there and holds something else, so that nobody starts over by accident. */
  read(): SavedPlace | undefined {
    const read = readCursorFile(this.path)
    if (read.type === "missing") return undefined
    if (read.type === "saved") return read.place
    throw new CommandFailure("unusable", `${this.path} cannot be read as a cursor file: ${read.because}. Name another one.`)
  }

  /** Throws an `unusable` failure, having changed nothing, when `write` would: better at the start than after the lines. */
  refuseUnwritable(): void {
    this.#trying(() => {
      closeSync(openSync(this.beside, "w", 0o644))
      unlinkSync(this.beside)
    })
  }

  /** Replaces the whole file and is on disk when it returns. */
  write(place: SavedPlace): void {
    this.#trying(() => {
      const file = openSync(this.beside, "w", 0o644)
      try {
        writeAll(file, Buffer.from(`${JSON.stringify(place)}\n`), 0)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      renameSync(this.beside, this.path)
      syncDirectory(dirname(this.path))
    })
  }

  #trying(write: () => void): void {
    try {
      write()
    } catch (error) {
      throw isSystemError(error) ? cannotWrite(this.path, error) : error
    }
  }
}

function readCursorFile(path: string): ReadCursorFile {
  try {
    return parseCursorFile(readFileSync(path, "utf8"))
  } catch (error) {
    return isMissing(error) ? { type: "missing" } : { type: "unreadable", because: String(error) }
  }
}

/** Writes all of `bytes` at `position`, however little the system takes at a time. */
export function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(file, bytes, written, bytes.length - written, position + written)
  }
}

/** A rename or a new name is on disk once its directory is. */
export function syncDirectory(path: string): void {
  if (process.platform === "win32") return // directories cannot be opened there; the rename itself is journalled
  const directory = openSync(path, "r")
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

/** The path with links resolved, also of a file that is not there yet. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if (!isMissing(error)) throw new CommandFailure("unusable", `${path}: ${String(error)}`, error)
  }
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch (error) {
    throw new CommandFailure("unusable", `${path} cannot be written: its folder is not there.`, error)
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT"
}

function parsedJson(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}
