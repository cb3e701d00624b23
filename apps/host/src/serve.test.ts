// `tidemark serve` as a process: how it starts, what it says, and how it ends. Runs what was built (`npm test` builds first).

import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process"
import { fileURLToPath } from "node:url"
import { afterEach, describe, expect, test } from "vitest"
import { RawSocket, requestText } from "./raw-socket.testing.ts"

const bin = fileURLToPath(new URL("../bin/tidemark.js", import.meta.url))

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

const started: Tidemark[] = []

afterEach(() => {
  for (const process of started.splice(0)) process.kill("SIGKILL")
})

/** A `tidemark` process, with its sessions in memory unless it is told otherwise; `ended` when it ended. */
class Tidemark {
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  #out = ""
  #err = ""
  #wake: () => void = () => {}

  /** `descriptors`: how many files it may have open. */
  constructor(args: readonly string[], env: Record<string, string> = {}, descriptors?: number) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("TIDEMARK_"))
    const options = { env: { ...Object.fromEntries(inherited), TIDEMARK_LOG: "memory", ...env }, stdio: ["ignore", "pipe", "pipe"] } satisfies SpawnOptions
    const command = [process.execPath, bin, ...args]
    const limited = descriptors === undefined ? command : ["sh", "-c", `ulimit -n ${descriptors}; exec "$0" "$@"`, ...command]
    this.#child = spawn(limited[0] ?? "", limited.slice(1), options)
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      this.#out += chunk.toString()
      this.#wake()
    })
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#err += chunk.toString()
      this.#wake()
    })
    started.push(this)
    this.ended = new Promise((resolve) => {
      this.#child.on("close", (code, signal) => resolve({ code, signal, out: this.#out, err: this.#err }))
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** The first match of `pattern` in what was said on either stream. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#out + this.#err)
      if (match !== null) return match
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

async function serving(...args: readonly string[]): Promise<{ readonly process: Tidemark; readonly port: number }> {
  const process = new Tidemark(["serve", "--port", "0", ...args])
  const [, port] = await process.says(/http:\/\/127\.0\.0\.1:(\d+)/)
  return { process, port: Number(port) }
}

async function stream(port: number): Promise<RawSocket> {
  const client = await RawSocket.open(port)
  await client.send("GET /v1/sessions/s/subscribe?missing=wait HTTP/1.1\r\nHost: localhost\r\n\r\n").until("tidemark")
  return client
}

test("it says where it listens and what to try, and the lines it says work", async () => {
  const { process, port } = await serving()
  const [, url = "", body = ""] = await process.says(/curl -X POST (\S+) .* -d '([^']+)'/)
  const [, subscribe = ""] = await process.says(/curl -N '(\S+)'/)
  await process.says(/Ctrl-C ends it/)
  const posted = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })
  expect(posted.status).toBe(200)
  const client = await RawSocket.open(port)
  const { pathname, search } = new URL(subscribe)
  await client.send(`GET ${pathname}${search} HTTP/1.1\r\nHost: localhost\r\n\r\n`).until('"data":"hello"')
  process.kill("SIGTERM")
  expect(await client.rest()).toContain('"reason":"drain"')
  expect(await process.ended).toMatchObject({ code: 0, signal: null })
})

test.each(["SIGINT", "SIGTERM"] as const)("%s drains, a second one still drains, and the exit code is 0", async (signal) => {
  const { process, port } = await serving("--limit", "drain=500ms")
  const open = await stream(port)
  const stalled = await RawSocket.open(port)
  stalled.send(requestText("POST", "/v1/sessions/s/events", { "Content-Length": "9" }, "{"))
  await stream(port)
  process.kill(signal)
  await open.until('"reason":"drain"')
  process.kill(signal)
  process.kill("SIGTERM")
  expect(await process.ended).toMatchObject({ code: 0, signal: null })
})

test("more clients than there are file descriptors do not end it", async () => {
  const process = new Tidemark(["serve", "--port", "0"], {}, 300)
  const [, port = ""] = await process.says(/http:\/\/127\.0\.0\.1:(\d+)/)
  const clients = await Promise.all(Array.from({ length: 600 }, () => RawSocket.open(Number(port))))
  await Promise.race(clients.map((client) => client.rest()))
  for (const client of clients) client.socket.destroy()
  const last = await RawSocket.open(Number(port))
  await last.send(requestText("GET", "/healthz")).until('{"status":"ok"}')
  process.kill("SIGTERM")
  expect(await process.ended).toMatchObject({ code: 0, signal: null })
})

test("logs are JSON when asked for", async () => {
  const { process } = await serving("--log-format", "json")
  process.kill("SIGTERM")
  const { err, out } = await process.ended
  const lines = err.trim().split("\n").map((line) => JSON.parse(line))
  expect(out).toBe("")
  expect(lines.map(({ logLevel }) => logLevel)).toEqual(["INFO", "INFO"])
  expect(lines[0].message[0]).toBe("listening")
})

describe("it refuses to start, with a sentence and exit code 2", () => {
  test.each([
    [["--log", "redis"], {}, "tidemark: --log redis is not in this release; use sqlite, memory or disabled\n"],
    [["--port", "http"], {}, 'tidemark: --port is a port from 0 to 65535, not "http"\n'],
    [[], { TIDEMARK_LIMIT_DRAIN: "soon" }, 'tidemark: TIDEMARK_LIMIT_DRAIN is a time such as 500ms, 15s, 10min, 2h or 7d, not "soon"\n'],
  ])("%o %o", async (args, env, said) => {
    expect(await new Tidemark(["serve", ...args], env).ended).toMatchObject({ code: 2, out: "", err: said })
  })
})

test("a port that is taken is said so, and the exit code is 1", async () => {
  const { process, port } = await serving()
  const second = await new Tidemark(["serve", "--port", String(port)]).ended
  const said = `tidemark: something listens on 127.0.0.1:${port} already: end it, or choose another port with --port\n`
  expect(second).toMatchObject({ code: 1, out: "", err: said })
  process.kill("SIGTERM")
  await process.ended
})

test("config prints what is in force and where it came from", async () => {
  const plain = await new Tidemark(["config", "--port", "8080"], { TIDEMARK_LIMIT_HEARTBEAT: "5s" }).ended
  expect(plain.out).toMatch(/^ {2}port +8080 +--port /m)
  expect(plain.out).toMatch(/^ {2}heartbeat +5s +TIDEMARK_LIMIT_HEARTBEAT /m)
  expect(plain.out).toMatch(/^ {2}log +memory +TIDEMARK_LOG /m)
  const json = await new Tidemark(["config", "--json"]).ended
  const port = expect.objectContaining({ name: "port", value: "4477", from: "default" })
  expect(JSON.parse(json.out)).toMatchObject({ settings: expect.arrayContaining([port]) })
})
