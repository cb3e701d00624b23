// docs/SPEC.md as data. A law's section begins with `## L<number> · <title>`, and ends with three lists: the files that keep
// it, below a line `Kept by`; the mutants that break it, below `Broken by`; and the tests that prove it, below `Proved by`:
// one bullet per file, one indented bullet per test, with the test's name as it stands in the source. A law whose subject is
// not there yet says `Not claimed yet` instead.

export interface Law {
  readonly number: number
  readonly claimed: boolean
  readonly keptBy: readonly string[]
  /** What each mutant amounts to. */
  readonly brokenBy: readonly string[]
  readonly provedBy: readonly Proof[]
}

/** A test, by the file that holds its name and by its name. */
export interface Proof {
  readonly path: string
  readonly name: string
}

const sectionStart = /^(?=## )/m

export function parseSpec(markdown: string): Law[] {
  return markdown.split(sectionStart).flatMap((section) => {
    const number = numberOf(section)
    if (number === undefined) return []
    const claimed = !/^Not claimed yet/m.test(section)
    return [{ number, claimed, keptBy: keptBy(section), brokenBy: brokenBy(section), provedBy: provedBy(section) }]
  })
}

/** The same document with every law's mutants and proofs replaced by what is said of it here. */
export function withLists(markdown: string, lists: (law: Law) => Pick<Law, "brokenBy" | "provedBy">): string {
  const laws = new Map(parseSpec(markdown).map((law) => [law.number, law]))
  return markdown
    .split(sectionStart)
    .map((section) => {
      const law = laws.get(numberOf(section) ?? 0)
      if (law === undefined || !law.claimed) return section
      const [before = section] = section.split(/^(?:Broken|Proved) by\n/m)
      const { brokenBy, provedBy } = lists(law)
      const broken = brokenBy.map((breaks) => `- ${breaks}\n`).join("")
      return `${before.trimEnd()}\n\nBroken by\n\n${broken}\nProved by\n\n${renderProofs(provedBy)}\n`
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

function brokenBy(section: string): string[] {
  const list = /^Broken by\n\n((?:- .*\n)+)/m.exec(section)?.[1] ?? ""
  return [...list.matchAll(/^- (.+)$/gm)].map(([, breaks = ""]) => breaks)
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
