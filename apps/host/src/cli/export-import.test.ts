// `tidemark export` and `tidemark import` as people use them: a session out and in again, and everything that may go wrong
// on the way, in the real program against a real host.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { append, close, commit, createSession, deleteSession, getSession, queryEvents, trim } from "@tidemark/client"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { meddler, type Passing, type Verdict } from "./meddler.testing.ts"
import { startHost, tidemark, tidemarkOpen, type RunningHost } from "./spawned.testing.ts"

let host: RunningHost
let folder = ""
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-export-"))
  host = await startHost()
})
afterAll(async () => {
  await host.stop()
  rmSync(folder, { recursive: true, force: true })
})

const at = (session: string) => ({ url: host.url, session })
const run = (words: readonly string[], input: string | Uint8Array = "") => tidemark([...words, "--url", host.url], input).ended
const file = (name: string): string => join(folder, name)
const isThere = async (session: string) => (await getSession(at(session)).catch(() => undefined)) !== undefined
const numbered = (count: number, from = 1) => Array.from({ length: count }, (_, i) => ({ kind: "n", data: from + i }))
const lines = (count: number) => numbered(count).map((event) => `${JSON.stringify(event)}\n`).join("")

/** A host whose requests somebody looks at, and meddles with. */
async function through(judge: (passing: Passing) => Verdict | Promise<Verdict>): Promise<string> {
  const between = await meddler(host.url, judge)
  onTestFinished(between.close)
  return between.url
}

/** What an import must keep of an exported line. */
function kept(text: string): unknown[] {
  return text.trimEnd().split("\n").map((line) => {
    const { kind, data, commit, closed } = JSON.parse(line)
    return closed === undefined ? { kind, data, commit } : { closed }
  })
}

async function filled(session: string, events: number): Promise<void> {
  for (let from = 1; from <= events; from += 1000) await append(at(session), numbered(Math.min(1000, events - from + 1), from))
}

describe("a round trip", () => {
  test("export, import and export give the same kinds, data, commits and close", async () => {
    const odd = ["\u2028\u0000☃😀", JSON.parse('{"__proto__":{"x":1},"n":-1.5e-7}'), null]
    await append(at("trip"), odd.map((data) => ({ kind: "turn.text", data })))
    await commit(at("trip"), { view: { total: 3 }, kind: "settled" })
    await append(at("trip"), numbered(2500))
    await commit(at("trip"), { view: [] })
    await close(at("trip"), 'the "end"')
    const first = await run(["export", "trip"])
    expect([first.code, first.stderr]).toEqual([0, 'tidemark: 2,505 entries of trip exported; it is closed: the "end"\n'])
    const imported = await run(["import", "trip-2"], first.stdout)
    expect([imported.code, imported.stdout]).toEqual([0, ""])
    expect(imported.stderr).toBe("tidemark: 2,506 entries imported into trip-2, which is at position 2,506\n")
    const second = await run(["export", "trip-2"])
    expect(kept(second.stdout)).toEqual(kept(first.stdout))
    expect(second.stdout.split("\n").length).toBe(2507)
    const [was, is] = [await getSession(at("trip")), await getSession(at("trip-2"))]
    expect(is).toMatchObject({ head: was.head, earliest: 1, revision: 2, closed: was.closed })
    expect(is.epoch).not.toBe(was.epoch)
  })

  test("a line is the event as the session has it", async () => {
    await filled("lines", 2)
    await commit(at("lines"), { view: 7 })
    const { stdout } = await run(["export", "lines"])
    const { events } = await queryEvents(at("lines"))
    expect(stdout).toBe(events.map((event) => `${JSON.stringify(event)}\n`).join(""))
    expect(events[2]).toMatchObject({ position: 3, revision: 1, kind: "committed", data: 7, commit: true })
  })

  test("a session with nothing in it is an empty file, and a session again", async () => {
    await createSession(at("nothing"))
    const exported = await run(["export", "nothing"])
    expect([exported.code, exported.stdout]).toEqual([0, ""])
    expect((await run(["import", "nothing-2"])).code).toBe(0)
    expect(await getSession(at("nothing-2"))).toMatchObject({ head: 0 })
  })

  test("data nested as deep as a host takes it goes in again", async () => {
    const deep = `{"kind":"n","data":${"[".repeat(63)}${"]".repeat(63)}}\n`
    expect((await run(["publish", "deep", "--ndjson"], deep)).code).toBe(0)
    const { stdout } = await run(["export", "deep"])
    expect((await run(["import", "deep-2"], stdout)).code).toBe(0)
    expect(kept((await run(["export", "deep-2"])).stdout)).toEqual(kept(stdout))
  })

  test("files in place of standard input and output are the same", async () => {
    await filled("filed", 3)
    const exported = await run(["export", "filed", "--output", file("filed.ndjson")])
    expect([exported.code, exported.stdout, exported.stderr]).toEqual([0, "", `tidemark: 3 entries of filed exported to ${file("filed.ndjson")}\n`])
    expect(readFileSync(file("filed.ndjson"), "utf8")).toBe((await run(["export", "filed"])).stdout)
    expect((await run(["import", "filed-2", "--input", file("filed.ndjson")])).code).toBe(0)
    expect(await getSession(at("filed-2"))).toMatchObject({ head: 3 })
  })
})

describe("export", () => {
  test("entries that are missing are counted, what there is is written, and the exit code is 7", async () => {
    await filled("gone", 30)
    await trim(at("gone"), { events: 10 })
    const { code, stdout, stderr } = await run(["export", "gone", "--output", file("gone.ndjson")])
    expect([code, stdout]).toEqual([7, ""])
    expect(stderr).toBe(
      `tidemark: 10 entries of gone exported to ${file("gone.ndjson")}\n` +
        "tidemark: 20 entries are missing: trimmed, or never recorded; the positions show where\n",
    )
    expect(JSON.parse(readFileSync(file("gone.ndjson"), "utf8").split("\n")[0] ?? "")).toMatchObject({ position: 21, data: 21 })
  })

  test("entries that are let go of while it runs are counted, too", async () => {
    await filled("going", 3000)
    const url = await through(async ({ what, times }): Promise<Verdict> => {
      if (what.endsWith("/going/events") && times === 2) await trim(at("going"), { events: 500 })
      return "pass"
    })
    const { code, stdout, stderr } = await tidemark(["export", "going", "--url", url]).ended
    expect([code, stdout.split("\n").length - 1]).toEqual([7, 1500])
    expect(stderr).toContain("1,500 entries are missing")
  })

  test("what is recorded while it runs does not keep it running", async () => {
    await filled("growing", 1500)
    const url = await through(async ({ what }): Promise<Verdict> => {
      if (what.endsWith("/growing/events")) await append(at("growing"), numbered(1000))
      return "pass"
    })
    const { code, stdout } = await tidemark(["export", "growing", "--url", url]).ended
    expect([code, stdout.split("\n").length - 1]).toEqual([0, 2000])
  })

  test("a session that is made anew while it runs ends it, and the file stays what it was", async () => {
    await filled("anew", 1500)
    writeFileSync(file("anew.ndjson"), "precious\n")
    const url = await through(async ({ what, times }): Promise<Verdict> => {
      if (what.endsWith("/anew/events") && times === 2) {
        await deleteSession(at("anew"))
        await filled("anew", 1500)
      }
      return "pass"
    })
    const { code, stderr } = await tidemark(["export", "anew", "--output", file("anew.ndjson"), "--url", url]).ended
    expect([code, stderr]).toEqual([5, expect.stringContaining("anew was made anew, or its log was restored, while it was exported")])
    expect([readFileSync(file("anew.ndjson"), "utf8"), existsSync(file("anew.ndjson.tmp"))]).toEqual(["precious\n", false])
  })

  test("an answer that is lost is asked for again", async () => {
    await filled("lossy", 1500)
    const url = await through(({ what, times }) => (what.endsWith("/lossy/events") && times === 2 ? "lose" : "pass"))
    const { code, stdout } = await tidemark(["export", "lossy", "--url", url]).ended
    expect([code, stdout]).toEqual([0, (await run(["export", "lossy"])).stdout])
  })

  test("a session that is not there is exit code 4, and no file is made", async () => {
    const { code } = await run(["export", "nobody", "--output", file("nobody.ndjson")])
    expect([code, existsSync(file("nobody.ndjson"))]).toEqual([4, false])
  })

  test("a file that was there is replaced by who may read it, and what is no file is refused", async () => {
    await filled("modes", 1)
    writeFileSync(file("modes.ndjson"), "old\n")
    chmodSync(file("modes.ndjson"), 0o600)
    expect((await run(["export", "modes", "--output", file("modes.ndjson")])).code).toBe(0)
    expect([readFileSync(file("modes.ndjson"), "utf8").length > 10, statSync(file("modes.ndjson")).mode & 0o777]).toEqual([true, 0o600])
    mkdirSync(file("folder"))
    for (const wrong of [file("folder"), file("no/such.ndjson")]) {
      const { code, stderr } = await run(["export", "modes", "--output", wrong])
      expect([code, stderr], wrong).toEqual([6, expect.stringMatching(/^tidemark: \S+ (is not a regular file|cannot be written)/)])
    }
  })

  test("a reader that goes away ends it quietly, and Ctrl-C with the shell's exit code", async () => {
    await filled("piped", 2000)
    const piped = tidemark(["export", "piped", "--url", host.url])
    piped.child.stdout?.destroy()
    expect(await piped.ended).toMatchObject({ code: 0, stderr: "" })
    let asked: () => void = () => {}
    const hanging = new Promise<void>((resolve) => (asked = resolve))
    const url = await through(({ what, times }) => {
      if (!what.endsWith("/piped/events") || times < 2) return "pass"
      asked()
      return "hang"
    })
    const ended = tidemark(["export", "piped", "--output", file("piped.ndjson"), "--url", url])
    await hanging
    ended.kill("SIGINT")
    expect((await ended.ended).code).toBe(130)
    expect([existsSync(file("piped.ndjson")), existsSync(file("piped.ndjson.tmp"))]).toEqual([false, false])
  })
})

describe("import", () => {
  test("into a session that is there is refused, and it stays as it is", async () => {
    await filled("taken", 2)
    const { code, stderr } = await run(["import", "taken"], lines(3))
    expect([code, stderr]).toEqual([5, expect.stringContaining("taken is there already, and an import makes its session")])
    expect(await getSession(at("taken"))).toMatchObject({ head: 2 })
  })

  test("a session that somebody makes at the last moment is not taken for one of its own", async () => {
    const url = await through(async ({ what }): Promise<Verdict> => {
      if (what === "PUT /v1/sessions/raced") await createSession(at("raced"))
      return "pass"
    })
    const { code, stderr } = await tidemark(["import", "raced", "--url", url], lines(3)).ended
    expect([code, stderr]).toEqual([5, expect.stringContaining("raced is there already")])
    expect(await getSession(at("raced"))).toMatchObject({ head: 0 })
  })

  const hole = '{"position":3,"revision":0,"at":"x","hole":{"reason":"disk"}}'
  const wrong: readonly (readonly [what: string, input: string, line: number, because: string])[] = [
    ["no JSON", `${lines(2)}{"kind":"n","data":\n`, 3, "it cannot be taken as JSON, at character 20"],
    ["no entry, far behind", `${lines(1200)}{"kind":"n"}\n${lines(2)}`, 1201, "it has a kind and no data"],
    ["cut off", lines(700).slice(0, -8), 700, "it cannot be taken as JSON"],
    ["a hole", `${lines(2)}${hole}\n`, 3, "a hole cannot be recorded through a host; stop it, and import with --data-dir"],
    ["an event after the close", `${lines(1)}{"closed":{"reason":"done"}}\n${lines(1)}`, 3, "it follows the close in line 2"],
  ]
  test.each(wrong)("a line that is %s ends it with its number, and no session is left", async (_what, input, line, because) => {
    const { code, stdout, stderr } = await run(["import", "wrong"], input)
    expect([code, stdout]).toEqual([6, ""])
    expect(stderr).toContain(`tidemark: line ${line} cannot be imported: ${because}`)
    expect(await isThere("wrong")).toBe(false)
  })

  test("what the host refuses is named by its line, however many lines were sent together, and no session is left", async () => {
    const big = `${JSON.stringify({ kind: "n", data: "x".repeat(262_143) })}\n`
    for (const [before, line] of [[0, 1], [622, 623], [1100, 1101]] as const) {
      const { code, stderr } = await run(["import", "refused"], lines(before) + big + lines(5))
      expect([code, stderr]).toEqual([5, expect.stringContaining(`tidemark: line ${line} cannot be imported: the host, which was sent it alone, says:`)])
      expect(stderr).toContain("event-bytes")
      expect(stderr).toContain("import it again when that is mended")
      expect(await isThere("refused")).toBe(false)
    }
    const view = `${JSON.stringify({ kind: "committed", data: "x".repeat(1_100_000), commit: true })}\n`
    expect((await run(["import", "refused"], lines(3) + view)).stderr).toContain("line 4 cannot be imported")
    expect(await isThere("refused")).toBe(false)
  })

  test("lost answers record nothing twice and nothing less: of events, of a commit, of the close", async () => {
    const input = `${lines(1200)}{"kind":"settled","data":{"n":1},"commit":true}\n${lines(3)}{"closed":{"reason":"done"}}\n`
    const url = await through(({ what, times }) => {
      const lost = what.endsWith("/lost/events") ? times === 2 || times === 6 : /\/lost\/(commit|close)$/.test(what) && times === 1
      return lost ? "lose" : "pass"
    })
    const { code, stderr } = await tidemark(["import", "lost", "--url", url], input).ended
    expect([code, stderr]).toEqual([0, "tidemark: 1,205 entries imported into lost, which is at position 1,205\n"])
    expect(kept((await run(["export", "lost"])).stdout)).toEqual(kept(input))
  })

  test("an event that somebody else records in between ends it, and theirs is not deleted", async () => {
    const url = await through(async ({ what, times }): Promise<Verdict> => {
      if (what.endsWith("/mixed/events") && times === 2) await append(at("mixed"), [{ kind: "theirs", data: 1 }])
      return "pass"
    })
    const { code, stderr } = await tidemark(["import", "mixed", "--url", url], lines(1200)).ended
    const said = "in lines 501 to 1000: somebody else writes to mixed while it is imported. mixed is left as it is"
    expect([code, stderr]).toEqual([5, expect.stringContaining(said)])
    const { events } = await queryEvents(at("mixed"), { since: 500 })
    expect(events).toMatchObject([{ position: 501, kind: "theirs" }])
  })

  test("a session that is deleted and made again in between is not appended to", async () => {
    const url = await through(async ({ what, times }): Promise<Verdict> => {
      if (what.endsWith("/swapped/events") && times === 2) {
        await deleteSession(at("swapped"))
        await append(at("swapped"), numbered(500))
      }
      return "pass"
    })
    const { code } = await tidemark(["import", "swapped", "--url", url], lines(1200)).ended
    expect([code, await getSession(at("swapped"))]).toMatchObject([5, { head: 500 }])
  })

  test("Ctrl-C takes back what was recorded, and ends with the shell's exit code", async () => {
    const importing = tidemarkOpen(["import", "interrupted", "--url", host.url])
    importing.child.stdin?.write(lines(600))
    while (!(await isThere("interrupted"))) await run(["sessions"])
    importing.kill("SIGINT")
    const { code, stderr } = await importing.ended
    expect([code, stderr]).toEqual([130, expect.stringContaining("ended before all was imported. Nothing of it was left in interrupted")])
    expect(await isThere("interrupted")).toBe(false)
  })

  test("what cannot be taken back is said", async () => {
    let reached: () => void = () => {}
    const stuck = new Promise<void>((resolve) => (reached = resolve))
    const url = await through(({ what, times }) => {
      if (what.startsWith("DELETE")) return "lose"
      if (!what.endsWith("/stuck/events") || times < 2) return "pass"
      reached()
      return "hang"
    })
    const importing = tidemark(["import", "stuck", "--url", url], lines(1200))
    await stuck
    importing.kill("SIGTERM")
    const { code, stderr } = await importing.ended
    expect([code, stderr]).toEqual([143, expect.stringContaining("A part of it is left in stuck, which could not be deleted")])
  })

  test("an input that cannot be read is exit code 6, before anything is made", async () => {
    for (const input of [file("nothing.ndjson"), folder]) {
      const { code, stderr } = await run(["import", "unread", "--input", input])
      expect([code, stderr], input).toEqual([6, expect.stringContaining("cannot be read")])
    }
    expect(await isThere("unread")).toBe(false)
  })
})
