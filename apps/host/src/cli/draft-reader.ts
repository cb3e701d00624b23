// Lines into drafts, as the JSON that is sent. What the host would refuse is refused here already, by the number of its
// line, so that the lines before it are published and everybody can see which one it was.

import { parseJson } from "@tidemark/protocol"
import { LineSplitter, type Refused } from "./line-splitter.ts"

/** As the host's limits `event-bytes` and `json-depth` are unless it was told otherwise. */
export const eventBytesDefault = 256 * 1024
const jsonDepth = 64

export interface DraftSettings {
  /** Lines are data of events of this kind; `undefined`: each line is a draft `{"kind": …, "data": …}` itself. */
  readonly kind: string | undefined
  /** Of an event's data as JSON, in UTF-8. */
  readonly eventBytesMax: number
}

export interface Drafts {
  /** One line of JSON each. */
  readonly drafts: readonly string[]
  /** What follows cannot be published; there will be no more. */
  readonly refused?: Refused
}

/** A draft around the longest data, with room for its kind and some white space. */
const draftBytesMore = 4096

export class DraftReader {
  readonly #settings: DraftSettings
  readonly #splitter: LineSplitter
  readonly #head: string
  #refused: Refused | undefined

  constructor(settings: DraftSettings) {
    this.#settings = settings
    this.#splitter = new LineSplitter(settings.eventBytesMax + (settings.kind === undefined ? draftBytesMore : 0))
    this.#head = `{"kind":${JSON.stringify(settings.kind)},"data":`
  }

  push(chunk: Uint8Array): Drafts {
    return this.#read(this.#splitter.push(chunk))
  }

  end(): Drafts {
    return this.#read(this.#splitter.end())
  }

  #read(split: { readonly lines: readonly string[]; readonly first: number; readonly refused?: Refused }): Drafts {
    const drafts: string[] = []
    for (const [i, line] of split.lines.entries()) {
      if (this.#refused !== undefined) break
      const draft = this.#settings.kind === undefined ? this.#given(line) : this.#made(line)
      if (typeof draft === "string") drafts.push(draft)
      else this.#refused = { line: split.first + i, ...draft }
    }
    const refused = this.#refused ?? split.refused
    return { drafts, ...(refused === undefined ? {} : { refused }) }
  }

  #made(line: string): string | { readonly because: string } {
    const data = JSON.stringify(line)
    return this.#fits(data) ? `${this.#head}${data}}` : this.#tooLong
  }

  /** The text is sent as it stands: what `JSON.stringify` would write is the same data, but need not be. */
  #given(line: string): string | { readonly because: string } {
    if (line.trim() === "") return { because: "it is empty, and NDJSON has a draft on every line" }
    const parsed = parseJson(line, { depth: jsonDepth })
    if (parsed.type === "refused") return { because: `it cannot be taken as JSON, at character ${parsed.at + 1}: ${parsed.reason}` }
    const { value } = parsed
    if (typeof value !== "object" || value === null || Array.isArray(value) || !("kind" in value)) return notADraft
    const { kind, data, ...others } = value
    if (typeof kind !== "string" || !isKind(kind)) return notADraft
    const [other] = Object.keys(others)
    if (other !== undefined) return { because: `it has a field ${JSON.stringify(other)} besides kind and data; put it into data` }
    if (!this.#fits(JSON.stringify(data ?? null))) return this.#tooLong
    return line.replaceAll("\r", " ") // outside of strings, where alone it can stand, it is white space
  }

  #fits(data: string): boolean {
    const { eventBytesMax } = this.#settings
    return data.length * 3 <= eventBytesMax || Buffer.byteLength(data) <= eventBytesMax
  }

  get #tooLong(): { readonly because: string } {
    return { because: `its data is longer than ${this.#settings.eventBytesMax} bytes of JSON` }
  }
}

const notADraft = { because: 'it is not of the form {"kind": "<1–128 characters>", "data": …}' }

/** 1–128 characters, none of them a control character. */
export function isKind(text: string): boolean {
  return /^\P{Cc}{1,128}$/u.test(text)
}
