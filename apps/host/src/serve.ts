// `tidemark serve`: reads the configuration, says where it listens and what to try, runs until it is told to end, drains,
// and gives the exit code. Told to end means SIGINT or SIGTERM; a second signal changes nothing, because the first one is
// being obeyed already, and ends within the drain limit and a few seconds for the log.

import { setFlagsFromString } from "node:v8"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import { DataRefused } from "@tidemark/log-sqlite"
import { readConfig, type Environment, type Given, type HostConfig } from "./config.ts"
import { runHost, type RunningHost } from "./host.ts"
import { releaseVersion } from "./release.ts"

/**
 * `given`: what stood on the command line, by flag. Gives 0 after a drain, 1 when the host failed, 2 when the configuration and
 * 6 when the data directory was refused.
 */
export async function serve(given: Given, env: Environment): Promise<number> {
  keepRequestsYoung()
  const outcome = readConfig(given, env)
  if (outcome.type === "refused") {
    for (const because of outcome.because) process.stderr.write(`tidemark: ${because}\n`)
    return exitCodes.refused
  }
  const { config } = outcome
  const exit = await Effect.runPromiseExit(untilToldToEnd(config).pipe(Effect.scoped, Effect.provide(loggerFor(config))))
  if (Exit.isSuccess(exit)) return exitCodes.drained
  const failure = Cause.failureOption(exit.cause)
  process.stderr.write(`tidemark: ${failure._tag === "Some" ? failure.value.message : Cause.pretty(exit.cause)}\n`)
  return failure._tag === "Some" && failure.value instanceof DataRefused ? exitCodes.unusable : exitCodes.failed
}

/**
 * V8 allocates where it saw objects survive among the old ones from the start. Here entries do survive, and what is made
 * beside them with each request soon counts as surviving too, drags its request along, and confirms the guess: a third of
 * the CPU went to the collector, and 50 MB of dead requests lay about (Node 20, 16,000 POSTs a second).
 */
function keepRequestsYoung(): void {
  setFlagsFromString("--no-allocation-site-pretenuring")
}

const exitCodes = { drained: 0, failed: 1, refused: 2, unusable: 6 } as const

function untilToldToEnd(config: HostConfig) {
  return Effect.gen(function* () {
    const ending = yield* Deferred.make<NodeJS.Signals>()
    yield* listenForSignals((signal) => Deferred.unsafeDone(ending, Effect.succeed(signal)))
    const fatal = (error: unknown): void => Deferred.unsafeDone(ending, Effect.die(error))
    const host = yield* runHost({ config, version: releaseVersion(), fatal })
    yield* sayWhatToTry(config, host)
    const signal = yield* Deferred.await(ending)
    yield* endAnywayAfter(config.limits.drain + graceMs)
    yield* Effect.logInfo(`${signal}: draining`, { connections: host.parts.meter.connections, streams: host.parts.meter.streams })
  })
}

/** For the log to be closed after the drain. */
const graceMs = 5_000

/** A disk that answers no more holds a thread for ever, and no exit ends that: what was acknowledged needs none. */
function endAnywayAfter(ms: number) {
  return Effect.sync(() => {
    const end = (): void => {
      process.stderr.write("tidemark: the log could not be closed in time; what was acknowledged is there at the next start\n")
      process.kill(process.pid, "SIGKILL")
    }
    setTimeout(end, ms).unref()
  })
}

/** Heard for as long as the process lives: without a listener a second signal would kill the drain. */
function listenForSignals(onSignal: (signal: NodeJS.Signals) => void) {
  return Effect.sync(() => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal)
  })
}

function sayWhatToTry(config: HostConfig, { url }: RunningHost) {
  if (config.logFormat === "json") return Effect.logInfo("listening", { url, log: config.log })
  return Effect.sync(() => process.stdout.write(whatToTry(url, config)))
}

function whatToTry(url: string, config: HostConfig): string {
  const at = url === "http://127.0.0.1:4477" ? "" : ` --url ${url}`
  return `Tidemark listens on ${url} (${whereSessionsLive(config)}).

Try, in another terminal:

  npm ls --all 2>&1 | npx --no-install tidemark publish deps --producer npm-ls${at}
  npx --no-install tidemark tail deps${at}

or without the command line:

  curl -X POST ${url}/v1/sessions/hello/events -H 'Content-Type: application/json' -d '{"kind":"greeting","data":"hello"}'
  curl -N '${url}/v1/sessions/hello/subscribe?from=start'

${url}/openapi.json describes all of it. Ctrl-C ends it: readers are asked to come back, and what was begun is finished.
`
}

function whereSessionsLive({ log, dataDir }: HostConfig): string {
  switch (log) {
    case "sqlite":
      return `sessions are kept in ${dataDir}`
    case "memory":
      return "sessions live in memory and end with this process"
    case "disabled":
      return "no history is kept, only what comes is passed on"
  }
}

function loggerFor({ logFormat }: HostConfig) {
  const logger = logFormat === "json" ? Logger.withConsoleError(Logger.jsonLogger) : Logger.prettyLogger({ stderr: true })
  return Logger.replace(Logger.defaultLogger, logger)
}
