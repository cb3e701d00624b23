// Results as a picture for the README: what a delivery costs on each server, as bars, with the plain raw loop as the
// measure. A pure function of the JSON: the same results draw the same bytes. Its colours read on white and on black, and
// it names no font of its own.

import { figure, type Results } from "./results.ts"
import { amount, times } from "./wording.ts"

interface Bar {
  readonly label: string
  readonly colour: string
  readonly value: number
  /** Of the plain raw loop's. */
  readonly share: number
}

interface Group {
  readonly title: string
  readonly bars: readonly Bar[]
}

/** Mid-tones: 4 : 1 or so on white and on black alike. */
export const colours = { text: "#767d86", tidemark: "#0b84a5", coalescing: "#8a7a52", plain: "#767d86", peer: "#9a6fb0" } as const

const groups = [
  { scenario: "saturated-1000", title: "1 session → 1,000 readers, 8 publishers without pause" },
  { scenario: "saturated-5000", title: "1 session → 5,000 readers, 8 publishers without pause" },
  { scenario: "one-at-a-time", title: "1 session → 1,000 readers, one event at a time" },
  { scenario: "sessions-1000", title: "1,000 sessions → 1 reader each, publishing included" },
] as const

const columns = [
  { name: "tidemark", label: "Tidemark", colour: colours.tidemark },
  { name: "coalescing", label: "raw loop, a write a tick", colour: colours.coalescing },
  { name: "plain", label: "raw loop, a write an event", colour: colours.plain },
  { name: "nchan", label: "nginx with Nchan", colour: colours.peer },
  { name: "better-sse", label: "better-sse", colour: colours.peer },
  { name: "effect", label: "a stream per subscriber", colour: colours.peer },
] as const

const width = 760
const labelWidth = 190
const barWidth = 380
const rowHeight = 22
const titleHeight = 30
const headHeight = 34
const footHeight = 34

/** `undefined` when the results hold nothing that could be drawn. */
export function renderPicture(results: Results): string | undefined {
  const drawn = groups.map((group) => groupOf(results, group.scenario, group.title)).filter(({ bars }) => bars.length > 0)
  if (drawn.length === 0) return undefined
  const height = headHeight + drawn.reduce((sum, { bars }) => sum + titleHeight + bars.length * rowHeight, 0) + footHeight
  let y = headHeight
  const parts = drawn.map((group) => {
    const text = renderGroup(group, y)
    y += titleHeight + group.bars.length * rowHeight
    return text
  })
  const { cpu, node } = results.machine
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`
  const style = `font-family="system-ui, sans-serif" font-size="13" fill="${colours.text}"`
  const foot = escaped(`${cpu} · Node ${node} · medians of ${results.runs} run${results.runs === 1 ? "" : "s"} · npm run bench`)
  const title = "CPU of the server per delivery of a 200-byte event, and times the plain raw loop: less is better"
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" ${style}>\n` +
    `<title>${title}</title>\n` +
    `<text x="0" y="18" font-size="15" font-weight="600">${title}</text>\n` +
    parts.join("") +
    `<text x="0" y="${height - 10}" font-size="11">${foot}</text>\n` +
    `</svg>\n`
  )
}

function groupOf(results: Results, scenario: string, title: string): Group {
  const measure = figure(results, scenario, "plain", "cpuUs")
  const found = columns.flatMap(({ name, label, colour }) => {
    const value = figure(results, scenario, name, "cpuUs")
    return value === undefined || measure === undefined || measure === 0 ? [] : [{ label, colour, value, share: value / measure }]
  })
  return { title, bars: found.toSorted((a, b) => a.value - b.value) }
}

function renderGroup({ title, bars }: Group, top: number): string {
  const rows = bars.map(({ label, colour, value, share }, i) => {
    const y = top + titleHeight + i * rowHeight
    const length = Math.max(2, Math.min(share, sharesMost) * (barWidth / sharesMost))
    return (
      `<text x="${labelWidth - 10}" y="${y + 13}" text-anchor="end">${escaped(label)}</text>` +
      (share > sharesMost ? brokenBar(y, colour) : bar(0, length, y, colour)) +
      `<text x="${(labelWidth + length + 8).toFixed(1)}" y="${y + 13}">${amount(value, "µs")} · ${times(share)}</text>\n`
    )
  })
  return `<text x="0" y="${top + 18}" font-weight="600">${escaped(title)}</text>\n${rows.join("")}`
}

/** Longer than the measure by more than this, and a bar is broken off: its figure says how far it goes. */
const sharesMost = 2.5

function bar(from: number, to: number, y: number, colour: string): string {
  return `<rect x="${labelWidth + from}" y="${y + 2}" width="${(to - from).toFixed(1)}" height="15" rx="2" fill="${colour}"/>`
}

function brokenBar(y: number, colour: string): string {
  return bar(0, barWidth - 20, y, colour) + bar(barWidth - 16, barWidth - 10, y, colour) + bar(barWidth - 6, barWidth, y, colour)
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
}
