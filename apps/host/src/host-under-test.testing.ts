// A real host on a free port, for tests: the same code as `tidemark serve`, with limits set small enough to be met.

import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { limitsWith, readConfig, type HostConfig } from "./config.ts"
import { runHost, type HostOptions, type RunningHost } from "./host.ts"
import type { Limits } from "./limits.ts"

export interface HostUnderTest extends RunningHost {
  /** What reached the last resort: a test that expects none looks here. */
  readonly fatal: readonly unknown[]
  /** What it told its operator. */
  readonly said: readonly string[]
  /** Drains, as SIGTERM does. */
  stop(): Promise<void>
}

export interface HostUnderTestOptions extends Partial<Omit<HostConfig, "limits">> {
  readonly limits?: Partial<Limits>
  readonly parts?: Pick<HostOptions, "clock" | "chance" | "log" | "countsLoopback">
}

export async function startHost({ limits, parts, ...instead }: HostUnderTestOptions = {}): Promise<HostUnderTest> {
  const outcome = readConfig(new Map([["port", ["0"]], ["log", ["memory"]]]), {})
  if (outcome.type === "refused") throw new Error(outcome.because.join("; "))
  const config = { ...outcome.config, ...instead, limits: limitsWith(limits ?? {}) }
  const fatal: unknown[] = []
  const said: string[] = []
  const logger = Logger.make(({ logLevel, message }) => void said.push(`${logLevel.label} ${[message].flat().join(" ")}`))
  const scope = await Effect.runPromise(Scope.make())
  const host = runHost({ config, version: "test", fatal: (error) => fatal.push(error), ...parts })
  const logged = Effect.provide(host, Logger.replace(Logger.defaultLogger, logger))
  const running = await Effect.runPromise(Scope.extend(logged, scope))
  return { ...running, fatal, said, stop: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}
