import { expect, test } from "vitest"
import { CommandFailure } from "./exit.ts"
import { flag, integer, text, textOr, texts, type Command } from "./option.ts"
import { parseCommandLine } from "./parse-command-line.ts"

const url = textOr("http://127.0.0.1:4477", { name: "url", placeholder: "URL", env: "TIDEMARK_URL", about: "where" })
const output = text({ name: "output", placeholder: "F", about: "a file" })
const json = flag({ name: "json", about: "as JSON" })
const limits = texts({ name: "limit", placeholder: "NAME=VALUE", about: "a limit" })
const count = integer({ name: "count", placeholder: "N", about: "how many", min: 1, max: 1000 })

const command = (name: string, positional: boolean): Command => ({
  name,
  summary: "",
  ...(positional ? { positional: { name: "session", about: "its id" } } : {}),
  options: [url, output, json, limits, count],
  run: async () => 0,
})
const commands = [command("tail", true), command("sessions", false)]

const words = (line: string) => line.split(" ").filter((word) => word !== "")
const parse = (line: string, env: Record<string, string> = {}) => parseCommandLine(commands, words(line), env)

function args(line: string, env: Record<string, string> = {}) {
  const parsed = parse(line, env)
  if (parsed.type !== "run") throw new Error(`not understood: ${JSON.stringify(parsed)}`)
  return parsed.args
}

function wrong(line: string): string {
  const parsed = parse(line)
  return parsed.type === "wrong" ? parsed.message : parsed.type
}

test("options stand before or after the session, with a space or an equals sign", () => {
  const before = args("tail --output=f --json deps")
  expect([before.positional, before.get(output), before.get(json)]).toEqual(["deps", "f", true])
  const after = args("tail deps --output f")
  expect([after.positional, after.get(output), after.get(json)]).toEqual(["deps", "f", false])
})

test("the command line wins over the environment, and the environment over the default", () => {
  expect(args("tail deps").get(url)).toBe("http://127.0.0.1:4477")
  expect(args("tail deps", { TIDEMARK_URL: "http://env" }).get(url)).toBe("http://env")
  expect(args("tail deps --url http://line", { TIDEMARK_URL: "http://env" }).get(url)).toBe("http://line")
})

test("what stood on the command line can be told from what the environment has", () => {
  expect([...args("tail deps --limit a=1 --limit b=2", { TIDEMARK_URL: "http://env" }).given]).toEqual([["limit", ["a=1", "b=2"]]])
})

test("an option without its value is refused, and never takes the next option or the session for it", () => {
  expect(wrong("tail --output")).toBe("--output needs its value: --output F (or --output=-… if it begins with a dash)")
  expect(wrong("tail deps --output --json")).toBe("--output needs its value: --output F (or --output=-… if it begins with a dash)")
  expect(args("tail deps --output=-f").get(output)).toBe("-f")
})

test("an option given twice is refused unless it may be repeated", () => {
  expect(wrong("tail deps --url a --url b")).toBe("--url was given twice")
  expect(args("tail deps --limit a --limit b").get(limits)).toEqual(["a", "b"])
})

test("a switch takes no value", () => {
  expect(wrong("tail deps --json=yes")).toBe("--json is a switch and takes no value")
})

test("what nobody knows is refused with the name that was probably meant", () => {
  expect(wrong("tial deps")).toBe('there is no command "tial". Did you mean tail?')
  expect(wrong("tail deps --ouptut f")).toBe("tail has no option --ouptut. Did you mean --output?")
  expect(wrong("tail deps --bogus")).toBe("tail has no option --bogus")
  expect(wrong("tail deps -x")).toBe("tail has no option -x")
  expect(wrong("tail deps --Json")).toBe("tail has no option --Json. Did you mean --json?")
})

test("a session too few or too many is refused", () => {
  expect(wrong("tail")).toBe("tail needs <session>: its id")
  expect(wrong("tail deps more")).toBe('tail takes one <session>, and there is "more" too')
  expect(wrong("sessions deps")).toBe('sessions takes no "deps"')
})

test("after two dashes everything is a session", () => {
  expect(args("tail -- --json").positional).toBe("--json")
})

test("a number is read whole or refused", () => {
  expect(args("tail deps --count 12").get(count)).toBe(12)
  for (const bad of ["0", "1001", "1e2", "0x1", "1.5", "-3", "twelve"]) {
    expect(() => args(`tail deps --count=${bad}`).get(count)).toThrow(CommandFailure)
  }
})

test("help and version are understood wherever they stand, whatever else is wrong or missing", () => {
  expect(parse("--help")).toEqual({ type: "help", command: undefined })
  expect(parse("-h").type).toBe("help")
  expect(parse("help tail")).toEqual({ type: "help", command: commands[0] })
  expect(parse("tail --help")).toEqual({ type: "help", command: commands[0] })
  expect(parse("tail a b c -h").type).toBe("help")
  expect(parse("tail deps --help").type).toBe("help")
  expect(parse("--version").type).toBe("version")
  expect(parse("tail --version").type).toBe("version")
})

test("no command is no success", () => {
  expect(wrong("")).toBe("what should be done? Name a command.")
  expect(wrong("--url x tail deps")).toBe("a command comes first, then its options: --url cannot stand here")
})
