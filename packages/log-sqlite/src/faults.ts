// What can be wrong with a data directory, and how errors of SQLite and of the system are told apart.

/** The directory, or a file in it, cannot be used as it is: a sentence for the operator, with the file's name and what to do. */
export class DataRefused extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = "DataRefused"
  }
}

/** SQLite is content with the file, and what is in it cannot be. */
export class DataDamaged extends Error {
  readonly code = "SQLITE_CORRUPT"

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = "DataDamaged"
  }
}

/** What a failing system call or statement says of itself: `ENOSPC`, `SQLITE_CORRUPT`; "" where there is no code. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The file's content, not the disk, is wrong: whatever is written to it next may make it worse. */
export function isDamage(error: unknown): boolean {
  const code = codeOf(error)
  return code.startsWith("SQLITE_CORRUPT") || code.startsWith("SQLITE_NOTADB")
}
