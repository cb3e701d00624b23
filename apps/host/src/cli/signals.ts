// Being told to end. The first signal asks: what is under way is finished, what was taken is written, and the exit code is
// the one a shell expects. The second one is not asked twice: it ends the process where it stands.

import { signalExitCodes, type EndingSignal } from "./exit.ts"

const endings: readonly EndingSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"]

export interface Ending {
  /** The exit code of the signal that came; `undefined` while none did. */
  code(): number | undefined
  /** Gives the signals back. */
  release(): void
}

/** The first signal aborts `stop`; `whenHurried` is said on standard error before a second one ends the process. */
export function listenForEnding(stop: AbortController, whenHurried: string): Ending {
  let code: number | undefined
  const onSignal = (signal: EndingSignal): void => {
    if (code !== undefined) {
      process.stderr.write(`tidemark: ${whenHurried}\n`)
      process.exit(signalExitCodes[signal])
    }
    code = signalExitCodes[signal]
    stop.abort()
  }
  for (const signal of endings) process.on(signal, onSignal)
  return {
    code: () => code,
    release: () => {
      for (const signal of endings) process.off(signal, onSignal)
    },
  }
}
