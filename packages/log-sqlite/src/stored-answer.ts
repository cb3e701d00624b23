// Answers as they cross from the log's threads: plain data, with entries as they are stored. An entry is a text and a
// mark; everything else it is comes out of its text.

import { contract, mark, unseal, type Entry } from "@tidemark/kernel"
import type { AppendOutcome, LogAnswer } from "@tidemark/driver"

export interface StoredEntries {
  readonly texts: readonly string[]
  readonly marks: readonly number[]
}

type Stored<Told> = Told extends { readonly entries: readonly Entry[] } ? Omit<Told, "entries"> & { readonly entries: StoredEntries } : Told

export type StoredOutcome = Stored<AppendOutcome>

export type StoredAnswer =
  | Stored<Exclude<LogAnswer, { type: "appended" }>>
  | (Omit<Extract<LogAnswer, { type: "appended" }>, "outcomes"> & { readonly outcomes: readonly StoredOutcome[] })

export function stored(entries: readonly Entry[]): StoredEntries {
  return { texts: entries.map((entry) => entry.text), marks: entries.map((entry) => entry.mark) }
}

/** The answer in the words of the port. */
export function told(answer: StoredAnswer): LogAnswer {
  switch (answer.type) {
    case "appended":
      return { ...answer, outcomes: answer.outcomes.map(toldOutcome) }
    case "opened":
    case "page":
      return { ...answer, entries: unsealAll(answer.entries) }
    default:
      return answer
  }
}

function toldOutcome(outcome: StoredOutcome): AppendOutcome {
  return outcome.type === "appended" ? { ...outcome, entries: unsealAll(outcome.entries) } : outcome
}

function unsealAll({ texts, marks }: StoredEntries): readonly Entry[] {
  return texts.map((text, index) => {
    const its = marks[index]
    contract(its !== undefined, "every text has its mark")
    return unseal(text, mark(its))
  })
}
