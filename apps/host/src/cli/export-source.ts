// Where an export comes from. `ExportSource` is all that the command knows, so that entries may come from a host or from
// a log itself; here is the host: pages of `…/events`, pinned to one epoch and checked for what they leave out.

import { ClientError, getSession, queryEvents, type EventsPage, type SessionAddress } from "@tidemark/client"
import { CommandFailure } from "./exit.ts"
import type { Patience } from "./patience.ts"

/** A stretch of a session. */
export interface ExportPage {
  /** One entry each, in order, without line ends; the close is not among them. */
  readonly lines: readonly string[]
  /** The last position looked at. */
  readonly through: number
  /** Entries up to there, and after the page before, that nobody can be given any more. */
  readonly missed: number
}

export interface ExportSource {
  /** The position the session had reached when the export began: the pages go at least so far. */
  readonly head: number
  /** Why the session was closed then; then nothing follows the pages. */
  readonly closed: { readonly reason: string } | null
  /** In order, from the beginning, one at a time. */
  pages(): AsyncIterable<ExportPage>
}

/** The session on a running host. Throws what the client throws where there is none. */
export async function openHostSource(at: SessionAddress, patience: Patience): Promise<ExportSource> {
  const { epoch, head, closed } = await getSession(at)
  async function* pages(): AsyncGenerator<ExportPage, void> {
    for (let since = 0; ; ) {
      const page = await patience.ask(() => queryEvents(at, { since, epoch, limit: 1000 })).catch((error: unknown) => {
        throw error instanceof ClientError && error.code === "since-conflict" ? otherLog(at.session) : error
      })
      const last = closed === null ? head : head - 1
      const through = checkedEnd(since, page, last)
      yield { lines: page.events.map((event) => JSON.stringify(event)), through, missed: page.missed }
      if (page.next === null || page.next >= last) return
      since = page.next
    }
  }
  return { head, closed, pages }
}

/**
 * The last position that a page has looked at. Throws where positions are neither given nor said to be missing: an export
 * with a silent hole is worse than none. `last`: of the entries there were, the close apart.
 */
export function checkedEnd(since: number, { events, next, missed }: Pick<EventsPage, "events" | "next" | "missed">, last: number): number {
  let at = since
  let skipped = 0
  for (const { position } of events) {
    if (position <= at) throw wrong(`position ${position} comes after ${at}`)
    skipped += position - at - 1
    at = position
  }
  if (next !== null && (next < at || next <= since)) throw wrong(`the page after ${since} is to be followed by one after ${next}`)
  const end = Math.max(at, next ?? last)
  const absent = skipped + end - at
  if (absent > missed) throw wrong(`of positions ${since + 1} to ${end}, ${absent} are not there and ${missed} are said to be missing`)
  return end
}

function wrong(because: string): CommandFailure {
  return new CommandFailure("failed", `the host's answer cannot be relied on: ${because}. What was written is not the whole session`)
}

function otherLog(session: string): CommandFailure {
  const advice = "What was written is of the log before: throw it away, and export it again."
  return new CommandFailure("refused", `${session} was made anew, or its log was restored, while it was exported. ${advice}`)
}
