// A broken law: what a simulated run ends with when something is wrong. Anything else that is thrown (a broken contract, a
// fault of the simulator's own) is reported as it is, under the law of pure machines.

export class Violation extends Error {
  override readonly name = "Violation"
  /** `L1` … `L21`, or `liveness`. */
  readonly law: string

  constructor(law: string, message: string) {
    super(`${law}: ${message}`)
    this.law = law
  }
}
