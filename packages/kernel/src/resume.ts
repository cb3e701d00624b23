// A resume is a subscribe, one read and an unsubscribe: this is what the read means as its answer.

import { contract, ContractViolation } from "./contract.ts"
import { cursorText } from "./cursor.ts"
import type { ReadOutcome, ResumeOutcome } from "./outcomes.ts"
import type { Session } from "./session.ts"

/** `outcome` is the first one of a finite reader that began with a cursor. */
export function resumed(session: Session, outcome: ReadOutcome): ResumeOutcome {
  const { name, epoch, point, closed } = session
  switch (outcome.type) {
    case "events": {
      const { batch, upToDate } = outcome
      // The close is no event: a page that has all before it ends at the close.
      const last = upToDate && closed !== null ? point : batch.through
      return { type: "replayed", batch, cursor: cursorText(name, epoch, last), upToDate, closed: upToDate ? closed : null }
    }
    case "idle":
    case "ended": {
      if (session.deleted) return { type: "unknown_session" }
      // The log went back while it was asked, and this kernel is on its way to where it is now: nothing is proven.
      if (outcome.type === "idle" && !outcome.upToDate) return { type: "store_failed", error: new Error("the log went back meanwhile") }
      const batch = { session: name, epoch, after: point, events: [], through: point }
      return { type: "replayed", batch, cursor: cursorText(name, epoch, point), upToDate: true, closed }
    }
    case "gap":
      contract(outcome.observation !== undefined, "a finite reader recovers with an observation")
      return { type: "gap", gap: outcome.gap, observation: outcome.observation }
    case "behind":
      return outcome
    case "failed":
      return { type: "store_failed", error: new Error("the live replay store threw") }
    case "observation":
      throw new ContractViolation("a resume begins with a cursor")
  }
}
