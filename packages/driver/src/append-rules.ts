// What every log decides alike when it appends: whether a part is well formed, whether what its publisher expects holds,
// and which places its drafts get. Keys are not here: where they are remembered is each log's own business.

import { contract, seal } from "@tidemark/kernel"
import type { Draft, Entry, Epoch, Point, Timestamp } from "@tidemark/kernel"
import type { AppendOutcome, AppendPart, Expectation, SessionSettings } from "./session-log.ts"

/** What a caller got wrong, before anything of the request is done. */
export function checkPart(part: AppendPart): void {
  contract(part.drafts.length > 0, "an append has at least one draft")
  for (let i = 0; i < part.drafts.length - 1; i++) contract(part.drafts[i]?.type !== "close", "nothing follows a close")
  contract((part.key === undefined) === (part.contentHash === undefined), "a key and a content hash come together")
}

/** Whether an expectation holds for a session of `epoch` whose head is `head`. */
export function meets(expect: Expectation = {}, epoch: Epoch, head: Point): boolean {
  return (
    (expect.epoch === undefined || expect.epoch === epoch) &&
    (expect.position === undefined || expect.position === head.position) &&
    (expect.mark === undefined || expect.mark === head.mark) &&
    (expect.revision === undefined || expect.revision === head.revision)
  )
}

/** What becomes of a part whose session is not there. The order of the checks is a law (L4). */
export type FirstAppend =
  /** Make the session with these settings, if its workspace has room, and append. */
  | { readonly type: "makes"; readonly settings: SessionSettings }
  | Extract<AppendOutcome, { readonly type: "key_expired" | "absent" }>

export function firstAppend({ key, expect, create }: AppendPart): FirstAppend {
  if (key?.type === "producer" && key.n === 0) return { type: "key_expired", highest: 0 }
  return create === undefined || !meetsNothing(expect) ? { type: "absent" } : { type: "makes", settings: create }
}

/** Whether an expectation holds for a session that is about to be made: it stands at the origin of an epoch nobody knows. */
function meetsNothing(expect: Expectation = {}): boolean {
  return expect.epoch === undefined && (expect.position ?? 0) === 0 && (expect.mark ?? 0) === 0 && (expect.revision ?? 0) === 0
}

/** Places for all drafts, in a row after `after`. */
export function sealAll(after: Point, at: Timestamp, drafts: readonly Draft[]): [Entry, ...Entry[]] {
  const first = drafts[0]
  contract(first !== undefined, "an append has at least one draft")
  const entries: [Entry, ...Entry[]] = [seal(after, at, first)]
  let before = entries[0]
  for (let i = 1; i < drafts.length; i++) {
    const draft = drafts[i]
    if (draft === undefined) break
    before = seal(before, at, draft)
    entries.push(before)
  }
  return entries
}
