// A data directory, read without a host, or beside the one that holds it. Nothing is changed, and each answer is of one
// moment: what was committed before it was asked.

import type { LogAnswer } from "@tidemark/driver"
import type { Database } from "better-sqlite3"
import { dataPaths } from "./data-directory.ts"
import { openForReading, refuseForeignLog } from "./data-file.ts"
import { LogReader, type ReadRequest } from "./log-reader.ts"
import { codeOf, DataRefused, messageOf } from "./faults.ts"
import { told } from "./stored-answer.ts"

export class DirectoryReader {
  readonly #data: string
  readonly #database: Database
  readonly #reader: LogReader

  /** Throws `DataRefused` where there is no data file, or none that can be read. */
  constructor(directory: string) {
    const paths = dataPaths(directory)
    this.#data = paths.data
    refuseForeignLog(paths)
    this.#database = openForReading(paths)
    this.#reader = new LogReader(this.#database)
  }

  /** As the log would answer. Throws `DataRefused` where the file cannot be read on. */
  ask(request: ReadRequest): LogAnswer {
    try {
      return told(this.#reader.answer(request))
    } catch (error) {
      if (codeOf(error) === "") throw error
      throw new DataRefused(`${this.#data} cannot be read there: ${messageOf(error)}; see what else is wrong with \`tidemark doctor\``, error)
    }
  }

  close(): void {
    this.#database.close()
  }
}
