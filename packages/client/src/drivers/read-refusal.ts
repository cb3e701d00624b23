// Reads an HTTP answer that is not what was asked for, or why there is none. Bodies come from whoever answered, so they
// are bounded.

import type { Problem } from "@tidemark/protocol"
import { isProblem, type Refusal } from "../client-error.ts"

/** Bytes of a problem; more is not read. */
const problemBytesMax = 65_536

/** The status, `Retry-After` and, where the body is one, the problem. Never rejects for what the body is. */
export async function readRefusal(response: Response): Promise<Refusal> {
  return { status: response.status, retryAfterMs: retryAfterMs(response.headers.get("retry-after")), problem: await readProblem(response) }
}

/** Why there was no answer. `fetch` says "fetch failed" and hides the reason in the cause. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3). */
function retryAfterMs(text: string | null): number | undefined {
  if (text === null) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

async function readProblem(response: Response): Promise<Problem | undefined> {
  const reader = response.body?.getReader()
  if (reader === undefined) return undefined
  const decoder = new TextDecoder()
  let text = ""
  try {
    for (let bytes = 0; ; ) {
      const { done, value } = await reader.read()
      if (done) break
      bytes += value.byteLength
      if (bytes > problemBytesMax) {
        await reader.cancel()
        return undefined
      }
      text += decoder.decode(value, { stream: true })
    }
    const value: unknown = JSON.parse(text + decoder.decode())
    return isProblem(value) ? value : undefined
  } catch {
    return undefined // cut off, or no JSON: the status has to do
  }
}
