// What two requests must have in common to be the same (L4): a hash over their parsed content, in which the order of keys
// and the spelling of numbers do not count.

import { contentHash, type Draft, type Json } from "@tidemark/kernel"
import type { SessionSettings } from "./session-log.ts"

/** 32 hexadecimal digits; equal for equal content. */
export function contentOf(content: readonly Draft[] | SessionSettings): string {
  return contentHash(canonical(JSON.parse(JSON.stringify(isDrafts(content) ? content.map(parsed) : content))))
}

function isDrafts(content: readonly Draft[] | SessionSettings): content is readonly Draft[] {
  return Array.isArray(content)
}

function parsed(draft: Draft): Json {
  switch (draft.type) {
    case "event":
      return [draft.kind, JSON.parse(draft.data), draft.commit]
    case "hole":
      return ["hole", draft.count ?? null, draft.reason]
    case "close":
      return ["close", draft.reason]
  }
}

/** JSON with the keys of every object in order. */
function canonical(value: Json): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  if (isList(value)) return `[${value.map(canonical).join(",")}]`
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`)
  return `{${fields.join(",")}}`
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
