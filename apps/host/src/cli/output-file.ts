// `tail --output F --cursor-file C`: F holds every line once, whatever is killed. The order is the whole secret: C says
// "nothing" before F's first byte; then F is written and synced, and only then C is replaced. So F is never shorter than
// C says, and whatever it has beyond that is given again by the host. It is cut off with the first write and not before:
// until the host has taken the cursor, nobody knows that it is right, and nothing else could bring those bytes back.

import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { CursorFile, isMissing, realPath, syncDirectory, writeAll, type SavedPlace } from "./cursor-file.ts"
import { cannotWrite, CommandFailure, isSystemError, usage } from "./exit.ts"

export type OutputPlan =
  /** Neither holds anything: make F, and write C before F has a byte. */
  | { readonly type: "fresh" }
  /** Read on after `cursor` (`null`: from the start), and cut F to `bytes` before it is written. */
  | { readonly type: "continue"; readonly cursor: string | null; readonly bytes: number }
  | { readonly type: "refused"; readonly because: string }

/** What to do with the two files as they are found; `outputBytes` is `undefined` when there is no output file. */
export function planOutput(saved: SavedPlace | undefined, outputBytes: number | undefined): OutputPlan {
  const found = outputBytes ?? 0
  if (saved === undefined) {
    if (found === 0) return { type: "fresh" }
    return { type: "refused", because: "the output file is not empty, and there is no cursor file to say what it holds" }
  }
  if (saved.bytes === undefined) {
    return { type: "refused", because: "the cursor file was written by a tail without --output, so it says nothing about this file" }
  }
  if (found < saved.bytes) {
    return { type: "refused", because: `the output file has ${found} bytes, the cursor file says ${saved.bytes}: a part of it was lost` }
  }
  return { type: "continue", cursor: saved.cursor, bytes: saved.bytes }
}

/** Throws a `usage` failure when the two paths would write over each other. */
export function refuseSharedPath(outputPath: string, cursorPath: string): void {
  const path = realPath(outputPath)
  const cursorFile = new CursorFile(cursorPath)
  if (path === cursorFile.path) throw usage("--output and --cursor-file name the same file; they are two.")
  if (path === cursorFile.beside) throw usage(`the cursor file is made as ${cursorFile.beside} first; name another output.`)
}

export class OutputFile {
  /** Where to read on, if the files say so. */
  readonly cursor: string | undefined
  readonly #file: number
  readonly #cursorFile: CursorFile
  #bytes: number
  /** The file may be longer than `#bytes`. */
  #uncut = true

  private constructor(file: number, cursorFile: CursorFile, cursor: string | undefined, bytes: number) {
    this.cursor = cursor
    this.#file = file
    this.#cursorFile = cursorFile
    this.#bytes = bytes
  }

  /** Throws an `unusable` failure, having changed nothing, when the two files do not belong together. */
  static open(outputPath: string, cursorPath: string): OutputFile {
    const path = realPath(outputPath)
    const cursorFile = new CursorFile(cursorPath)
    const plan = planOutput(cursorFile.read(), sizeOf(path))
    if (plan.type === "refused") {
      throw new CommandFailure("unusable", `${plan.because}. Nothing was changed. Move ${outputPath} and ${cursorPath} away to start anew.`)
    }
    cursorFile.refuseUnwritable()
    const file = opened(path)
    if (plan.type === "fresh") cursorFile.write({ cursor: null, bytes: 0 })
    syncDirectory(dirname(path))
    if (plan.type === "fresh") return new OutputFile(file, cursorFile, undefined, 0)
    return new OutputFile(file, cursorFile, plan.cursor ?? undefined, plan.bytes)
  }

  /** Both files are on disk, and say the same, when this returns. `text` may be empty: the cursor moves all the same. */
  write(text: string, cursor: string): void {
    const bytes = Buffer.from(text, "utf8")
    if (this.#uncut && fstatSync(this.#file).size > this.#bytes) ftruncateSync(this.#file, this.#bytes)
    this.#uncut = false
    if (bytes.length > 0) {
      writeAll(this.#file, bytes, this.#bytes)
      fsyncSync(this.#file)
      this.#bytes += bytes.length
    }
    this.#cursorFile.write({ cursor, bytes: this.#bytes })
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** For reading and writing, as it is; made empty where there is none. */
function opened(path: string): number {
  try {
    return openSync(path, sizeOf(path) === undefined ? "wx+" : "r+", 0o644)
  } catch (error) {
    throw isSystemError(error) ? cannotWrite(path, error) : error
  }
}

/** `undefined`: no file. A folder, a pipe or a device is refused: it cannot be cut. */
function sizeOf(path: string): number | undefined {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new CommandFailure("unusable", `${path} is not a regular file.`)
    return stat.size
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
