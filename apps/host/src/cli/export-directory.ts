// An export straight from a data directory: of a host that does not run, or beside one that does. It has what a host's
// pages leave out, holes among the entries in their places.

import type { LogAnswer } from "@tidemark/driver"
import { origin, pointOf, type Entry, type Head, type SessionName } from "@tidemark/kernel"
import type { DirectoryReader } from "@tidemark/log-sqlite"
import { refusing } from "./data-dir.ts"
import { CommandFailure } from "./exit.ts"
import type { ExportPage, ExportSource } from "./export-source.ts"

const page = { events: 1000, bytes: 1024 * 1024 }

export async function openDirectorySource(directory: string, session: SessionName): Promise<ExportSource> {
  const { DirectoryReader } = await import("@tidemark/log-sqlite")
  const reader = await refusing(() => new DirectoryReader(directory))
  const head = headOf(await refusing(() => reader.ask({ type: "head", session })), session, directory)
  return { head: head.head.position, closed: head.closed, pages: () => pagesOf(reader, session, head) }
}

async function* pagesOf(reader: DirectoryReader, session: SessionName, head: Head): AsyncGenerator<ExportPage, void> {
  try {
    const { position: floor } = head.floor
    if (floor > 0) yield { lines: [], through: floor, missed: floor }
    for (let after = head.floor; after.position < head.head.position; ) {
      const request = { type: "range", session, epoch: head.epoch, after: { position: after.position, point: after }, budget: page } as const
      const answer = await refusing(() => reader.ask(request))
      if (answer.type !== "page" || answer.entries.length === 0) throw changed(session, answer)
      const last: Entry | undefined = answer.entries.at(-1)
      after = pointOf(last ?? origin)
      const lines = answer.entries.flatMap((entry) => (entry.type === "close" ? [] : [entry.text]))
      yield { lines, through: after.position, missed: 0 }
    }
  } finally {
    reader.close()
  }
}

function headOf(answer: LogAnswer, session: SessionName, directory: string): Head {
  if (answer.type === "head") return answer.head
  throw new CommandFailure("unknownSession", `there is no session ${session} in ${directory}`)
}

/** A host that runs beside may have trimmed or deleted it meanwhile. */
function changed(session: SessionName, answer: LogAnswer): CommandFailure {
  const how = answer.type === "unreadable" && answer.reason === "trimmed" ? "was trimmed" : "was deleted or made anew"
  return new CommandFailure("refused", `${session} ${how} while it was exported: what was written is not whole; export it again`)
}
