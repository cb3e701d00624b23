// What a mutant is; `table.ts` has them all.

export interface Mutant {
  /** The law that the line keeps: `L4`. */
  readonly law: `L${number}`
  /** What the break amounts to, as a sentence. */
  readonly breaks: string
  readonly file: string
  /** One whole line of the file, without its indentation; it must be there exactly once. */
  readonly line: string
  /** What stands there instead. */
  readonly instead: string
  /** Test files, of which at least one test must fail. */
  readonly tests: readonly string[]
}
