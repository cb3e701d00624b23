// Other people's clients, and ours, on a network that cuts them again and again: the server's half of the promise, kept
// for whoever speaks the event stream format. The first of them is a browser's own `EventSource`, in a real browser.

import { fetchEventSource } from "@microsoft/fetch-event-source"
import { append, close, connect, publish } from "@tidemark/client"
import { EventSource } from "eventsource"
import { createEventSource } from "eventsource-client"
import { afterAll, describe, expect, test, vi } from "vitest"
import { pageServer } from "./browser-page/page-server.ts"
import { launchChromium } from "./chromium.ts"
import { FaultProxy, type FaultProxyOptions } from "./fault-proxy.testing.ts"
import { listen, startHost, stopServer } from "./host-process.ts"

/** Reads to the close of the session and gives the events' data; says when the first one came. */
type Read = (url: string, begun: () => void) => Promise<readonly string[]>

const host = await startHost({ retry: "10ms" })
const web = pageServer(new URL(host.url))
const webUrl = await listen(web)
const launched = await launchChromium()
const context = launched.type === "launched" ? await launched.browser.newContext({ bypassCSP: true }) : undefined

afterAll(async () => {
  if (launched.type === "launched") await launched.browser.close()
  stopServer(web)
  await host.stop()
})

const events = Array.from({ length: 500 }, (_, i) => `event ${i + 1}: ☃ 🌊 "é"\r\n`)

const dataOf = (text: string): string => JSON.parse(text).data

/** The whole of what a page needs: no state of its own, no cursor, no pause. */
const nativeEventSource: Read = async (url, begun) => {
  if (context === undefined) throw new Error("there is a browser")
  const page = await context.newPage()
  await page.exposeFunction("begun", begun)
  await page.goto(new URL("/page.css", url).href) // the same origin, and no script of its own
  const received = await page.evaluate<string[]>(`new Promise((resolve) => {
    const source = new EventSource(${JSON.stringify(url)})
    const received = []
    const end = () => (source.close(), resolve(received))
    window.source = source
    source.onmessage = ({ data }) => received.push(JSON.parse(data).data) === 1 && begun()
    source.onerror = () => source.readyState === EventSource.CLOSED && end()
    source.addEventListener("closed", end)
  })`)
  await page.close()
  return received
}

const eventsource: Read = (url, begun) =>
  new Promise((resolve) => {
    const source = new EventSource(url)
    const received: string[] = []
    const end = (): void => {
      source.close()
      resolve(received)
    }
    source.onmessage = ({ data }) => received.push(dataOf(data)) === 1 && begun()
    source.onerror = ({ code }) => code === 204 && end()
    source.addEventListener("closed", end)
  })

const eventsourceClient: Read = (url, begun) =>
  new Promise((resolve) => {
    const received: string[] = []
    const source = createEventSource({
      url,
      onMessage: ({ event, data }) => {
        if (event === undefined && received.push(dataOf(data)) === 1) begun()
        if (event === "closed") end()
      },
      onDisconnect: () => source.readyState === "closed" && end(),
    })
    const end = (): void => {
      source.close()
      resolve(received)
    }
  })

/** It is made for browsers, and asks for these two even where it does not need them. */
vi.stubGlobal("window", globalThis)
vi.stubGlobal("document", new EventTarget())

const microsoftFetchEventSource: Read = async (url, begun) => {
  const received: string[] = []
  const ended = new AbortController()
  await fetchEventSource(url, {
    signal: ended.signal,
    openWhenHidden: true,
    onopen: async ({ status }) => {
      if (status === 204) ended.abort()
    },
    onclose: () => {
      throw new Error("an end without `closed` is a cut") // what is thrown here makes it reconnect
    },
    onmessage: ({ event, data }) => {
      if (data === "") return // a block without data, which the standard does not dispatch
      if (event === "" && received.push(dataOf(data)) === 1) begun()
      if (event === "closed") ended.abort()
    },
  })
  return received
}

const timing = { backoffMinMs: 5, backoffMaxMs: 20 }

const ours: Read = async (url, begun) => {
  const { origin, pathname } = new URL(url)
  const received: string[] = []
  for await (const item of connect({ url: origin, session: pathname.split("/")[3] ?? "", from: "start", timing })) {
    if (item.type === "event" && received.push(String(item.event.data)) === 1) begun()
  }
  return received
}

type Spares = Pick<FaultProxyOptions, "resetsHeads" | "sparesLineEnds">

interface Cut {
  readonly received: readonly string[]
  readonly cuts: number
}

/** 500 events, published while the reader's connection is cut wherever the seed says. */
async function readWhileCut(session: string, read: Read, target = host.url, spares: Spares = {}): Promise<Cut> {
  const proxy = await FaultProxy.start(target, { seed: 2026, bytesMax: 8000, ...spares })
  const at = { url: host.url, session }
  const drafts = events.map((data) => ({ kind: "line", data }))
  await append(at, drafts.slice(0, 10))
  let begun = (): void => {}
  const first = new Promise<void>((resolve) => (begun = resolve))
  const reading = read(`${proxy.url}/v1/sessions/${session}/subscribe?from=start`, begun)
  await Promise.race([first, reading])
  proxy.cutting = true
  for (let i = 10; i < drafts.length; i += 10) await append(at, drafts.slice(i, i + 10))
  await close(at)
  const received = await reading
  await proxy.stop()
  return { received, cuts: proxy.cuts }
}

test("there is a browser, or this is no CI and its EventSource is not tested", () => {
  if (launched.type === "missing") console.warn(`The browser's own EventSource is not tested: ${launched.because}`)
  expect(launched.type === "launched" || process.env["CI"] === undefined).toBe(true)
})

describe.skipIf(launched.type === "missing")("a browser's own EventSource", () => {
  test("has each event once, in order, over some thirty cuts", async () => {
    const { received, cuts } = await readWhileCut("native", nativeEventSource, webUrl, { resetsHeads: true })
    expect(received).toEqual(events)
    expect(cuts).toBeGreaterThanOrEqual(20)
  })

  test("has each event once, in order, when it was offline", async () => {
    const proxy = await FaultProxy.start(webUrl, { seed: 1, bytesMax: 1 })
    const at = { url: host.url, session: "offline" }
    await append(at, [{ kind: "line", data: "before" }])
    let begun = (): void => {}
    const first = new Promise<void>((resolve) => (begun = resolve))
    const reading = nativeEventSource(`${proxy.url}/v1/sessions/offline/subscribe?from=start`, begun)
    await first
    await context?.setOffline(true)
    proxy.cutAll()
    await context?.pages()[0]?.waitForFunction("source.readyState === EventSource.CONNECTING")
    await append(at, [{ kind: "line", data: "while it was away" }])
    await context?.setOffline(false)
    await append(at, [{ kind: "line", data: "after" }])
    await close(at)
    expect(await reading).toEqual(["before", "while it was away", "after"])
    await proxy.stop()
  })
})

test("eventsource has each event once, in order, over some thirty cuts", async () => {
  const { received, cuts } = await readWhileCut("eventsource", eventsource)
  expect(received).toEqual(events)
  expect(cuts).toBeGreaterThanOrEqual(20)
})

test("eventsource-client has each event once, in order, over some thirty cuts", async () => {
  const { received, cuts } = await readWhileCut("eventsource-client", eventsourceClient)
  expect(received).toEqual(events)
  expect(cuts).toBeGreaterThanOrEqual(20)
})

test("@microsoft/fetch-event-source has each event once, in order, wherever it is not cut between an id and its frame's end", async () => {
  const { received, cuts } = await readWhileCut("fetch-event-source", microsoftFetchEventSource, host.url, { sparesLineEnds: true })
  expect(received).toEqual(events)
  expect(cuts).toBeGreaterThanOrEqual(20)
})

test("our own client has each event once, in order, over some thirty cuts", async () => {
  const { received, cuts } = await readWhileCut("ours", ours)
  expect(received).toEqual(events)
  expect(cuts).toBeGreaterThanOrEqual(20)
})

test("what our publisher sends over a cut connection is recorded once, in order", async () => {
  const proxy = await FaultProxy.start(host.url, { seed: 5, bytesMax: 8000 })
  proxy.cutting = true
  const drafts = events.map((data) => ({ kind: "line", data }))
  await publish({ url: proxy.url, session: "published", drafts, batch: { lines: 10 }, timing })
  await proxy.stop()
  await close({ url: host.url, session: "published" })
  expect(await ours(`${host.url}/v1/sessions/published/subscribe`, () => {})).toEqual(events)
  expect(proxy.cuts).toBeGreaterThanOrEqual(10)
})
