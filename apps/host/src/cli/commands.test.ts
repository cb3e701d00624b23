// The commands as scripts meet them: what comes out, where it comes out, and the exit code.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { commandLine, Spawned, startHost, tidemark, tidemarkOpen, type RunningHost } from "./spawned.testing.ts"

let host: RunningHost
let folder = ""
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-commands-"))
  host = await startHost(["--limit", "memory-log-events=100", "--limit", "window-events=10"])
})
afterAll(async () => {
  await host.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs to its end, against the host of this file. */
const run = (words: readonly string[], input: string | Uint8Array = "") => tidemark([...words, "--url", host.url], input).ended
const publish = (session: string, input: string | Uint8Array, ...words: string[]) => run(["publish", session, ...words], input)
const lines = (count: number, from = 1): string => Array.from({ length: count }, (_, i) => `line ${from + i}\n`).join("")
const file = (name: string): string => join(folder, name)
/** Runs with a standard output that takes nothing. */
const intoFull = (words: readonly string[]) => new Spawned("sh", ["-c", 'exec "$0" "$@" > /dev/full', ...commandLine(words)]).ended

describe("the command line", () => {
  test("help, version and completions go to standard output and are no failure", async () => {
    for (const line of ["--help", "tail --help", "help publish", "serve --help", "--version", "completions fish"]) {
      const { code, stdout, stderr } = await tidemark(line.split(" ")).ended
      expect([code, stderr], line).toEqual([0, ""])
      expect(stdout.length).toBeGreaterThan(10)
    }
  })

  test("what cannot be understood is exit code 2, says why on standard error, and does nothing", async () => {
    const wrong = [
      ...[[], ["tial", "x"], ["tail"], ["tail", "x", "--output"], ["tail", "x", "--output", file("no")], ["tail", "x", "--from", "end"]],
      ...[["tail", ".."], ["publish", "a b"], ["publish", "x", "--ndjson", "--kind", "k"], ["publish", "x", "--producer", ""]],
      ...[["trim", "x"], ["trim", "x", "--keep-age", "5"], ["trim", "x", "--keep-events", "-1"], ["trim", "x", "--keep-bytes", "1XB"]],
      ...[["explain", "x"], ["observe", "x", "--url", "nowhere"], ["completions", "toString"]],
    ]
    for (const words of wrong) {
      const { code, stdout, stderr } = await tidemark(words).ended
      expect([code, stdout], words.join(" ")).toEqual([2, ""])
      expect(stderr, words.join(" ")).toMatch(/^tidemark: ./)
    }
    expect(existsSync(file("no"))).toBe(false)
  })

  test("where no host answers it is exit code 3, and the message says how to start one", async () => {
    const away = "http://127.0.0.1:1"
    const asking = [["tail", "x"], ["publish", "x"], ["publish", "x", "--producer", "p"], ["observe", "x"], ["sessions"], ["export", "x"], ["import", "x"]]
    for (const words of asking) {
      const { code, stdout, stderr } = await tidemark([...words, "--url", away], "a\n").ended
      expect([code, stdout], words.join(" ")).toEqual([3, ""])
      expect(stderr).toContain("Is it running? Start it with `npm start`")
    }
  })

  test("a session that is not there is exit code 4", async () => {
    for (const words of [["observe", "nobody"], ["close", "nobody"], ["tail", "nobody", "--no-follow"], ["trim", "nobody", "--keep-events", "1"]]) {
      const { code, stderr } = await run(words)
      expect(code, `${words.join(" ")}: ${stderr}`).toBe(4)
    }
  })
})

describe("publish and tail", () => {
  test("what comes out is what went in, byte for byte, and what is said about it goes to standard error", async () => {
    const input = "\ufeffone\r\n\n  two\u2028\u0000\t\n☃😀\n\r\nlast without its end"
    const published = await publish("bytes", input)
    expect([published.code, published.stdout]).toEqual([0, ""])
    expect(published.stderr).toContain("6 lines published to bytes; the session is at position 6")
    const tail = await run(["tail", "bytes", "--no-follow"])
    expect([tail.code, tail.stdout, tail.stderr]).toEqual([0, `${input}\n`, ""])
  })

  test("a line that is not UTF-8 ends it with its number, and what came before it is published", async () => {
    const bad = await publish("not-utf8", Buffer.concat([Buffer.from(lines(700)), Buffer.from([0xff, 0x0a]), Buffer.from("after\n")]))
    expect(bad.code).toBe(6)
    expect(bad.stderr).toContain("line 701 cannot be published: it is not UTF-8")
    expect((await run(["observe", "not-utf8"])).stdout).toContain('"position":700')
  })

  test("a line that is too long ends it with its number, and what came before it is published", async () => {
    const bad = await publish("too-long", `one\n${"x".repeat(262_143)}\nthree\n`)
    expect(bad.code).toBe(6)
    expect(bad.stderr).toContain("line 2 cannot be published: its data is longer than 262144 bytes of JSON")
    expect((await run(["tail", "too-long", "--no-follow"])).stdout).toBe("one\n")
  })

  test("drafts keep their kinds; what is no line comes out as JSON", async () => {
    await publish("drafts", '{"kind":"line","data":"a"}\n{"kind":"turn.text","data":{"n":1.50}}\n{"kind":"line","data":7}\n', "--ndjson")
    const { stdout } = await run(["tail", "drafts", "--no-follow"])
    const [first, second, third] = stdout.split("\n")
    expect(first).toBe("a")
    expect(JSON.parse(second ?? "")).toMatchObject({ position: 2, revision: 0, kind: "turn.text", data: { n: 1.5 } })
    expect(JSON.parse(third ?? "")).toMatchObject({ position: 3, kind: "line", data: 7 })
    const filtered = await run(["tail", "drafts", "--no-follow", "--kinds", "line"])
    expect(filtered.stdout.split("\n").length - 1).toBe(2)
  })

  test("a producer goes on where it stopped, and another input under its name is refused", async () => {
    await publish("producer", lines(30), "--producer", "p")
    const more = await publish("producer", lines(50), "--producer", "p")
    expect(more.code).toBe(0)
    expect(more.stderr).toContain("20 lines published to producer, 30 lines had been published before")
    const shorter = await publish("producer", lines(10), "--producer", "p")
    expect([shorter.code, shorter.stderr]).toEqual([6, expect.stringContaining("only 10")])
    expect((await run(["tail", "producer", "--no-follow"])).stdout).toBe(lines(50))
  })

  test("an empty input is no failure and makes no session", async () => {
    const empty = await publish("empty", "")
    expect([empty.code, empty.stderr]).toEqual([0, "tidemark: the input is empty; nothing was published\n"])
    expect((await run(["observe", "empty"])).code).toBe(4)
  })

  test("a closed session takes nothing more, and a tail ends with it", async () => {
    await publish("closing", "one\n")
    expect((await run(["close", "closing", "--reason", "done here"])).code).toBe(0)
    expect((await run(["close", "closing"])).code).toBe(0)
    const late = await publish("closing", "two\n")
    expect([late.code, late.stderr]).toEqual([5, expect.stringContaining("closed")])
    const tail = await run(["tail", "closing"])
    expect([tail.code, tail.stdout, tail.stderr]).toEqual([0, "one\n", "tidemark: the session is closed: done here\n"])
  })

  test("a tail waits for a session that is not there, says so, and ends on Ctrl-C with the shell's exit code", async () => {
    const tail = tidemark(["tail", "later", "--url", host.url])
    await tail.until(() => tail.stderr.includes("later is not there yet; waiting for it"))
    await publish("later", "here\n")
    await tail.until(() => tail.stdout === "here\n")
    tail.kill("SIGINT")
    expect(await tail.ended).toMatchObject({ code: 130, stdout: "here\n" })
  })

  test("a reader that goes away ends it quietly", async () => {
    await publish("head", lines(50))
    const tail = tidemark(["tail", "head", "--url", host.url])
    tail.child.stdout?.destroy()
    await publish("head", lines(50))
    expect(await tail.ended).toMatchObject({ code: 0, stderr: "" })
  })

  test("what a reader that went away was not given is printed the next time", async () => {
    await publish("gone", lines(10))
    const words = ["tail", "gone", "--no-follow", "--cursor-file", file("gone.cursor")]
    const gone = tidemark([...words, "--url", host.url])
    gone.child.stdout?.destroy()
    expect((await gone.ended).code).toBe(0)
    expect((await run(words)).stdout).toBe(lines(10))
  })

  test.runIf(existsSync("/dev/full"))("an output that has no room is one sentence and exit code 6, and no place is kept", async () => {
    await publish("full", lines(10))
    const place = file("full.cursor")
    for (const words of [["tail", "full", "--no-follow", "--cursor-file", place], ["observe", "full"], ["sessions"], ["--help"]]) {
      const { code, stderr } = await intoFull([...words, "--url", host.url])
      const sentence = "tidemark: standard output cannot be written: ENOSPC: no space left on device, write\n"
      expect([code, stderr], words.join(" ")).toEqual([6, sentence])
    }
    expect(existsSync(place)).toBe(false)
  })

  test("Ctrl-C ends a publish that waits for input: whole lines that were read are published, half a line is not", async () => {
    const publishing = tidemarkOpen(["publish", "interrupted", "--url", host.url])
    const tail = tidemark(["tail", "interrupted", "--url", host.url])
    publishing.child.stdin?.write("one\ntwo\nhal")
    await tail.until(() => tail.stdout === "one\ntwo\n")
    publishing.kill("SIGINT")
    expect(await publishing.ended).toMatchObject({ code: 130, stderr: expect.stringContaining("2 lines published to interrupted") })
    tail.kill("SIGTERM")
    expect(await tail.ended).toMatchObject({ code: 143, stdout: "one\ntwo\n" })
  })

  test("where to begin: the start, the end, the last few, or an observation", async () => {
    await publish("from", lines(5))
    expect((await run(["tail", "from", "--no-follow", "--from", "tail:2"])).stdout).toBe("line 4\nline 5\n")
    expect((await run(["tail", "from", "--no-follow", "--from", "now"])).stdout).toBe("")
    const observed = await run(["tail", "from", "--no-follow", "--from", "observation"])
    expect(JSON.parse(observed.stdout)).toMatchObject({ session: "from", position: 5 })
  })

  test("as JSON every item is a line of its own, with its cursor", async () => {
    await publish("items", "a\n")
    const { stdout } = await run(["tail", "items", "--no-follow", "--json"])
    const items = stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
    expect(items).toMatchObject([{ type: "event", event: { position: 1, data: "a" } }, { type: "caught_up", position: 1 }])
    expect(items[0].cursor).toBe(items[1].cursor)
  })
})

describe("cursor files", () => {
  const tailInto = (session: string, output: string, cursor: string, ...words: string[]) =>
    run(["tail", session, "--output", file(output), "--cursor-file", file(cursor), "--no-follow", ...words])

  test("an output file grows from where it stood", async () => {
    await publish("grow", lines(3))
    expect((await tailInto("grow", "grow.txt", "grow.cursor")).code).toBe(0)
    await publish("grow", lines(2, 4))
    expect((await tailInto("grow", "grow.txt", "grow.cursor")).code).toBe(0)
    expect(readFileSync(file("grow.txt"), "utf8")).toBe(lines(5))
    expect(JSON.parse(readFileSync(file("grow.cursor"), "utf8"))).toMatchObject({ bytes: 35 })
  })

  test("standard output goes on from its cursor file, and the two kinds of cursor file are not mixed up", async () => {
    await publish("both", lines(3))
    const words = ["tail", "both", "--no-follow", "--cursor-file", file("both.cursor")]
    expect((await run(words)).stdout).toBe(lines(3))
    expect((await run(words)).stdout).toBe("")
    const mixed = await tailInto("both", "both.txt", "both.cursor")
    expect([mixed.code, mixed.stderr]).toEqual([6, expect.stringContaining("without --output")])
    await tailInto("both", "both.txt", "both.output.cursor")
    const other = await run(["tail", "both", "--no-follow", "--cursor-file", file("both.output.cursor")])
    expect([other.code, other.stdout]).toEqual([6, ""])
  })

  test("a cursor of another session is refused by name, and the output stays as it was", async () => {
    await publish("mine", lines(2))
    await publish("yours", lines(2))
    await tailInto("mine", "mine.txt", "mine.cursor")
    const wrong = await tailInto("yours", "mine.txt", "mine.cursor")
    expect([wrong.code, wrong.stderr]).toEqual([5, expect.stringContaining(`${file("mine.cursor")}, read for session yours: `)])
    expect(readFileSync(file("mine.txt"), "utf8")).toBe(lines(2))
  })

  test("a cursor that the host refuses, or that no host has judged yet, leaves both files as they were", async () => {
    await publish("judged", lines(2))
    const place = '{"cursor":"1.x","bytes":5}'
    writeFileSync(file("judged.txt"), "precious\n")
    writeFileSync(file("judged.cursor"), place)
    const words = ["tail", "judged", "--output", file("judged.txt"), "--cursor-file", file("judged.cursor")]
    const refused = await run(words)
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining("judged.cursor, read for session judged: The cursor was cut")])
    expect((await tidemark([...words, "--url", "http://127.0.0.1:1"]).ended).code).toBe(3)
    expect([readFileSync(file("judged.txt"), "utf8"), readFileSync(file("judged.cursor"), "utf8")]).toEqual(["precious\n", place])
  })

  test("what lies beyond the cursor is cut once the host has taken it, also when nothing new comes", async () => {
    await publish("beyond", lines(2))
    await tailInto("beyond", "beyond.txt", "beyond.cursor")
    writeFileSync(file("beyond.txt"), `${lines(2)}torn`)
    expect((await tailInto("beyond", "beyond.txt", "beyond.cursor")).code).toBe(0)
    expect(readFileSync(file("beyond.txt"), "utf8")).toBe(lines(2))
  })

  test("one path for both files, or the output where the cursor file is made, is exit code 2", async () => {
    const same = await tailInto("same", "same", "same")
    const within = await tailInto("same", "same.tmp", "same")
    expect([same.code, same.stderr]).toEqual([2, "tidemark: --output and --cursor-file name the same file; they are two.\n"])
    expect([within.code, within.stderr]).toEqual([2, expect.stringContaining("name another output")])
    expect([existsSync(file("same")), existsSync(file("same.tmp"))]).toEqual([false, false])
  })

  test("a cursor file that cannot be written is refused before a line is printed or a file is made", async () => {
    await publish("unwritable", lines(2))
    mkdirSync(file("unwritable.cursor.tmp"))
    const words = ["tail", "unwritable", "--no-follow", "--cursor-file"]
    const places = [file("unwritable.cursor"), file("no/such.cursor"), ...(process.platform === "linux" ? ["/proc/tidemark.cursor"] : [])]
    for (const place of places) {
      for (const output of [[], ["--output", file("unwritable.txt")]]) {
        const { code, stdout, stderr } = await run([...words, place, ...output])
        expect([code, stdout], place).toEqual([6, ""])
        expect(stderr).toMatch(/^tidemark: \S+ cannot be written: .+\n$/)
      }
    }
    expect(existsSync(file("unwritable.txt"))).toBe(false)
  })

  test("an output that is not empty and has no cursor file is refused and left alone", async () => {
    await publish("precious", lines(2))
    writeFileSync(file("precious.txt"), "precious\n")
    const refused = await tailInto("precious", "precious.txt", "precious.cursor")
    expect([refused.code, existsSync(file("precious.cursor"))]).toEqual([6, false])
    expect(readFileSync(file("precious.txt"), "utf8")).toBe("precious\n")
  })

  test("a folder that is not there, or may not be written to, is exit code 6 and no trace of ours", async () => {
    await publish("nowhere", lines(2))
    const missing = await tailInto("nowhere", "no/such.txt", "nowhere.cursor")
    expect([missing.code, missing.stderr]).toEqual([6, expect.stringContaining("its folder is not there")])
    const folderAsCursor = await run(["tail", "nowhere", "--no-follow", "--cursor-file", folder])
    expect([folderAsCursor.code, folderAsCursor.stderr]).toEqual([6, expect.not.stringContaining("    at ")])
  })

  test("a second tail on the same file is refused while the first one runs", async () => {
    await publish("twice", lines(2))
    const first = tidemark(["tail", "twice", "--url", host.url, "--output", file("twice.txt"), "--cursor-file", file("twice.cursor")])
    await first.until(() => first.stderr.includes("caught up at position 2"))
    const second = await tailInto("twice", "twice.txt", "other.cursor")
    expect([second.code, second.stderr]).toEqual([6, expect.stringContaining("another tidemark is writing")])
    first.kill("SIGTERM")
    expect((await first.ended).code).toBe(143)
    expect((await tailInto("twice", "twice.txt", "twice.cursor")).code).toBe(0)
    expect(readFileSync(file("twice.txt"), "utf8")).toBe(lines(2))
  })

  test("a gap is told, writes nothing into the file, reading goes on with what is there, and the exit code is 7", async () => {
    await publish("gap", lines(10))
    await tailInto("gap", "gap.txt", "gap.cursor")
    await publish("gap", lines(300, 11))
    const tail = await tailInto("gap", "gap.txt", "gap.cursor")
    expect(tail.code).toBe(7)
    expect(tail.stderr).toContain("gap (trimmed): what follows the cursor is no longer kept; 200 entries are missing here")
    expect(readFileSync(file("gap.txt"), "utf8")).toBe(lines(10) + lines(100, 211))
    expect((await tailInto("gap", "gap.txt", "gap.cursor")).code).toBe(0)
  })
})

describe("single calls", () => {
  test("a commit settles the view, from an argument or from standard input, and expectations are kept", async () => {
    await publish("view", lines(2))
    expect(JSON.parse((await run(["commit", "view", "--view", '{"n":1}'])).stdout)).toMatchObject({ session: "view", last: 3, revision: 1 })
    expect(JSON.parse((await run(["commit", "view", "--expect-revision", "1"], '{"n":2}')).stdout)).toMatchObject({ last: 4, revision: 2 })
    const stale = await run(["commit", "view", "--view", "3", "--expect-revision", "1"])
    expect([stale.code, stale.stdout]).toEqual([5, ""])
    expect(JSON.parse((await run(["observe", "view"])).stdout)).toMatchObject({ revision: 2, position: 4, view: { n: 2 } })
  })

  test("a key gives the first answer again, and another content under it is refused", async () => {
    const once = await run(["commit", "keyed", "--view", "1", "--key", "k"])
    expect((await run(["commit", "keyed", "--view", "1", "--key", "k"])).stdout).toBe(once.stdout)
    expect((await run(["commit", "keyed", "--view", "2", "--key", "k"])).code).toBe(5)
  })

  test("a view that JSON cannot carry unchanged is refused before anything is sent", async () => {
    for (const view of ["", "{", "9007199254740993", '"\\ud800"', "1 2"]) {
      const { code, stderr } = await run(["commit", "refused-view", `--view=${view}`])
      expect([code, stderr], view).toEqual([6, expect.stringContaining("the view cannot be taken as JSON")])
    }
    expect((await run(["commit", "refused-view"], Buffer.from([0x22, 0xff, 0x22]))).code).toBe(6)
    expect((await run(["observe", "refused-view"])).code).toBe(4)
  })

  test("a trim lets go of what it is not told to keep, and answers with the session", async () => {
    await publish("trimmed", lines(9))
    const trim = async (...words: string[]) => JSON.parse((await run(["trim", "trimmed", ...words])).stdout)
    expect(await trim("--keep-events", "9", "--keep-age", "1h")).toMatchObject({ session: "trimmed", head: 9, earliest: 1 })
    expect(await trim("--keep-events", "4")).toMatchObject({ head: 9, earliest: 6 })
    const tail = await run(["observe", "trimmed"])
    expect([tail.code, JSON.parse(tail.stdout).provisional.events.length]).toEqual([0, 9])
    expect(await trim("--keep-bytes", "0.5KiB", "--keep-events", "0")).toMatchObject({ head: 9, earliest: 10 })
  })

  test("explain says what a resume would do with a cursor, or with the one a tail keeps", async () => {
    await publish("explained", lines(2))
    await run(["tail", "explained", "--no-follow", "--cursor-file", file("explained.cursor")])
    await publish("explained", lines(3, 3))
    const answer = JSON.parse((await run(["explain", "explained", "--cursor-file", file("explained.cursor")])).stdout)
    expect(answer).toMatchObject({ outcome: "replayed", entries: 3, missed: 0, head: 5, cursor: { position: 2 } })
    const missing = await run(["explain", "explained", "--cursor-file", file("none")])
    expect([missing.code, missing.stderr]).toEqual([6, expect.stringContaining("no tail has kept its place there yet")])
  })

  test("sessions are listed in the order of their ids", async () => {
    await publish("zz-listed", lines(2))
    const listed = (await run(["sessions"])).stdout.trimEnd().split("\n")
    expect(listed.at(-1)).toBe("zz-listed  positions 1–2  revision 0  readers 0")
    expect(listed).toEqual(listed.toSorted())
  })
})
