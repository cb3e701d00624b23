// Chance from a seed: the same seed gives the same draws, on every machine. Each part of a world draws from a stream of
// its own (`fork`), so that a change in one part does not shift what the others draw.
//
// The generator is sfc32 (Doty-Humphrey, PractRand; public domain): four words of state, fast, and good enough for faults.

export class Chance {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** Any whole number or text is a seed. */
  constructor(seed: number | string) {
    const text = `${seed}`
    let hash = 0x811c9dc5
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    this.#a = hash
    this.#b = Math.imul(hash, 0x85ebca6b) ^ text.length
    this.#c = Math.imul(hash, 0xc2b2ae35) ^ 0x9e3779b9
    for (let i = 0; i < 12; i++) this.#draw()
  }

  /** In [0, 1). */
  next(): number {
    return (this.#draw() >>> 0) / 4_294_967_296
  }

  /** A whole number from 0, below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  /** True so often; 0 is never, 1 is always. */
  flip(probability: number): boolean {
    return this.next() < probability
  }

  /** One of `choices`, which is not empty. */
  pick<Choice>(choices: readonly Choice[]): Choice {
    const choice = choices[this.below(choices.length)]
    if (choice === undefined) throw new Error("nothing to choose from")
    return choice
  }

  /** Mostly small, now and then up to `most`: sizes and delays of real life. */
  skewed(most: number): number {
    const magnitude = this.next() * Math.log2(most + 1)
    return Math.min(most, Math.floor(2 ** magnitude) - 1 + this.below(2))
  }

  /** Another stream, named: it depends on the seed and the name alone, and not on what was drawn before. */
  static fork(seed: number | string, name: string): Chance {
    return new Chance(`${seed}/${name}`)
  }

  #draw(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + sum) | 0
    return sum
  }
}
