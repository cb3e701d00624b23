// `tidemark record` and `tidemark replay` as people use them, in the real program against a real host: what is in the file,
// however it ends, and what is said of it.

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { append, createSession, getSession } from "@tidemark/client"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startHost, tidemark, type RunningHost } from "./spawned.testing.ts"

let host: RunningHost
let folder = ""
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-record-"))
  host = await startHost()
})
afterAll(async () => {
  await host.stop()
  rmSync(folder, { recursive: true, force: true })
})

const at = (session: string) => ({ url: host.url, session })
const file = (name: string): string => join(folder, name)
const start = (...words: string[]) => tidemark(["record", ...words, "--url", host.url])
const replay = (path: string) => tidemark(["replay", path]).ended
const linesIn = (path: string): number => (existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0)

/** Asks the host until it is so. */
async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await fetch(`${host.url}/healthz`)
}

/** Records one event with a secret into FILE, and is interrupted. */
async function recorded(session: string, ...words: string[]) {
  await createSession(at(session))
  const path = file(`${session}.capsule`)
  const recording = start(session, "--output", path, ...words)
  await eventually(() => linesIn(path) === 2)
  await append(at(session), [{ kind: "n", data: { password: "hunter2", iban: "DE-12345", text: "plain" } }])
  await eventually(() => linesIn(path) > 2)
  recording.kill("SIGINT")
  return { path, ended: await recording.ended }
}

describe("record", () => {
  test("Ctrl-C ends it with the last line written, and what is in the file is replayed to the same", async () => {
    const { path, ended } = await recorded("interrupted", "--secret", "iban")
    const text = readFileSync(path, "utf8")
    const calls = linesIn(path) - 2
    expect([ended.code, ended.stdout]).toEqual([130, ""])
    const begun = `tidemark: recording interrupted to ${path}; Ctrl-C ends it\n`
    expect(ended.stderr).toBe(`${begun}tidemark: ${calls} calls of interrupted recorded to ${path}: it was ended\n`)
    expect(["hunter2", "DE-12345", "plain"].filter((secret) => text.includes(secret))).toEqual(["plain"])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(await replay(path)).toMatchObject({ code: 0, stdout: `same: ${calls} calls; the recording ended: it was ended\n`, stderr: "" })
  })

  test("its time ends it with exit code 0, and standard output has the capsule", async () => {
    await createSession(at("timed"))
    const { code, stdout, stderr } = await start("timed", "--for", "1s", "--all").ended
    expect([code, stderr]).toEqual([0, "tidemark: recording timed; Ctrl-C ends it\ntidemark: 1 call of timed recorded: the time is over\n"])
    writeFileSync(file("timed.capsule"), stdout)
    expect((await replay(file("timed.capsule"))).stdout).toBe("same: 1 call; the recording ended: the time is over\n")
  })

  test("a file that is there is left as it is, unless it may be overwritten", async () => {
    await createSession(at("there"))
    writeFileSync(file("there.capsule"), "precious\n")
    const refused = await start("there", "--output", file("there.capsule")).ended
    expect([refused.code, readFileSync(file("there.capsule"), "utf8")]).toEqual([6, "precious\n"])
    expect(refused.stderr).toBe(`tidemark: ${file("there.capsule")} is there already: name another file, or give --overwrite as well\n`)
    expect((await start("there", "--output", file("there.capsule"), "--overwrite", "--for", "1s").ended).code).toBe(0)
    expect((await replay(file("there.capsule"))).code).toBe(0)
  })

  test("a session that is not there, one that is recorded already and a time that cannot be leave no file", async () => {
    expect((await start("nobody", "--output", file("nobody")).ended).code).toBe(4)
    expect((await start("nobody", "--output", file("nobody"), "--for", "2h").ended).code).toBe(2)
    expect((await tidemark(["record", "nobody", "--output", file("nobody"), "--url", "http://127.0.0.1:1"]).ended).code).toBe(3)
    await createSession(at("twice"))
    const first = start("twice", "--output", file("first"))
    await eventually(() => linesIn(file("first")) === 2)
    const second = await start("twice", "--output", file("second")).ended
    expect([second.code, second.stderr]).toEqual([
      5,
      "tidemark: The session is being recorded already: wait for that recording, or end it with DELETE /v1/sessions/twice/record.\n",
    ])
    expect([existsSync(file("nobody")), existsSync(file("second"))]).toEqual([false, false])
    first.kill("SIGTERM")
    expect((await first.ended).code).toBe(143)
  })

  test("what cannot be recorded so, or written there, is said in one sentence", async () => {
    await createSession(at("said"))
    const inNoFolder = join(folder, "none", "said")
    const [forFive, noSecret, noFolder] = await Promise.all([
      start("said", "--for", "5").ended,
      start("said", "--secret", "").ended,
      start("said", "--output", inNoFolder).ended,
    ])
    expect([forFive.code, forFive.stderr.split("\n")[0]]).toEqual([2, 'tidemark: --for takes a time from 1s to 1h, such as 30s or 10min, not "5"'])
    expect([noSecret.code, noSecret.stderr.split("\n")[0]]).toEqual([2, "tidemark: --secret takes the name of a field, and an empty one names none"])
    expect([noFolder.code, noFolder.stderr]).toEqual([6, `tidemark: ${inNoFolder} cannot be written: its folder is not there.\n`])
  })

  test("a tail beside it says that the host asks to come again, and not that it is away", async () => {
    await append(at("beside"), [{ kind: "n", data: 1 }])
    const tail = tidemark(["tail", "beside", "--url", host.url])
    // One reconnect is nothing that a tail talks about.
    for (let times = 0; times < 2; times++) {
      while ((await getSession(at("beside"))).readers === 0) await fetch(`${host.url}/healthz`)
      expect((await start("beside", "--for", "1s").ended).code).toBe(0)
    }
    await tail.until(() => tail.stderr.includes("connected\n"))
    tail.kill("SIGINT")
    const { stdout, stderr } = await tail.ended
    expect(stdout.split("\n").length).toBe(2)
    expect(stderr).toContain("tidemark: the host asks to come again (recording); coming back\ntidemark: connected\n")
    expect(stderr).not.toContain("does not answer")
  })

  test("a host that is killed leaves a capsule that was cut, and is good as far as it goes", async () => {
    const other = tidemark(["serve", "--port", "0", "--log", "memory"])
    const address = () => /http:\/\/127\.0\.0\.1:\d+/.exec(other.stdout)?.[0] ?? ""
    await other.until(() => address() !== "")
    await createSession({ url: address(), session: "killed" })
    const recording = tidemark(["record", "killed", "--output", file("killed"), "--url", address()])
    await recording.until(() => true)
    while (linesIn(file("killed")) < 2) await getSession({ url: address(), session: "killed" })
    other.kill("SIGKILL")
    const { code, stderr } = await recording.ended
    expect(code).toBe(1)
    expect(stderr).toContain("the connection was lost, so that the capsule has no last line; it can be replayed as far as it goes")
    expect((await replay(file("killed"))).stdout).toMatch(/^same: \d+ calls?; the capsule was cut, and has no end\n$/)
  })
})

describe("replay", () => {
  test("a capsule that was altered differs where it was, with exit code 1", async () => {
    const { path } = await recorded("altered")
    writeFileSync(path, readFileSync(path, "utf8").replace('"outcome":"installed"', '"outcome":"current"'))
    const { code, stdout } = await replay(path)
    const causes = "the capsule was altered, or this is another release: replay the file as it was recorded, with the release that recorded it\n"
    const difference = "differs at call N, line N: handleAppended\n  recorded: current\n  replayed: installed\n"
    expect([code, stdout.replace(/\d+/g, "N")]).toEqual([1, difference + causes])
  })

  test("what a capsule says is shown without what a terminal would obey", async () => {
    const { path } = await recorded("hostile")
    writeFileSync(path, readFileSync(path, "utf8").replace('"outcome":"installed"', '"outcome":"\\u001b[2J\\u009b"'))
    expect((await replay(path)).stdout).toContain("  recorded: \\u001b[2J\\u009b\n")
  })

  test("what is no capsule is exit code 6, with the line", async () => {
    writeFileSync(file("none"), "{}\n")
    expect(await replay(file("none"))).toMatchObject({ code: 6, stdout: "", stderr: `tidemark: ${file("none")}, line 1: capsule is no number\n` })
  })

  test("a file that is not there and a folder are exit code 6, with one sentence", async () => {
    const asked = "name a file that `tidemark record` wrote"
    expect(await replay(file("nowhere"))).toMatchObject({ code: 6, stderr: `tidemark: ${file("nowhere")} is not there: ${asked}\n` })
    expect(await replay(folder)).toMatchObject({ code: 6, stderr: `tidemark: ${folder} is a folder: ${asked}\n` })
  })
})
