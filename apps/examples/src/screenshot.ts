// `npm run screenshot`: takes the README's picture of the example page anew, from the real thing: what `npm ls --all`
// prints, a connection that is cut and resumed, and a gap, because the host keeps only so many entries.

import { execFile } from "node:child_process"
import { mkdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { publish } from "@tidemark/client"
import type { Page } from "playwright-core"
import { pageServer } from "./browser-page/page-server.ts"
import { launchChromium } from "./chromium.ts"
import { listen, startHost, stopServer } from "./host-process.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const folder = join(root, "docs", "images")
const picture = join(folder, "page.png")
const bytesMax = 120 * 1024
const session = "deps"

const lines = (await npmLs()).split("\n").filter((line) => line !== "")
const outcome = await launchChromium()
if (outcome.type === "missing") throw new Error(outcome.because)
const host = await startHost({ "memory-log-events": "150", "window-events": "64", retry: "50ms" })
const web = pageServer(new URL(host.url))
try {
  const page = await outcome.browser.newPage({ viewport: { width: 960, height: 620 }, colorScheme: "light" })
  await record(0, 60)
  await page.goto(`${await listen(web)}/?session=${session}`)
  await live(page)
  await whileAway(page, () => record(60, 64))
  await whileAway(page, () => record(64, lines.length))
  await page.evaluate("document.querySelector('.gap').scrollIntoView({ block: 'center' })")
  await page.getByRole("button", { name: "Newest lines" }).waitFor()
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: picture, animations: "disabled" })
} finally {
  await outcome.browser.close()
  stopServer(web)
  await host.stop()
}
const { size } = statSync(picture)
console.log(`docs/images/page.png: ${Math.ceil(size / 1024)} KiB, of ${lines.length} lines`)
if (size > bytesMax) {
  console.error(`That is more than ${bytesMax / 1024} KiB.`)
  process.exitCode = 1
}

/** Its exit code says what it thinks of the tree; the lines are what is wanted. */
function npmLs(): Promise<string> {
  const npm = process.env["npm_execpath"]
  const [command, words] = npm === undefined ? ["npm", ["ls", "--all"]] : [process.execPath, [npm, "ls", "--all"]]
  return new Promise((resolve) => execFile(command, words, { cwd: root }, (_error, stdout) => resolve(stdout)))
}

function record(from: number, to: number): Promise<unknown> {
  return publish({ url: host.url, session, drafts: lines.slice(from, to).map((data) => ({ kind: "line", data })), batch: { lines: 20 } })
}

async function whileAway(page: Page, happens: () => Promise<unknown>): Promise<void> {
  await page.context().setOffline(true)
  web.closeAllConnections()
  await page.waitForSelector('#status[data-state="reconnecting"]')
  await happens()
  await page.context().setOffline(false)
  await live(page)
}

async function live(page: Page): Promise<void> {
  await page.waitForSelector('#status[data-state="live"]')
}
