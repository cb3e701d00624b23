// Mutants of what records a kernel's calls and makes them again. A capsule is a proof of L16: whatever is left out of it, or
// hidden on one side only, is something the same calls would not give again; and what is not hidden is somebody's secret.

import type { Mutant } from "./mutant.ts"

const kernel = "packages/kernel/src"
const capsuleTests = [`${kernel}/capsule.test.ts`]
const callTests = [`${kernel}/recording-kernel.test.ts`]
const maskTests = [`${kernel}/secret-mask.test.ts`]
const secretsTests = [`${kernel}/secrets.test.ts`]

export const recordingMutants: readonly Mutant[] = [
  {
    law: "L16",
    breaks: "a recording leaves out who was polled as ready",
    file: `${kernel}/recording-kernel.ts`,
    line: 'return reader.recording.made({ call: "pollReady" }, () => id, (_, tell) => tell.ready(id, reader.number))',
    instead: "return id",
    tests: capsuleTests,
  },
  {
    law: "L16",
    breaks: "a recording leaves out that a reader was woken",
    file: `${kernel}/recording-kernel.ts`,
    line: 'reader.recording.made({ call: "wake", reader: reader.number }, () => super.wake(id), (_, tell) => tell.nothing())',
    instead: "super.wake(id)",
    tests: callTests,
  },
  {
    law: "L16",
    breaks: "a recording leaves out that a session was deleted",
    file: `${kernel}/recording-kernel.ts`,
    line: 'recording.made({ call: "deleteSession", now }, () => super.deleteSession(now, name), (_, tell) => tell.nothing())',
    instead: "super.deleteSession(now, name)",
    tests: callTests,
  },
  {
    law: "L16",
    breaks: "a recording leaves out that what was due was done",
    file: `${kernel}/recording-kernel.ts`,
    line: "if (this.#recordings.size > 0) for (const recording of this.#recordings.values()) recording.timeout(now)",
    instead: "",
    tests: capsuleTests,
  },
  {
    law: "L16",
    breaks: "a recording leaves out why a session was opened again",
    file: `${kernel}/recording-kernel.ts`,
    line: 'const call: CapsuleCall = { call: "openSession", now, from: maskedOrigin(recording.mask, from), ...(lost === undefined ? {} : { lost }) }',
    instead: 'const call: CapsuleCall = { call: "openSession", now, from: maskedOrigin(recording.mask, from) }',
    tests: callTests,
  },
  {
    law: "L16",
    breaks: "a recording begins while readers are at places that it does not tell",
    file: `${kernel}/recording-kernel.ts`,
    line: 'if (state.readers > 0) return { type: "in_use", readers: state.readers }',
    instead: "",
    tests: capsuleTests,
  },
  {
    law: "L16",
    breaks: "of what was due several times in a row, the first time is recorded",
    file: `${kernel}/capsule-recording.ts`,
    line: "this.#timeoutAt = now",
    instead: "this.#timeoutAt ??= now",
    tests: capsuleTests,
  },
  {
    law: "L16",
    breaks: "a recording leaves out a call that threw",
    file: `${kernel}/capsule-recording.ts`,
    line: "this.#note(call, this.tell.threw(error))",
    instead: "",
    tests: capsuleTests,
  },
  {
    law: "L16",
    breaks: "a replay is the same when its outcomes are called the same",
    file: `${kernel}/capsule.ts`,
    line: "if (told.summary === recorded && replayedHash === hash) return undefined",
    instead: "if (told.summary === recorded) return undefined",
    tests: capsuleTests,
  },
  {
    law: "L16",
    breaks: "lines of a capsule may be left out or altered",
    file: `${kernel}/capsule.ts`,
    line: 'if (hash !== hashThere) throw new Malformed("the hash at the end is not that of the lines above it")',
    instead: "",
    tests: capsuleTests,
  },
  {
    law: "L16",
    breaks: "the marks of the log stand in a capsule",
    file: `${kernel}/secret-mask.ts`,
    line: "return { position, revision, mark: this.#secrets.mark(mark) }",
    instead: "return { position, revision, mark }",
    tests: capsuleTests,
  },
  {
    law: "L16",
    breaks: "the mark at the log's floor is told as it is, and that of the place there is not",
    file: `${kernel}/secret-mask.ts`,
    line: "return { epoch, head: mask.point(head), floor: mask.point(floor), closed }",
    instead: "return { epoch, head: mask.point(head), floor, closed }",
    tests: maskTests,
  },
  {
    law: "L16",
    breaks: "a page of history is told with the mark that the log has before it",
    file: `${kernel}/secret-mask.ts`,
    line: 'return { type: "page", after: mask.point(page.after), entries: page.entries.map((entry) => mask.entry(entry)), head }',
    instead: 'return { type: "page", after: page.after, entries: page.entries.map((entry) => mask.entry(entry)), head }',
    tests: maskTests,
  },
  {
    law: "L16",
    breaks: "a damaged cursor is written down with the mark it holds",
    file: `${kernel}/secret-mask.ts`,
    line: 'if (parsed.type === "rejected") return rejectedLike(this.#session, parsed.reason)',
    instead: 'if (parsed.type === "rejected") return text',
    tests: capsuleTests,
  },
  {
    law: "L16",
    breaks: "a provisional part is shown with its secrets",
    file: `${kernel}/secret-mask.ts`,
    line: "return { view: this.#secrets.hashed(view), provisional: isLog ? this.#logProvisional(provisional) : this.#secrets.hashed(provisional) }",
    instead: "return { view: this.#secrets.hashed(view), provisional: isLog ? provisional : this.#secrets.hashed(provisional) }",
    tests: capsuleTests,
  },
  {
    law: "L16",
    breaks: "what stands below the field of a secret is shown",
    file: `${kernel}/secrets.ts`,
    line: "const fields = Object.entries(value).map(([name, inner]): [string, Json] => [name, walked(inner, isSecret || this.isSecret(name))])",
    instead: "const fields = Object.entries(value).map(([name, inner]): [string, Json] => [name, walked(inner, this.isSecret(name))])",
    tests: secretsTests,
  },
  {
    law: "L16",
    breaks: "a secret that is a number is shown",
    file: `${kernel}/secrets.ts`,
    line: "return isSecret ? this.#number(value) : value",
    instead: "return value",
    tests: secretsTests,
  },
  {
    law: "L16",
    breaks: "a name of two words is taken for no secret",
    file: `${kernel}/secrets.ts`,
    line: 'if (this.#names.has(run) || (run.endsWith("s") && this.#names.has(run.slice(0, -1)))) return true',
    instead: "if (to === from && this.#names.has(run)) return true",
    tests: secretsTests,
  },
]
