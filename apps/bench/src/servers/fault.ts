// Faults that are planted in a raw loop to prove that the bench notices: one reader of each session is given a stream that
// is not what was acknowledged, once, at one position. Every kind must make a run invalid; tests hold it to that.

export const faultKinds = ["skip", "duplicate", "swap", "alter"] as const

export type FaultKind = (typeof faultKinds)[number]

export function parseFault(text: string): FaultKind | undefined {
  return faultKinds.find((kind) => kind === text)
}

/** Where it happens: late enough that the stream is in full flow, also in a small run. */
const faultAt = 17

/** The stream of one reader. */
export class FaultyStream {
  readonly #kind: FaultKind
  #held: Buffer | undefined

  constructor(kind: FaultKind) {
    this.#kind = kind
  }

  /** What is written instead of `frame`. */
  frames(position: number, frame: Buffer): readonly Buffer[] {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) return [frame, held]
    if (position !== faultAt) return [frame]
    switch (this.#kind) {
      case "skip":
        return []
      case "duplicate":
        return [frame, frame]
      case "swap":
        this.#held = frame
        return []
      case "alter":
        return [altered(frame)]
    }
  }
}

/** The same frame with another event in it. */
function altered(frame: Buffer): Buffer {
  const other = Buffer.from(frame)
  const lastDigit = other.indexOf("~") + 13
  other[lastDigit] = other[lastDigit] === 0x39 ? 0x30 : (other[lastDigit] ?? 0) + 1
  return other
}
