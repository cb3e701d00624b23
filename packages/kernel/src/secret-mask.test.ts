import { describe, expect, test } from "vitest"
import { callText } from "./capsule-call.ts"
import { FedLog, keyed } from "./capsule.testing.ts"
import { parseCursor } from "./cursor.ts"
import { instant, position, sessionName } from "./ids.ts"
import { maskedAsked, maskedHead, maskedOrigin, maskedPage, SecretMask } from "./secret-mask.ts"
import { Secrets } from "./secrets.ts"

const name = sessionName("default", "masked")
const mask = new SecretMask(name, new Secrets(keyed))

/** Four events, of which the log has let the first two go. */
function trimmed(): FedLog {
  const log = new FedLog(name)
  for (let n = 0; n < 4; n++) log.append(n === 1)
  log.trim(2)
  return log
}

describe("of what is written down", () => {
  const log = trimmed()
  const now = instant(1)
  const page = log.page({ position: position(2), point: log.at(2) }, 2)
  const tooOld = log.page({ position: position(1), point: undefined }, 2)
  const base = { point: log.at(3), shown: { view: { password: "hunter" }, provisional: null }, closed: null }
  const head = maskedHead(mask, log.head)
  const asked = maskedAsked(mask, { proof: log.head, history: page })

  test.each([
    ["a head", callText({ call: "handleHead", now, head })],
    ["a page of history", callText({ call: "handleHistory", now, reader: 1, page: maskedPage(mask, page) })],
    ["a page that is not there any more", callText({ call: "handleHistory", now, reader: 1, page: maskedPage(mask, tooOld) })],
    ["an opening", callText({ call: "openSession", now, from: maskedOrigin(mask, { ...log.origin(), base, floor: log.floor }) })],
    ["what is asked of a cursor", callText({ call: "explain", now, cursor: mask.cursor(log.cursor(2)), asked })],
  ])("%s holds no mark of the log and no secret", (_, text) => {
    const marks = log.entries.flatMap(({ mark }) => [String(mark), mark.toString(36)])
    expect([...marks, "hunter"].filter((each) => text.includes(each))).toEqual([])
  })

  test("a place is the same wherever it is told: as the floor, in a cursor, before a page", () => {
    const here = mask.point(log.at(2))
    const cursor = parseCursor(name, mask.cursor(log.cursor(2)))
    expect(head.floor).toEqual(here)
    expect(cursor.type === "cursor" && cursor.cursor.point).toEqual(here)
    expect(maskedPage(mask, page).after).toEqual(here)
  })
})
