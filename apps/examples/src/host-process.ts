// What the tests of the examples, and the picture in the README, talk to: a Tidemark host in a process of its own, as a user
// starts it, with limits small enough to be met; another program; or a server within this process.

import { spawn } from "node:child_process"
import { once } from "node:events"
import type { Server } from "node:http"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

const program = join(dirname(createRequire(import.meta.url).resolve("tidemark/package.json")), "bin", "tidemark.js")

export interface Started {
  readonly url: string
  /** Resolves when the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** `tidemark serve` on a free port, or on `port`; limits as `{ "memory-log-events": "200" }`. */
export function startHost(limits: Readonly<Record<string, string>> = {}, port = "0"): Promise<Started> {
  const flags = Object.entries(limits).flatMap(([name, value]) => ["--limit", `${name}=${value}`])
  return start([program, "serve", "--port", port, "--log", "memory", ...flags])
}

/** A Node program that says on its standard output where it listens. */
export async function start(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Started> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("TIDEMARK_"))
  const child = spawn(process.execPath, words, { env: { ...Object.fromEntries(inherited), ...env }, stdio: ["ignore", "pipe", "pipe"] })
  const ended = once(child, "close")
  let said = ""
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]
        if (found !== undefined) resolve(found)
      })
    }
    child.once("close", () => reject(new Error(`${words[0]} ended before it listened: ${said}`)))
  })
  return {
    url,
    stop: async (signal = "SIGTERM") => {
      child.kill(signal)
      await ended
    },
  }
}

/** Listens on a free port; its address. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server listens on a port")
  return `http://127.0.0.1:${address.port}`
}

/** Whoever is connected is cut off. */
export function stopServer(server: Server): void {
  server.close()
  server.closeAllConnections()
}
