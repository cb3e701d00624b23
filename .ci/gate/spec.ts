// docs/SPEC.md as data. A law's section begins with `## L<number> · <title>`, and ends with its lists: the files that keep
// it, below a line `Kept by`; the mutants that break it, below `Broken by`; the faults of the simulator that put it to the
// test, below `Simulated with`; what the simulator once found, below `Found by simulation`, where it found something; and
// the tests that prove it, below `Proved by`: one bullet per file, one indented bullet per test, with the test's name as it
// stands in the source. A law whose subject is not there yet says `Not claimed yet` instead. What the simulator found beyond
// the laws (nobody got any further, something was thrown) stands in the section `## When all is well again`.

export interface Law {
  readonly number: number
  readonly claimed: boolean
  readonly keptBy: readonly string[]
  /** What each mutant amounts to. */
  readonly brokenBy: readonly string[]
  /** Kinds of fault, each as `faultLine` writes it. */
  readonly simulatedWith: readonly string[]
  /** What each run that is kept has found. */
  readonly foundBySimulation: readonly string[]
  readonly provedBy: readonly Proof[]
}

/** A test, by the file that holds its name and by its name. */
export interface Proof {
  readonly path: string
  readonly name: string
}

/** What may follow `Kept by`, in this order. */
export type Lists = Pick<Law, "brokenBy" | "simulatedWith" | "foundBySimulation" | "provedBy">

const afterwards = /^## When all is well again\n/

const sectionStart = /^(?=## )/m

export function parseSpec(markdown: string): Law[] {
  return markdown.split(sectionStart).flatMap((section) => {
    const number = numberOf(section)
    if (number === undefined) return []
    const claimed = !/^Not claimed yet/m.test(section)
    const sentences = (heading: string) => sentencesBelow(heading, section)
    return [
      {
        number,
        claimed,
        keptBy: keptBy(section),
        brokenBy: sentences("Broken by"),
        simulatedWith: sentences("Simulated with"),
        foundBySimulation: sentences("Found by simulation"),
        provedBy: provedBy(section),
      },
    ]
  })
}

/** What the simulator found beyond the laws. */
export function foundBeyond(markdown: string): string[] {
  const section = markdown.split(sectionStart).find((each) => afterwards.test(each)) ?? ""
  return sentencesBelow("Found by simulation", section)
}

/** The same document with all of every law's lists but `Kept by` replaced by what is said of it here. */
export function withLists(markdown: string, lists: (law: Law) => Lists, beyond: readonly string[]): string {
  const laws = new Map(parseSpec(markdown).map((law) => [law.number, law]))
  return markdown
    .split(sectionStart)
    .map((section) => {
      if (afterwards.test(section)) return withFound(section, beyond)
      const law = laws.get(numberOf(section) ?? 0)
      if (law === undefined || !law.claimed) return section
      const [before = section] = section.split(/^(?:Broken by|Simulated with|Found by simulation|Proved by)\n/m)
      const { brokenBy, simulatedWith, foundBySimulation, provedBy } = lists(law)
      const sentences = `${before.trimEnd()}\n\n${renderSentences("Broken by", brokenBy)}${renderSentences("Simulated with", simulatedWith)}`
      return `${withFound(sentences, foundBySimulation)}Proved by\n\n${renderProofs(provedBy)}\n`
    })
    .join("")
    .replace(/\n+$/, "\n")
}

/** Tests that call themselves by laws (`L4 same key …`, `L8 L9 every client …`), each under every law it names. */
export function lawTests(path: string, source: string): { readonly law: number; readonly proof: Proof }[] {
  return [...source.matchAll(/(["'`])((?:L\d+ )+(?:\\.|(?!\1)[^\n\\])*)\1/g)].flatMap(([, , written = ""]) => {
    const name = written.replaceAll(/\\(["'`])/g, "$1")
    const [laws = ""] = /^(?:L\d+ )+/.exec(name) ?? []
    return [...laws.matchAll(/\d+/g)].map(([number]) => ({ law: Number(number), proof: { path, name } }))
  })
}

/** How `Simulated with` says a kind of fault. */
export function faultLine(name: string, does: string): string {
  return `\`${name}\`: ${does}`
}

/** Whether a source holds a string with this name in it, whatever its quotes. */
export function holdsName(source: string, name: string): boolean {
  return ['"', "'", "`"].some((quote) => source.includes(`${quote}${name.replaceAll(quote, `\\${quote}`)}${quote}`))
}

function numberOf(section: string): number | undefined {
  const digits = /^## L(\d+) · \S/.exec(section)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

function keptBy(section: string): string[] {
  const list = /^Kept by\n\n((?:(?:- | {2}).*\n)+)/m.exec(section)?.[1] ?? ""
  return [...list.matchAll(/^- `([^`]+)`/gm)].map(([, path = ""]) => path)
}

function sentencesBelow(heading: string, section: string): string[] {
  const list = new RegExp(`^${heading}\\n\\n((?:- .*\\n)+)`, "m").exec(section)?.[1] ?? ""
  return [...list.matchAll(/^- (.+)$/gm)].map(([, sentence = ""]) => sentence)
}

/** A section that ends with what was found; without that list, where nothing was. */
function withFound(section: string, found: readonly string[]): string {
  const [before = section] = section.split(/^Found by simulation\n/m)
  return `${before.trimEnd()}\n\n${found.length === 0 ? "" : renderSentences("Found by simulation", found)}`
}

function renderSentences(heading: string, sentences: readonly string[]): string {
  return `${heading}\n\n${sentences.map((sentence) => `- ${sentence}\n`).join("")}\n`
}

function provedBy(section: string): Proof[] {
  const list = /^Proved by\n\n((?:(?:- | {2}- ).*\n?)+)/m.exec(section)?.[1] ?? ""
  let path = ""
  return list.split("\n").flatMap((line) => {
    const file = /^- `([^`]+)`$/.exec(line)?.[1]
    if (file !== undefined) path = file
    const name = /^ {2}- (.+)$/.exec(line)?.[1]
    return name === undefined ? [] : [{ path, name }]
  })
}

function renderProofs(proofs: readonly Proof[]): string {
  const paths = [...new Set(proofs.map(({ path }) => path))].sort()
  const named = (path: string) => [...new Set(proofs.filter((proof) => proof.path === path).map(({ name }) => name))]
  return paths.map((path) => `- \`${path}\`\n${named(path).map((name) => `  - ${name}\n`).join("")}`).join("")
}
