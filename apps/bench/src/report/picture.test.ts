import { describe, expect, test } from "vitest"
import { colours, renderPicture } from "./picture.ts"
import { results, scenario, valid } from "./results.testing.ts"

const cpu = (cpuUs: number) => [valid({ cpuUs })]
const measured = results([
  scenario("saturated-1000", { tidemark: cpu(0.4), plain: cpu(4), coalescing: cpu(0.5), nchan: cpu(2) }),
  scenario("one-at-a-time", { tidemark: cpu(3), plain: cpu(4), effect: cpu(100) }),
])

/** Relative luminance and contrast as WCAG 2 has them. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y)
  return (high + 0.05) / (low + 0.05)
}

describe("the picture", () => {
  const picture = renderPicture(measured) ?? ""

  test("shows every server that was measured, the cheapest first, as a multiple of the plain loop", () => {
    const said = [...picture.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text)
    expect(said).toEqual([
      "CPU of the server per delivery of a 200-byte event, and times the plain raw loop: less is better",
      "1 session → 1,000 readers, 8 publishers without pause",
      ...["Tidemark", "0.40 µs · 0.10×", "raw loop, a write a tick", "0.50 µs · 0.13×"],
      ...["nginx with Nchan", "2.00 µs · 0.50×", "raw loop, a write an event", "4.00 µs · 1.00×"],
      "1 session → 1,000 readers, one event at a time",
      ...["Tidemark", "3.00 µs · 0.75×", "raw loop, a write an event", "4.00 µs · 1.00×", "a stream per subscriber", "100 µs · 25.0×"],
      "A &lt;fast&gt; CPU · Node v20.0.0 · medians of 3 runs · npm run bench",
    ])
  })

  test("has bars as long as what they stand for, and breaks off one that would leave it", () => {
    const widths = [...picture.matchAll(/<rect[^>]* width="([0-9.]+)"/g)].map(([, width]) => Number(width))
    expect(widths).toEqual([15.2, 19, 76, 152, 114, 152, 360, 6, 6])
  })

  test("reads on white and on black, and fetches nothing", () => {
    for (const colour of Object.values(colours)) {
      expect(contrast(colour, "#ffffff")).toBeGreaterThan(3.5)
      expect(contrast(colour, "#0d1117")).toBeGreaterThan(3.5)
    }
    expect(picture.replace("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|url\(|@import|<image|<script/)
  })

  test("is the same bytes for the same results", () => {
    expect(renderPicture(measured)).toBe(picture)
  })

  test("is none of results that hold nothing to draw", () => {
    expect(renderPicture(results([scenario("kernel", { tidemark: cpu(1) })]))).toBe(undefined)
  })
})
