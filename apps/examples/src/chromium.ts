// A real browser, for the tests and for the picture in the README: the Chromium that comes from npm on Linux x64, else one
// that is installed. Nothing is downloaded.
//
// The one thing to know before changing it: the package unpacks 200 MB into the temporary folder, and takes whatever lies
// there for a finished copy. Two tests that start at once would run half a browser; so each unpacks into a folder of its
// own, and the first to finish moves it to where the next run finds it.

import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { chromium, type Browser, type LaunchOptions } from "playwright-core"

export type LaunchOutcome = { readonly type: "launched"; readonly browser: Browser } | { readonly type: "missing"; readonly because: string }

/** A browser with a fresh profile; the caller closes it. */
export async function launchChromium(): Promise<LaunchOutcome> {
  const tried: string[] = []
  for (const find of [packaged, installed]) {
    try {
      return { type: "launched", browser: await chromium.launch({ ...(await find()), args: flags }) }
    } catch (error) {
      tried.push(error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error))
    }
  }
  return { type: "missing", because: `no Chromium could be started; install Chromium or Chrome. Tried: ${tried.join("; ")}` }
}

const flags = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
]

const examples = fileURLToPath(new URL("..", import.meta.url))
const cache = fileURLToPath(new URL("../../../node_modules/.cache/tidemark/", import.meta.url))

async function packaged(): Promise<LaunchOptions> {
  if (process.platform !== "linux" || process.arch !== "x64") throw new Error("the Chromium from npm is for Linux x64")
  const manifest: { devDependencies: Record<string, string> } = JSON.parse(await readFile(join(examples, "package.json"), "utf8"))
  const unpacked = join(cache, `chromium-${manifest.devDependencies["@sparticuz/chromium"]}`)
  if (!existsSync(unpacked)) {
    await mkdir(cache, { recursive: true })
    const fresh = await mkdtemp(`${unpacked}-`)
    const script = 'await (await import("@sparticuz/chromium")).default.executablePath()'
    const env = { ...process.env, TMPDIR: fresh }
    await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { cwd: examples, env, timeout: 60_000 })
    await rename(fresh, unpacked).catch(() => rm(fresh, { recursive: true })) // another one was faster
  }
  return { executablePath: join(unpacked, "chromium") }
}

/** Chrome where its installer puts it, or the first browser of that family in the PATH. */
async function installed(): Promise<LaunchOptions> {
  const folders = (process.env["PATH"] ?? "").split(delimiter)
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
  const executablePath = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync)
  return executablePath === undefined ? { channel: "chrome" } : { executablePath }
}
