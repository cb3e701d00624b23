// What tests wait for instead of sleeping: a gate that is open or shut, and a number that grows. And chance from a seed.

/** Shut from the start. */
export class Gate {
  #passed: Promise<void> | undefined
  #pass: () => void = () => {}

  constructor() {
    this.shut()
  }

  get isOpen(): boolean {
    return this.#passed === undefined
  }

  open(): void {
    this.#passed = undefined
    this.#pass()
  }

  shut(): void {
    this.#passed ??= new Promise((resolve) => (this.#pass = resolve))
  }

  /** Resolves when it is open, and was not shut again before anybody got through. */
  async through(): Promise<void> {
    while (this.#passed !== undefined) await this.#passed
  }
}

/** Only ever grows. */
export class Tally {
  #value = 0
  readonly #waiting = new Set<{ readonly least: number; readonly resolve: () => void }>()

  get value(): number {
    return this.#value
  }

  add(more = 1): void {
    this.#value += more
    for (const waiter of this.#waiting) {
      if (waiter.least > this.#value) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }

  async reaches(least: number): Promise<void> {
    if (this.#value < least) await new Promise<void>((resolve) => this.#waiting.add({ least, resolve }))
  }
}

/** `TIDEMARK_TEST_SEED`, else another each time: to be named when a test fails. */
export function testSeed(): number {
  return Number(process.env["TIDEMARK_TEST_SEED"] ?? Date.now() % 2 ** 32)
}

/** In [0, 1); the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
