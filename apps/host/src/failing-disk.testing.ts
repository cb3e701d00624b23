// A data directory whose disk fails when it is told to, for a host in a process of its own: what `failing-disk.testing.c`
// does, in the words of tests.

import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { constants, tmpdir } from "node:os"
import { join } from "node:path"
import { preloading } from "./preloaded.testing.ts"

export class FailingDisk {
  /** The data directory; not there yet. */
  readonly directory: string
  /** What a host needs to have its disk fail. */
  readonly env: Readonly<Record<string, string>>
  readonly #folder: string

  constructor() {
    // The real path, because that is the one which open files are known by.
    this.#folder = realpathSync(mkdtempSync(join(tmpdir(), "tidemark-disk-")))
    this.directory = join(this.#folder, "data")
    this.env = { ...preloading("failing-disk.testing.c", this.#folder), FAILING_DISK: this.directory }
  }

  /** From now on; `room` bytes may still be written. `end`: only of files whose path ends so. */
  failWrites(error: "ENOSPC" | "EIO", room = 0, end = ""): void {
    writeFileSync(`${this.directory}.write`, `${room} ${constants.errno[error]} ${end}`)
  }

  /** From now on; `room` syncs may still succeed. */
  failSyncs(room = 0, end = ""): void {
    writeFileSync(`${this.directory}.sync`, `${room} ${constants.errno.EIO} ${end}`)
  }

  /** The disk says that so many bytes are left on it. */
  leave(bytes: number): void {
    writeFileSync(`${this.directory}.free`, String(bytes))
  }

  heal(): void {
    for (const fault of ["write", "sync", "free"]) rmSync(`${this.directory}.${fault}`, { force: true })
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
