// Appends and their outcomes as they cross between the process and the writer: as arrays. A copied object says the name of
// each of its properties, and Node asks of each whether it is one of its own: 3.3 µs for an append of one event there and
// back, where arrays take 1.1, and 0.5 µs a draft in a batch, where they take 0.13. What is rare crosses as it is.

import { contract, type Draft, type JsonText, type Mark, type Position, type Revision } from "@tidemark/kernel"
import type { AppendPart } from "@tidemark/driver"
import type { ReadRequest } from "./log-reader.ts"
import type { WriteRequest } from "./log-writer.ts"
import type { StoredAnswer, StoredEntries, StoredOutcome } from "./stored-answer.ts"

type AppendRequest = Extract<WriteRequest, { readonly type: "append" }>
type AppendedAnswer = Extract<StoredAnswer, { readonly type: "appended" }>
type Appended = Extract<StoredOutcome, { readonly type: "appended" }>

export type SentRequest = Exclude<WriteRequest, AppendRequest> | (Omit<AppendRequest, "parts"> & { readonly parts: readonly SentPart[] })

export type SentAnswer = Exclude<StoredAnswer, AppendedAnswer> | (Omit<AppendedAnswer, "outcomes"> & { readonly outcomes: readonly SentOutcome[] })

type SentPart = readonly [
  session: AppendPart["session"],
  key: AppendPart["key"],
  contentHash: AppendPart["contentHash"],
  expect: AppendPart["expect"],
  create: AppendPart["create"],
  kinds: readonly string[],
  datas: readonly JsonText[],
  commits: readonly boolean[],
  /** All drafts as they are, where one of them is no event; else none. */
  mixed: readonly Draft[],
]

type SentOutcome =
  | Exclude<StoredOutcome, Appended>
  | readonly [
      epoch: Appended["epoch"],
      first: Position,
      created: boolean,
      ...last: readonly [position: Position, revision: Revision, mark: Mark],
      ...floor: readonly [position: Position, revision: Revision, mark: Mark],
      texts: StoredEntries["texts"],
      marks: StoredEntries["marks"],
    ]

export function sentRequest(request: WriteRequest | ReadRequest): SentRequest | ReadRequest {
  return request.type === "append" ? { ...request, parts: request.parts.map(sentPart) } : request
}

/** The request that was sent. */
export function receivedRequest(request: SentRequest): WriteRequest {
  return request.type === "append" ? { ...request, parts: request.parts.map(receivedPart) } : request
}

export function sentAnswer(answer: StoredAnswer): SentAnswer {
  return answer.type === "appended" ? { ...answer, outcomes: answer.outcomes.map(sentOutcome) } : answer
}

/** The answer that was sent. */
export function receivedAnswer(answer: SentAnswer): StoredAnswer {
  return answer.type === "appended" ? { ...answer, outcomes: answer.outcomes.map(receivedOutcome) } : answer
}

function sentPart({ session, drafts, key, contentHash, expect, create }: AppendPart): SentPart {
  const kinds: string[] = []
  const datas: JsonText[] = []
  const commits: boolean[] = []
  for (const draft of drafts) {
    if (draft.type !== "event") return [session, key, contentHash, expect, create, [], [], [], drafts]
    kinds.push(draft.kind)
    datas.push(draft.data)
    commits.push(draft.commit)
  }
  return [session, key, contentHash, expect, create, kinds, datas, commits, []]
}

function receivedPart([session, key, contentHash, expect, create, kinds, datas, commits, mixed]: SentPart): AppendPart {
  const drafts = datas.map((data, index): Draft => {
    const [kind, commit] = [kinds[index], commits[index]]
    contract(kind !== undefined && commit !== undefined, "every draft has its kind")
    return { type: "event", kind, data, commit }
  })
  return { session, drafts: mixed.length > 0 ? mixed : drafts, key, contentHash, expect, create }
}

function sentOutcome(outcome: StoredOutcome): SentOutcome {
  if (outcome.type !== "appended") return outcome
  const { epoch, first, created, last, floor, entries } = outcome
  return [epoch, first, created, last.position, last.revision, last.mark, floor.position, floor.revision, floor.mark, entries.texts, entries.marks]
}

function receivedOutcome(outcome: SentOutcome): StoredOutcome {
  if ("type" in outcome) return outcome
  const [epoch, first, created, position, revision, mark, floorPosition, floorRevision, floorMark, texts, marks] = outcome
  const last = { position, revision, mark }
  const floor = { position: floorPosition, revision: floorRevision, mark: floorMark }
  return { type: "appended", epoch, first, last, entries: { texts, marks }, floor, created }
}
