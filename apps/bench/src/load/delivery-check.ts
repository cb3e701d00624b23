// Whether what was delivered is what was acknowledged: each event once, in order, at its place. A reader's stream must go
// up by one position at a time, and at one position every reader must be given the same event, which at the end must be
// the one whose publisher was told that position. A server that gives no positions is held to the order of each publisher.

import { partsOf, tokenName } from "./event-text.ts"

/** What one session's readers agree on. */
export class SessionCheck {
  /** By position, as first delivered. */
  readonly tokens: (number | undefined)[] = []
  readonly session: number
  readonly hasPositions: boolean
  /** Readers begin here, or later: nobody is owed what stands up to it. */
  readonly after: number

  constructor(session: number, hasPositions: boolean, after = 0) {
    this.session = session
    this.hasPositions = hasPositions
    this.after = after
  }
}

export class ReaderCheck {
  readonly #session: SessionCheck
  /** Of each publisher, where the server gives no positions. */
  readonly #next: number[] = []
  /** Of the last event; without positions, how many there were. */
  position: number

  constructor(session: SessionCheck, position: number) {
    this.#session = session
    this.position = position
  }

  /** What is wrong with this delivery, in words; `undefined` when it is the one that had to come. */
  deliver(position: number, token: number): string | undefined {
    return this.#session.hasPositions ? this.#deliverAt(position, token) : this.#deliverNext(token)
  }

  #deliverAt(position: number, token: number): string | undefined {
    const { tokens } = this.#session
    const before = this.position
    if (position <= before) return `after position ${before} came ${position}: twice, or out of order`
    this.position = position
    const known = tokens[position]
    if (known === undefined) tokens[position] = token
    if (position !== before + 1) return `after position ${before} came ${position}: ${position - before - 1} lost, or late`
    if (known === undefined || known === token) return undefined
    return `at position ${position} came ${tokenName(token)}, where another reader was given ${tokenName(known)}`
  }

  #deliverNext(token: number): string | undefined {
    const { session, publisher, n } = partsOf(token)
    const expected = this.#next[publisher] ?? 0
    this.position += 1
    if (session !== this.#session.session) return `${tokenName(token)} came in session ${this.#session.session}`
    if (n >= expected) this.#next[publisher] = n + 1
    if (n === expected) return undefined
    if (n < expected) return `${tokenName(token)} came after event ${expected - 1}: twice, or out of order`
    return `${tokenName(token)} came after event ${expected - 1}: ${n - expected} lost, or late`
  }
}

/** By session: the token acknowledged at each position (the first element stands for position 0), or how many were. */
export interface Acknowledged {
  readonly tokens: readonly (number | null)[]
  readonly count: number
}

/** What was acknowledged and not delivered so, or delivered and never acknowledged. */
export function compareWithAcknowledged(check: SessionCheck, { tokens, count }: Acknowledged): string[] {
  if (!check.hasPositions) return []
  const wrong: string[] = []
  const last = Math.max(tokens.length, check.tokens.length) - 1
  for (let position = check.after + 1; position <= last; position++) {
    const acknowledged = tokens[position] ?? undefined
    const delivered = check.tokens[position]
    if (acknowledged === delivered) continue
    wrong.push(`at position ${position} ${tokenName(acknowledged)} was acknowledged, and ${tokenName(delivered)} delivered`)
  }
  if (last !== count) wrong.push(`${count} events were acknowledged, and positions went up to ${last}`)
  return wrong
}
