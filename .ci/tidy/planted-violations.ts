// Code that the lint rules must refuse, rule by rule, and code that looks like it and must pass. The texts are planted by
// lint-rules.test.ts, which also fails for a rule that has no plant here.

const kernel = "packages/kernel/src"
const protocol = "packages/protocol/src"
const driver = "packages/driver/src"
const client = "packages/client/src"
const conformance = "packages/conformance/src"
const sqlite = "packages/log-sqlite/src"
const sim = "packages/sim/src"
const host = "apps/host/src"
const examples = "apps/examples/src"
const bench = "apps/bench/src"

/** A rule, and code that breaks it. */
export interface Plant {
  readonly law: string
  readonly rule: string
  /** Where the violation stands: a folder, in which each plant gets a file, or a file. */
  readonly in: readonly string[]
  readonly code: readonly string[]
}

/** What may not even know how text becomes bytes, and the simulator, which makes up the sockets too. */
const inner = [kernel, protocol, driver]
const pure = [...inner, sim]
const everywhere = [...pure, client, conformance, sqlite, host, examples, bench]

/** Every piece of code alone breaks the rule. */
export const plants: readonly Plant[] = [
  {
    law: "nothing pure reads a clock",
    rule: "eslint(no-restricted-globals)",
    in: pure,
    code: ["export const now = Date.now()", "export const now = new Date()", "export const now = performance.now()"],
  },
  {
    law: "nothing pure waits or does things later",
    rule: "eslint(no-restricted-globals)",
    in: pure,
    code: [
      "setTimeout(() => 1, 1)",
      "setInterval(() => 1, 1)",
      "setImmediate(() => 1)",
      "clearTimeout(1)",
      "clearInterval(1)",
      "queueMicrotask(() => 1)",
    ],
  },
  {
    law: "nothing pure promises",
    rule: "eslint(no-restricted-globals)",
    in: pure,
    code: ["export const later = Promise.resolve(1)", "export const later = new Promise(() => 1)"],
  },
  {
    law: "nothing pure is asynchronous",
    rule: "oxc(no-async-await)",
    in: pure,
    code: ["export async function f() { return 1 }", "export const f = async () => 1"],
  },
  {
    law: "nothing pure waits while it loads",
    rule: "node(no-top-level-await)",
    in: pure,
    code: ["await f()", "export const z = 1; for await (const x of y) x()"],
  },
  {
    law: "nothing pure says Promise or Date, as a type either",
    rule: "typescript(no-restricted-types)",
    in: pure,
    code: ["export type T = Promise<number>", "export type T = PromiseLike<number>", "export type T = Date"],
  },
  {
    law: "nothing pure touches the machine it runs on",
    rule: "eslint(no-restricted-globals)",
    in: pure,
    code: [
      "globalThis.x = 1",
      "console.log(1)",
      "export const e = process.env",
      'export const b = Buffer.from("")',
      'export const f = require("x")',
      'fetch("x")',
      'export const u = new URL("x")',
      'export const u = new URLSearchParams("x")',
      "export const a = new AbortController()",
      "export const a = AbortSignal.abort()",
      "export const c = structuredClone({})",
      "export const r = new WeakRef({})",
      "export const r = new FinalizationRegistry(() => 1)",
      "export const l = new Intl.Collator()",
      "export const id = crypto.randomUUID()",
    ],
  },
  {
    law: "kernel, protocol and driver neither encode nor decode",
    rule: "eslint(no-restricted-globals)",
    in: inner,
    code: ["export const t = new TextEncoder()", "export const t = new TextDecoder()"],
  },
  {
    law: "nothing pure draws lots or asks for the locale",
    rule: "eslint(no-restricted-properties)",
    in: pure,
    code: [
      "export const r = Math.random()",
      "const { random } = Math; random()",
      "export const o = a.localeCompare(b)",
      "export const s = n.toLocaleString()",
    ],
  },
  {
    law: "the kernel imports nothing",
    rule: "eslint(no-restricted-imports)",
    in: [kernel],
    code: [
      'import { x } from "@tidemark/protocol"; x()',
      'import { x } from "fast-check"; x()',
      'import "node:fs"',
      'export { x } from "left-pad"',
    ],
  },
  {
    law: "protocol and driver import the kernel only",
    rule: "eslint(no-restricted-imports)",
    in: [protocol, driver],
    code: [
      'import { x } from "@tidemark/client"; x()',
      'import { x } from "@tidemark/conformance"; x()',
      'import type { X } from "node:fs"; export type Y = X',
      'export { x } from "vitest"',
    ],
  },
  {
    law: "protocol and driver do not know each other",
    rule: "eslint(no-restricted-imports)",
    in: [protocol],
    code: ['import { x } from "@tidemark/driver"; x()'],
  },
  {
    law: "the client imports kernel and protocol only",
    rule: "eslint(no-restricted-imports)",
    in: [client],
    code: ['import { x } from "@tidemark/driver"; x()', 'import { x } from "node:fs"; x()', 'import { x } from "eventsource"; x()'],
  },
  {
    law: "conformance imports the pure packages and what tests are written with",
    rule: "eslint(no-restricted-imports)",
    in: [conformance],
    code: ['import { x } from "@tidemark/client"; x()', 'import { x } from "tidemark"; x()', 'import { x } from "ws"; x()'],
  },
  {
    law: "the SQLite log imports kernel, driver, better-sqlite3 and Node, and its tests what tests are written with",
    rule: "eslint(no-restricted-imports)",
    in: [sqlite],
    code: ['import { x } from "@tidemark/client"; x()', 'import { x } from "vitest"; x()', 'import { x } from "./log-sqlite.ts"; x()'],
  },
  {
    law: "the SQLite log's tests take nothing else from outside",
    rule: "eslint(no-restricted-imports)",
    in: [`${sqlite}/x.test.ts`],
    code: ['import { x } from "ws"; x()', 'import { x } from "./log-sqlite.ts"; x()'],
  },
  {
    law: "the simulator imports kernel, protocol, driver and client only",
    rule: "eslint(no-restricted-imports)",
    in: [sim],
    code: [
      'import { x } from "@tidemark/conformance"; x()',
      'import { x } from "node:fs"; x()',
      'import { x } from "fast-check"; x()',
      'import { x } from "vitest"; x()',
      'import { x } from "./sim.ts"; x()',
    ],
  },
  {
    law: "the simulator's command line takes Node as well, and its tests what tests are written with, nothing else",
    rule: "eslint(no-restricted-imports)",
    in: [`${sim}/cli`, `${sim}/x.test.ts`],
    code: ['import { x } from "tidemark"; x()', 'import { x } from "ws"; x()', 'import { x } from "../sim.ts"; x()'],
  },
  {
    law: "the simulator's command line does not contain its tests",
    rule: "eslint(no-restricted-imports)",
    in: [`${sim}/cli`],
    code: ['import { x } from "vitest"; x()', 'import { x } from "@tidemark/conformance"; x()'],
  },
  {
    law: "Effect lives in the host only",
    rule: "eslint(no-restricted-imports)",
    in: [...pure, client, conformance, sqlite, examples, bench, ...[examples, client, sqlite, sim, bench].map((folder) => `${folder}/x.test.ts`)],
    code: ['import { x } from "effect"; x()', 'import { x } from "effect/Effect"; x()', 'import { x } from "@effect/platform"; x()'],
  },
  {
    law: "the host takes from outside Effect, ws and Node, nothing else",
    rule: "eslint(no-restricted-imports)",
    in: [host, `${host}/x.test.ts`],
    code: ['import { x } from "express"; x()', 'import { x } from "@fastify/cors"; x()'],
  },
  {
    law: "the bench imports what it measures in process, the bare driver and Node; a peer is found, never imported",
    rule: "eslint(no-restricted-imports)",
    in: [bench, `${bench}/servers/peer-effect.test.ts`],
    code: ['import { x } from "better-sse"; x()', 'import { x } from "autocannon"; x()'],
  },
  {
    law: "a program does not contain its tests",
    rule: "eslint(no-restricted-imports)",
    in: [host, examples, bench],
    code: ['import { x } from "vitest"; x()', 'import { x } from "@tidemark/conformance"; x()'],
  },
  {
    law: "a package that the layering does not name imports nothing",
    rule: "eslint(no-restricted-imports)",
    in: ["packages/newcomer/src"],
    code: ['import { x } from "@tidemark/kernel"; x()', 'import { x } from "node:fs"; x()'],
  },
  {
    law: "a package is imported by its name, never by a file of it",
    rule: "eslint(no-restricted-imports)",
    in: [...everywhere, ...everywhere.map((folder) => `${folder}/x.test.ts`)],
    code: ['import { x } from "@tidemark/kernel/src/ids.ts"; x()', 'import { x } from "@tidemark/kernel/dist/ids.js"; x()'],
  },
  {
    law: "no path leads out of a package",
    rule: "eslint(no-restricted-imports)",
    in: [...pure, client, conformance, sqlite, host, bench, `${kernel}/x.test.ts`],
    code: ['import { x } from "../../kernel/src/ids.ts"; x()', 'import { x } from "../../../packages/driver/dist/call.js"; x()'],
  },
  {
    law: "no file imports the entry of its own package",
    rule: "eslint(no-restricted-imports)",
    in: [kernel, `${kernel}/x.test.ts`],
    code: ['import { x } from "./kernel.ts"; x()', 'import type { X } from "../kernel.ts"; export type Y = X'],
  },
  {
    law: "no file imports the entry of its own package",
    rule: "eslint(no-restricted-imports)",
    in: [protocol],
    code: ['import { x } from "./protocol.ts"; x()'],
  },
  {
    law: "no file imports the entry of its own package",
    rule: "eslint(no-restricted-imports)",
    in: [driver],
    code: ['import { x } from "./driver.ts"; x()'],
  },
  {
    law: "no file imports the entry of its own package",
    rule: "eslint(no-restricted-imports)",
    in: [client],
    code: ['import { x } from "../client.ts"; x()'],
  },
  {
    law: "no file imports the entry of its own package",
    rule: "eslint(no-restricted-imports)",
    in: [conformance],
    code: ['import { x } from "./conformance.ts"; x()'],
  },
  {
    law: "a test does not sleep",
    rule: "eslint(no-restricted-globals)",
    in: pure.map((folder) => `${folder}/x.test.ts`),
    code: ["setTimeout(() => 1, 1)", "setInterval(() => 1, 1)", "setImmediate(() => 1)", "Date.now()", "performance.now()"],
  },
  {
    law: "a test leaves chance to fast-check",
    rule: "eslint(no-restricted-properties)",
    in: pure.map((folder) => `${folder}/x.test.ts`),
    code: ["export const r = Math.random()"],
  },
  {
    law: "the client runs in a browser",
    rule: "eslint(no-restricted-globals)",
    in: [client],
    code: ["process.exit(1)", 'Buffer.from("")', "global.x = 1", "setImmediate(() => 1)", 'require("x")'],
  },
  {
    law: "one file of the host reads the time",
    rule: "eslint(no-restricted-globals)",
    in: [host],
    code: ["export const now = Date.now()", "export const now = new Date()", "export const now = performance.now()"],
  },
  {
    law: "a re-export names what it exports",
    rule: "oxc(no-barrel-file)",
    in: everywhere,
    code: ['export * from "./b.ts"', 'export * as b from "./b.ts"'],
  },
  {
    law: "an export has a name",
    rule: "import(no-default-export)",
    in: everywhere,
    code: ["export default 1", "const x = 1; export { x as default }"],
  },
  { law: "an export does not change", rule: "import(no-mutable-exports)", in: everywhere, code: ["export let x = 1; x = 2"] },
  {
    law: "nothing is required",
    rule: "import(no-commonjs)",
    in: everywhere,
    code: ["module.exports = 1", 'export const x = require("x")'],
  },
  {
    law: "Node's modules are called by their full names",
    rule: "unicorn(prefer-node-protocol)",
    in: [host],
    code: ['import { x } from "fs"; x()'],
  },
  { law: "no any", rule: "typescript(no-explicit-any)", in: everywhere, code: ["export const x: any = 1", "export type T = any[]"] },
  {
    law: "no cast",
    rule: "typescript(consistent-type-assertions)",
    in: [...everywhere, `${kernel}/x.test.ts`],
    code: ["export const x = y as string", "export const x = <string>y", "export const x = y as unknown as string"],
  },
  { law: "nothing is declared to be there", rule: "typescript(no-non-null-assertion)", in: everywhere, code: ["export const x = y!"] },
  {
    law: "the compiler is not told to look away",
    rule: "typescript(ban-ts-comment)",
    in: everywhere,
    code: ["// @ts-ignore\nexport const x = y", "// @ts-nocheck\nexport const x = y", "// @ts-expect-error\nexport const x = y"],
  },
  {
    law: "an import of types says so",
    rule: "typescript(consistent-type-imports)",
    in: everywhere,
    code: ['import { X } from "./b.ts"; export type Y = X'],
  },
  { law: "no namespace", rule: "typescript(no-namespace)", in: everywhere, code: ["export namespace N { export const x = 1 }"] },
  {
    law: "a function type says what it takes",
    rule: "typescript(no-unsafe-function-type)",
    in: everywhere,
    code: ["export type T = Function"],
  },
  {
    law: "nothing is declared and not used",
    rule: "eslint(no-unused-vars)",
    in: everywhere,
    code: ["const x = 1", 'import { x } from "./b.ts"', "export function f(a: number) { return 1 }", "try { f() } catch (error) { g() }"],
  },
  { law: "a variable ends with its block", rule: "eslint(no-var)", in: everywhere, code: ["export var x = 1"] },
  { law: "what does not change is const", rule: "eslint(prefer-const)", in: everywhere, code: ["let x = 1; export { x }"] },
  { law: "equal means equal", rule: "eslint(eqeqeq)", in: everywhere, code: ["export const x = a == b", "export const x = a != null"] },
  { law: "no text is run as code", rule: "eslint(no-eval)", in: everywhere, code: ['eval("1")'] },
  { law: "no text is made into a function", rule: "eslint(no-new-func)", in: everywhere, code: ['export const f = new Function("1")'] },
  { law: "what is thrown is an error", rule: "eslint(no-throw-literal)", in: everywhere, code: ['throw "x"'] },
  { law: "nothing is caught and forgotten", rule: "eslint(no-empty)", in: everywhere, code: ["try { f() } catch {}"] },
  { law: "no prototype is reached for", rule: "eslint(no-proto)", in: everywhere, code: ["export const p = x.__proto__"] },
  { law: "no prototype is extended", rule: "eslint(no-extend-native)", in: everywhere, code: ["Array.prototype.last = 1"] },
  {
    law: "nothing prints but what talks to a person",
    rule: "eslint(no-console)",
    in: [client, conformance, host, bench],
    code: ["console.log(1)"],
  },
  {
    law: "no test runs alone",
    rule: "vitest(no-focused-tests)",
    in: [`${kernel}/x.test.ts`],
    code: ['import { test } from "vitest"; test.only("x", () => { f() })'],
  },
  {
    law: "no test is left out",
    rule: "vitest(no-disabled-tests)",
    in: [`${kernel}/x.test.ts`],
    code: ['import { test } from "vitest"; test.skip("x", () => { f() })'],
  },
  {
    law: "an expectation is finished",
    rule: "vitest(valid-expect)",
    in: [`${kernel}/x.test.ts`],
    code: ['import { expect, test } from "vitest"; test("x", () => { expect(f()) })'],
  },
  {
    law: "no two tests have one name",
    rule: "vitest(no-identical-title)",
    in: [`${kernel}/x.test.ts`],
    code: ['import { test } from "vitest"; test("x", () => { f() }); test("x", () => { g() })'],
  },
]

/** What looks forbidden and is not. */
export const allowed: Readonly<Record<string, string>> = {
  [`${kernel}/models/fine.ts`]: 'import { x } from "../ids.ts"; export const y = [x] as const; export const z = { x } satisfies object',
  [`${protocol}/fine.ts`]: 'import { x } from "@tidemark/kernel"; export const y = x(1)',
  [`${client}/fine.ts`]:
    'import { x } from "@tidemark/kernel"; import { y } from "@tidemark/protocol"; export const z = async () => await x(y)',
  [`${conformance}/fine.ts`]:
    'import { x } from "@tidemark/driver"; import { test } from "vitest"; import { y } from "fast-check"; export const z = [x, test, y]',
  [`${sqlite}/fine.ts`]: 'import { x } from "@tidemark/driver"; import y from "better-sqlite3"; import { z } from "node:fs"; export const all = [x, y, z]',
  [`${sqlite}/fine.test.ts`]: 'import { x } from "@tidemark/conformance"; import y from "better-sqlite3"; import { test } from "vitest"; test("x", () => y(x))',
  [`${sim}/fine.ts`]: 'import { x } from "@tidemark/client"; import { y } from "./chance.ts"; export const z = [x, y, new TextEncoder(), new TextDecoder()]',
  [`${sim}/cli/fine.ts`]:
    'import { x } from "@tidemark/driver"; import { y } from "node:fs/promises"; console.log(await y(x), performance.now(), process.argv)',
  [`${sim}/fine.test.ts`]: 'import { x } from "fast-check"; import { y } from "node:fs"; import { test } from "vitest"; test("x", () => y(x))',
  [`${host}/fine.ts`]:
    'import * as Effect from "effect/Effect"; import { x } from "@effect/platform/HttpServer"; export const y = [Effect, x]',
  [`${host}/clock.ts`]: "export const now = (): number => Date.now() + performance.now()",
  [`${examples}/fine.ts`]: 'import { x } from "@tidemark/client"; import { y } from "node:http"; console.log(x, y)',
  [`${examples}/screenshot.ts`]: 'import { x } from "@tidemark/client"; import { y } from "playwright-core"; console.log(x, y)',
  [`${bench}/fine.ts`]: 'import { x } from "@tidemark/driver"; import y from "better-sqlite3"; import { z } from "node:net"; export const all = [x, y, z]',
  [`${bench}/servers/peer-effect.ts`]: 'import { x } from "effect"; import { y } from "node:http"; export const all = [x, y]',
  [`${bench}/fine.test.ts`]: 'import { x } from "@tidemark/kernel"; import { y } from "fast-check"; import { test } from "vitest"; test("x", () => y(x))',
  [`${kernel}/fine.test.ts`]:
    'import { test } from "vitest"; import { x } from "./ids.ts"; import { y } from "@tidemark/sim"; test("x", async () => { await y(x) })',
  "vitest.workspace.ts": "export default []",
}
