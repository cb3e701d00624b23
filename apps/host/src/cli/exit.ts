// How a command ends. Scripts decide by the exit code and people by the sentence, so every failure carries both, and
// the table below is the one that `--help` prints: a code that is not in it is a bug.

/** One row each; the order is that of the help. */
export const exitCodes = {
  done: { code: 0, when: "done" },
  failed: { code: 1, when: "it failed; the message says at what" },
  usage: { code: 2, when: "the command line cannot be understood; nothing was done" },
  unreachable: { code: 3, when: "no host answers there, or it has no room now; the same command may work later" },
  unknownSession: { code: 4, when: "there is no such session" },
  refused: { code: 5, when: "the host refused: a conflict, a closed session, a rejected cursor, an expectation not met" },
  unusable: { code: 6, when: "the input or a local file cannot be used as it is; the message says where" },
  gap: { code: 7, when: "what was written is in order and once, but entries are missing, as the message said" },
  interrupted: { code: 130, when: "ended by Ctrl-C (143 by SIGTERM, 129 by SIGHUP); what was written stands" },
} as const

export type ExitReason = keyof typeof exitCodes

/** A command gives up: why, for scripts, and a sentence that says what to do, for people. */
export class CommandFailure extends Error {
  readonly reason: ExitReason

  constructor(reason: ExitReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = "CommandFailure"
    this.reason = reason
  }

  get exitCode(): number {
    return exitCodes[this.reason].code
  }
}

/** The command line itself is wrong. */
export function usage(message: string): CommandFailure {
  return new CommandFailure("usage", message)
}

/** A file, or a stream, does not take what is to be written; `name` begins the sentence. */
export function cannotWrite(name: string, error: Error): CommandFailure {
  return new CommandFailure("unusable", `${name} cannot be written: ${error.message}`, error)
}

/** The codes that a signal ends with, as a shell would report them. */
export const signalExitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

export type EndingSignal = keyof typeof signalExitCodes

/** The system refused: no such folder, no permission, no space. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error && "code" in error
}

/** Whoever read our output went away: the quiet end of `tidemark tail … | head`. */
export function isReaderGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED")
}
