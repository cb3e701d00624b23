// Between the items that come in and the place they are written to. Items that arrive together are written together, and
// a write is under way or it is not: while one is, the next ones gather. `append` makes its caller wait once enough has
// gathered, so that a slow terminal slows the reading down instead of filling the memory.

/** Writes a batch and makes `cursor` its place, in this order; resolves when both are done. */
export type WriteBatch = (text: string, cursor: string | undefined) => Promise<void>

export interface DeliverySettings {
  /** How long items gather before a write begins, in milliseconds; 0: until the loop is idle. */
  readonly gatherMs: number
  /** UTF-16 units that may gather; a write begins at once, and `append` waits. */
  readonly gatherMax: number
}

export class Delivery {
  readonly #write: WriteBatch
  readonly #settings: DeliverySettings
  readonly #onFailure: () => void
  #text = ""
  #cursor: string | undefined
  #gathered = false
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  /** `onFailure` is called once, when a write fails: end the reading, and `end()` will throw what it was. */
  constructor(write: WriteBatch, settings: DeliverySettings, onFailure: () => void) {
    this.#write = write
    this.#settings = settings
    this.#onFailure = onFailure
  }

  /** What an item adds, and where reading on goes on after it. `undefined`: go on; else wait for it first. */
  append(text: string | undefined, cursor: string | undefined): Promise<void> | undefined {
    if (text === undefined && (cursor === undefined || cursor === this.#cursor)) return undefined
    this.#text += text ?? ""
    this.#cursor = cursor ?? this.#cursor
    this.#gathered = true
    if (this.#text.length >= this.#settings.gatherMax) return this.#flush()
    this.#timer ??= setTimeout(() => void this.#flush(), this.#settings.gatherMs)
    return undefined
  }

  /** Writes what has gathered. Throws what a write failed of. */
  async end(): Promise<void> {
    await this.#flush()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Resolves when all that had gathered at the call is written, or could not be. */
  async #flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#writing !== undefined) await this.#writing
    if (!this.#gathered || this.#failure !== undefined) return
    const text = this.#text
    this.#text = ""
    this.#gathered = false
    this.#writing = this.#write(text, this.#cursor)
      .catch((error: unknown) => {
        this.#failure = { error }
        this.#onFailure()
      })
      .finally(() => {
        this.#writing = undefined
      })
    await this.#writing
  }
}
