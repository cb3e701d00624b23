// The two kinds of wrong. Bad input from outside is a variant of an outcome and never lands here; what lands here is a
// caller breaking the contract at the top of `machine.ts`, or a bug of ours. Nobody catches these to go on.

import type { Instant } from "./ids.ts"

/** Thrown when a caller breaks the kernel's contract. It is a bug in the caller (or in us), never a client's input. */
export class ContractViolation extends Error {
  override readonly name = "ContractViolation"
}

/**
 * States what must be true here; throws `ContractViolation` with `message` where it is not. A message with something in it
 * is a function: written out at each call, the texts that nobody read were a tenth of what an append costs.
 */
export function contract(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new ContractViolation(typeof message === "string" ? message : message())
}

/** Makes a `switch` over a closed union complete: the compiler refuses a case left out. */
export function unreachable(value: never): never {
  throw new ContractViolation(`no such variant: ${JSON.stringify(value)}`)
}

/** A machine that does things later without a timer of its own: the caller arms one for `pollTimeout`. */
export interface Timed {
  /** Does all that is due at `now`. Calling it too early, or with nothing due, changes nothing. */
  handleTimeout(now: Instant): void
  /** When `handleTimeout` is wanted next; `undefined` when nothing waits for time. */
  pollTimeout(): Instant | undefined
}

/** The earlier of two deadlines, where `undefined` is never. */
export function earlier(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  return a < b ? a : b
}
