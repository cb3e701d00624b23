// The one error of this package: what trying again cannot mend. What can be mended (a lost connection, a busy host) is
// never thrown; the machines wait and try again, and say so.

import type { Problem } from "@tidemark/protocol"

/**
 * `code` is the problem's name as the server sent it (`cursor-malformed`, `unknown-session`, `key-conflict`, …) or one of
 * ours: `bad-options` (refused before anything was sent), `not-tidemark` (something else answered), `model-mismatch`,
 * `producer-in-use`, `input-changed`, `unreachable` (a single call that nobody answered). `message` says what to do.
 */
export class ClientError extends Error {
  override readonly name = "ClientError"
  readonly code: string
  /** Of the HTTP answer, where there was one. */
  readonly status: number | undefined
  /** As the server sent it; carries what else it says (`actual`, `highest`, …). */
  readonly problem: Problem | undefined

  constructor(code: string, message: string, answer?: Refusal) {
    super(message)
    this.code = code
    this.status = answer?.status
    this.problem = answer?.problem
  }
}

/** An HTTP answer that is not what was asked for. */
export interface Refusal {
  readonly status: number
  /** From `Retry-After`. */
  readonly retryAfterMs: number | undefined
  /** The body, where it was a problem (RFC 9457). */
  readonly problem: Problem | undefined
}

/** The name at the end of a problem's `type`; `undefined` when there is no problem. */
export function problemCode(refusal: Refusal): string | undefined {
  const type = refusal.problem?.type
  return type?.slice(type.lastIndexOf("/") + 1)
}

/** What a refusal says, for a person. */
export function describeRefusal(refusal: Refusal): string {
  return refusal.problem?.detail ?? `the server answered ${refusal.status} and did not say why`
}

/** The error for a refusal that cannot be mended; `about` goes before what the server says. */
export function refused(refusal: Refusal, about = ""): ClientError {
  return new ClientError(problemCode(refusal) ?? `http-${refusal.status}`, about + describeRefusal(refusal), refusal)
}

/** Whether the same request may do better later: the host is busy, away or unsure, or a proxy says so in its place. */
export function isTemporary(status: number): boolean {
  return status >= 500 || status === 429 || status === 408 || status === 425
}

/** Whether JSON from outside is a problem. */
export function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null || !("type" in value) || !("detail" in value)) return false
  return typeof value.type === "string" && typeof value.detail === "string"
}
