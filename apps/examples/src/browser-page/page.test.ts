// The page in a real browser: what a person sees when all is well, when the connection is lost, and when something is
// missing. Its pictures go to the temporary folder, for whoever changes how it looks.

import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { append, close, commit } from "@tidemark/client"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { afterAll, afterEach, describe, expect, test } from "vitest"
import { launchChromium } from "../chromium.ts"
import { FaultProxy } from "../fault-proxy.testing.ts"
import { listen, startHost, stopServer } from "../host-process.ts"
import { pageServer } from "./page-server.ts"

/** The log keeps this many entries of a session. */
const kept = 200
const limits = { "memory-log-events": `${kept}`, "window-events": "64", retry: "10ms" }

const host = await startHost(limits)
const web = pageServer(new URL(host.url))
const proxy = await FaultProxy.start(await listen(web), { seed: 7, bytesMax: 8000 })
const launched = await launchChromium()
const failures: string[] = []

afterAll(async () => {
  if (launched.type === "launched") await launched.browser.close()
  await proxy.stop()
  stopServer(web)
  await host.stop()
})

const line = (data: string) => ({ kind: "line", data })
const numbered = (count: number, from = 1) => Array.from({ length: count }, (_, i) => line(`line ${from + i}`))

/** What the page has: the text of its rows, one by one. */
const rows = (page: Page): Promise<readonly string[]> => page.locator(".event .text").allTextContents()
const state = (page: Page, wanted: string): Promise<unknown> => page.waitForSelector(`#status[data-state="${wanted}"]`)
const counter = (page: Page, id: string, wanted: number): Promise<void> => page.locator(`#${id}`, { hasText: new RegExp(`^${wanted}$`) }).waitFor()
const proof = (page: Page): Promise<string | null> => page.locator("#proof").textContent()

function browser(): Browser {
  if (launched.type === "missing") throw new Error(launched.because)
  return launched.browser
}

async function open(session: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await (await browser().newContext(options)).newPage()
  page.on("pageerror", (error) => failures.push(String(error)))
  await page.goto(`${proxy.url}/?session=${session}`)
  return page
}

test("there is a browser, or this is no CI and the page is not tested", () => {
  if (launched.type === "missing") console.warn(`The page is not tested: ${launched.because}`)
  expect(launched.type === "launched" || process.env["CI"] === undefined).toBe(true)
})

describe.skipIf(launched.type === "missing")("the page", () => {
  afterEach(async () => {
    proxy.cutting = false
    proxy.down = false
    await Promise.all(browser().contexts().map((context) => context.close()))
    expect(failures).toEqual([])
  })

  test("a session that is not there is waited for, and the page says how to make one", async () => {
    const page = await open("later")
    await state(page, "waiting")
    expect(await page.getByRole("status").textContent()).toBe("Waiting for the session's first event")
    expect(await page.locator("#hint").textContent()).toBe("npm ls --all 2>&1 | npx --no-install tidemark publish later")
    await append({ url: host.url, session: "later" }, [line("here it is")])
    await state(page, "live")
    expect(await rows(page)).toEqual(["here it is"])
    expect(await page.locator("#empty").isHidden()).toBe(true)
  })

  test("every line is there once, in order, over a connection that is cut again and again, and the page says so", async () => {
    const at = { url: host.url, session: "cut" }
    await append(at, numbered(10))
    const page = await open("cut")
    await state(page, "live")
    proxy.cutting = true
    const cutsBefore = proxy.cuts
    for (let i = 11; i <= 150; i += 10) await append(at, numbered(10, i))
    await page.locator(".event").nth(149).waitFor()
    proxy.cutting = false
    await close(at, "all said")
    await state(page, "closed")
    expect(await rows(page)).toEqual(numbered(150).map(({ data }) => data))
    expect(await proof(page)).toBe("Every entry from 1 to 150 is here, once and in order.")
    expect(await page.locator(".closed").textContent()).toBe("The session was closed: all said. Nothing will follow.")
    expect(proxy.cuts - cutsBefore).toBeGreaterThanOrEqual(3)
  })

  test("a lost connection is shown where it was lost, and what was missed follows it", async () => {
    const at = { url: host.url, session: "lost" }
    await append(at, numbered(2))
    const page = await open("lost")
    await state(page, "live")
    await page.context().setOffline(true)
    proxy.cutAll()
    await state(page, "reconnecting")
    await append(at, numbered(2, 3))
    await page.context().setOffline(false)
    await state(page, "live")
    const shown = await page.locator("#lines > li .text").allTextContents()
    expect([...shown.slice(0, 2), ...shown.slice(3)]).toEqual(["line 1", "line 2", "line 3", "line 4"])
    expect(shown[2]).toMatch(/^Connection lost for [\d.]+ s, then resumed right here: nothing is missing\.$/)
    await counter(page, "resumed", 1)
  })

  test("a gap is said in words, where it is, and once; reading goes on behind it", async () => {
    const at = { url: host.url, session: "gap" }
    await append(at, numbered(20))
    const page = await open("gap", { viewport: { width: 1100, height: 720 } })
    await state(page, "live")
    proxy.down = true
    proxy.cutAll()
    await state(page, "reconnecting")
    for (let i = 21; i <= 600; i += 20) await append(at, numbered(20, i))
    proxy.down = false
    await state(page, "live")
    const shown = await page.locator("#lines > li .text").allTextContents()
    const said = "380 entries are missing: this page was away for longer than the log keeps. It goes on at 401."
    expect(shown.slice(0, 20)).toEqual(numbered(20).map(({ data }) => data))
    expect(shown.slice(21)).toEqual([said, ...numbered(200, 401).map(({ data }) => data)])
    expect(await page.locator("#spoken").textContent()).toBe(said)
    await counter(page, "gaps", 1)
    expect(await proof(page)).toBe("Every entry from 1 to 600 is here, once and in order, but for the gap said above.")
    await page.evaluate("document.querySelector('.gap').scrollIntoView({ block: 'center' })")
    await page.getByRole("button", { name: "Newest lines" }).waitFor()
    await page.screenshot({ path: join(tmpdir(), "tidemark-page-gap.png") })
    await page.getByRole("button", { name: "Newest lines" }).click()
    await page.getByRole("button", { name: "Newest lines" }).waitFor({ state: "hidden" })
    expect(await page.getByText("line 600").isVisible()).toBe(true)
  })

  test("a host that was away, and came back without its sessions, is waited for; the page says that what follows is new", async () => {
    const first = await startHost(limits)
    const other = pageServer(new URL(first.url))
    const url = await listen(other)
    await append({ url: first.url, session: "again" }, numbered(3))
    const page = await (await browser().newContext()).newPage()
    await page.goto(`${url}/?session=again`)
    await state(page, "live")
    await first.stop("SIGKILL")
    await state(page, "reconnecting")
    const second = await startHost(limits, new URL(first.url).port)
    await append({ url: second.url, session: "again" }, numbered(2, 10))
    await state(page, "live")
    expect(await rows(page)).toEqual(["line 1", "line 2", "line 3", "line 10", "line 11"])
    expect(await page.locator(".gap").textContent()).toBe(
      "The session was made anew, or its log was lost. What follows belongs to the new one.",
    )
    expect(await proof(page)).toBe("Every entry from 1 to 2 is here, once and in order.")
    await page.close()
    stopServer(other)
    await second.stop()
  })

  /** A page of a host that answers the n-th request for a stream with the n-th text and leaves it open, or ends it. */
  const openScripted = async (answers: readonly { readonly text: string; readonly ends?: true }[]) => {
    const asked: string[] = []
    const scripted = createServer((request, response) => {
      const { text = "", ends } = answers[asked.push(request.url ?? "") - 1] ?? {}
      response.writeHead(200, { "content-type": "text/event-stream" }).write(`retry: 10\n\n${text}`)
      if (ends === true) response.end()
    })
    const server = pageServer(new URL(await listen(scripted)))
    const page = await (await browser().newContext()).newPage()
    await page.goto(await listen(server))
    return { page, asked, stop: () => [server, scripted].forEach(stopServer) }
  }
  const frame = (event: string, data: object, id?: string): string =>
    `event: ${event}\ndata: ${JSON.stringify(data)}\n${id === undefined ? "" : `id: ${id}\n`}\n`
  const event = (position: number): string =>
    frame("message", { position, revision: 0, kind: "line", at: "2026-11-21T08:30:00.000Z", data: `line ${position}` }, `cursor-${position}`)

  test("a gap that is said again, because the connection was cut before anything followed it, is one gap in its last words", async () => {
    const gap = (missed: number) => frame("gap", { reason: "trimmed", requested: "cursor-1", missed, earliest: 2 + missed, head: 20 })
    const { page, stop } = await openScripted([
      { text: frame("hello", { heartbeatMs: 15_000 }) + event(1) + frame("caught_up", { position: 1 }, "cursor-1"), ends: true },
      { text: frame("hello", { heartbeatMs: 15_000 }) + gap(5), ends: true },
      { text: frame("hello", { heartbeatMs: 15_000 }) + gap(8) + event(10) + frame("caught_up", { position: 10 }, "cursor-10") },
    ])
    await counter(page, "resumed", 1)
    expect(await page.locator(".gap").allTextContents()).toEqual([
      "8 entries are missing: this page was away for longer than the log keeps. It goes on at 10.",
    ])
    expect(await proof(page)).toBe("Every entry from 1 to 10 is here, once and in order, but for the gap said above.")
    stop()
  })

  test("a step that nobody explained is called what it is", async () => {
    const { page, stop } = await openScripted([{ text: frame("hello", { heartbeatMs: 15_000 }) + event(1) + event(3) }])
    await counter(page, "events", 2)
    expect(await proof(page)).toBe("This must not happen: position 3 came after 1.")
    stop()
  })

  test("a connection that is silent for three heartbeats is given up, and the next one goes on from the last id", async () => {
    const { page, asked, stop } = await openScripted([
      { text: frame("hello", { heartbeatMs: 20 }) + event(1) + frame("caught_up", { position: 1 }, "cursor-1") },
      { text: frame("hello", { heartbeatMs: 15_000 }) + event(2) + frame("caught_up", { position: 2 }, "cursor-2") },
    ])
    await counter(page, "events", 2)
    expect(asked).toEqual([
      "/v1/sessions/deps/subscribe?from=start&recover=rest&missing=wait",
      "/v1/sessions/deps/subscribe?from=start&recover=rest&missing=wait&cursor=cursor-1",
    ])
    expect(await proof(page)).toBe("Every entry from 1 to 2 is here, once and in order.")
    stop()
  })

  test("what was published is shown as text, and can be nothing else", async () => {
    const at = { url: host.url, session: "text" }
    const hostile = '<img src=x onerror="document.title = 1"> two\nlines'
    await append(at, [line(hostile), { kind: "turn.text", data: { text: "Hello" } }])
    await commit(at, { view: "settled" })
    const page = await open("text")
    await state(page, "live")
    expect(await rows(page)).toEqual([hostile, '{\n  "text": "Hello"\n}', "settled"])
    expect(await page.locator(".kind").allTextContents()).toEqual(["", "turn.text", "committed"])
    expect(await page.locator("#lines img").count()).toBe(0)
    await counter(page, "revision", 1)
  })

  test("a refusal is said with what to do about it", async () => {
    const page = await open("no%20name")
    await state(page, "refused")
    expect(await page.getByRole("status").textContent()).toMatch(/^Refused: .*1–128/)
  })

  test.for([["desktop", 1280, 800], ["phone", 360, 700]] as const)("it fits a %s: only the lines scroll", async ([device, width, height]) => {
    const at = { url: host.url, session: `fits-${device}` }
    await append(at, numbered(60).map(({ data }) => line(`${data} ├─┬ ${"a-long-word".repeat(20)}`)))
    const page = await open(at.session, { viewport: { width, height } })
    await state(page, "live")
    await counter(page, "events", 60)
    expect(await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")).toEqual([width, height])
    expect(await page.evaluate("getComputedStyle(document.getElementById('log')).overflowY")).toBe("auto")
    expect(await page.evaluate("document.getElementById('log').scrollWidth - document.getElementById('log').clientWidth")).toBe(0)
    await page.screenshot({ path: join(tmpdir(), `tidemark-page-${device}.png`) })
  })

  test("the session is named, and another one can be followed with the keyboard alone", async () => {
    const page = await open("here")
    await append({ url: host.url, session: "there" }, [line("hello from there")])
    await page.getByLabel("Session", { exact: true }).fill("there")
    await page.keyboard.press("Enter")
    await page.waitForURL(/session=there$/)
    await state(page, "live")
    expect(await page.title()).toBe("there · Tidemark")
    expect(await page.getByRole("log").textContent()).toContain("hello from there")
  })
})
