// The page's script: one session, read with the browser's own EventSource. The browser keeps the last id and sends it when
// it reconnects; what is left to do here is to show what comes, and to say in words what does not.
//
// The one thing to know before changing it: `from=start&recover=rest` asks for every line that can still be read, so that a
// gap is said and reading goes on behind it. A page that shows a state instead of lines leaves `recover` out, and replaces
// its state with the `observation` that follows a gap.

/** Rows in the document; older ones go, and are counted. */
const rowsMax = 5000

const session = new URLSearchParams(location.search).get("session") || "deps"
const subscribeUrl = `/v1/sessions/${encodeURIComponent(session)}/subscribe?from=start&recover=rest&missing=wait`

const by = (id) => document.getElementById(id)
const log = by("log")
const lines = by("lines")
const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false })

/** What was received. From `first` to `last` nothing is missing but what `excepted` gaps said. */
const seen = { events: 0, first: 0, last: 0, excepted: 0, gaps: 0, resumed: 0, revision: 0, dropped: 0, wrong: "" }
/** The last gap and its row, until an event follows: said again after another cut, it is still the same one. */
let openGap
let source
let lastId = ""
let heartbeatMs = 15_000
let watchdog
/** While the connection is cut: since when, the row that says so, and how many gaps had been said before. */
let cut
let atEnd = true
let frame

by("session").value = session
by("hint").textContent = `npm ls --all 2>&1 | npx --no-install tidemark publish ${session}`
document.title = `${session} · Tidemark`
log.addEventListener("scroll", () => {
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48
  by("newest").hidden = atEnd
})
by("newest").addEventListener("click", () => {
  atEnd = true
  log.focus()
  show()
})
open()

function open() {
  source = new EventSource(lastId === "" ? subscribeUrl : `${subscribeUrl}&cursor=${lastId}`)
  source.onopen = () => {
    heard()
    if (cut === undefined) status("waiting", "Waiting for the session's first event")
  }
  source.onmessage = (message) => heard(message, (event) => takeEvent(event))
  on("hello", (hello) => {
    heartbeatMs = hello.heartbeatMs
    status("replaying", "Catching up")
  })
  on("gap", (gap) => takeGap(gap))
  on("caught_up", () => {
    if (cut !== undefined) handleResumed(cut)
    status("live", "Live")
  })
  on("heartbeat", () => {})
  on("reconnect", () => {})
  on("closed", ({ reason }) => {
    source.close()
    clearTimeout(watchdog)
    note("closed", `The session was closed: ${reason}. Nothing will follow.`)
    status("closed", "Closed")
  })
  source.onerror = () => {
    handleCut()
    if (source.readyState === EventSource.CONNECTING) status("reconnecting", "Connection lost, reconnecting")
    else if (source.readyState === EventSource.CLOSED) void handleRefusal()
  }
  heard()
}

function on(type, take) {
  source.addEventListener(type, (message) => heard(message, take))
}

/** Any sign of life. A connection that is dead without having said so is given up after three heartbeats. */
function heard(message, take) {
  clearTimeout(watchdog)
  watchdog = setTimeout(() => {
    source.close()
    handleCut()
    status("reconnecting", "Connection lost, reconnecting")
    open()
  }, 3 * heartbeatMs)
  if (message === undefined) return
  take(JSON.parse(message.data))
  if (message.lastEventId !== "") lastId = message.lastEventId
  show()
}

function handleCut() {
  if (seen.events > 0) cut ??= { at: Date.now(), gaps: seen.gaps, text: note("cut", "Connection lost.") }
}

/** What was missed has been given by now, and stands below the row. */
function handleResumed({ at, gaps, text }) {
  const whole = seen.gaps === gaps
  text.textContent = `Connection lost for ${seconds(Date.now() - at)}${whole ? ", then resumed right here: nothing is missing." : "."}`
  text.parentElement.classList.toggle("resumed", whole)
  seen.resumed++
  cut = undefined
}

function takeEvent({ position, revision, kind, at, data, commit }) {
  const anew = seen.events === 0 || otherEntries.has(openGap?.reason)
  if (anew) Object.assign(seen, { first: position, excepted: 0 })
  else if (openGap === undefined && position !== seen.last + 1) seen.wrong = `position ${position} came after ${seen.last}`
  openGap = undefined
  seen.events++
  Object.assign(seen, { last: position, revision })
  const text = typeof data === "string" ? data : JSON.stringify(data, null, 2)
  const row = add(commit ? "event commit" : "event")
  row.append(part("span", "position", position), part("span", "kind", kind === "line" ? "" : kind), part("span", "text", text))
  const stamp = part("time", "at", time.format(new Date(at)))
  stamp.dateTime = at
  row.append(stamp)
}

/** After these, positions do not go on from what was seen before. */
const otherEntries = new Set(["epoch", "ahead", "diverged"])

function takeGap(gap) {
  const words = seen.events === 0 ? beginning(gap) : (gapWords[gap.reason]?.(gap) ?? `Something is missing (${gap.reason}).`)
  if (openGap?.requested === gap.requested) {
    openGap.text.textContent = words
    return
  }
  seen.gaps++
  seen.excepted++
  openGap = { ...gap, text: note("gap", words) }
  by("spoken").textContent = words
}

/** One sentence for each of the eight reasons: what is missing, and why. */
const gapWords = {
  trimmed: ({ missed, earliest }) => `${entries(missed)} missing: this page was away for longer than the log keeps. It goes on at ${earliest}.`,
  lagged: ({ missed, earliest }) => `${entries(missed)} missing: this page read more slowly than the log forgets. It goes on at ${earliest}.`,
  epoch: () => "The session was made anew, or its log was lost. What follows belongs to the new one.",
  ahead: () => "The log lost its end: this page has seen entries that it no longer holds.",
  diverged: () => "The log lost its end and went on from there: the last entries above are not in it any more.",
  hole: ({ missed }) => `${entries(missed)} missing: they happened, and could not be recorded.`,
  unknown_log: () => "This session keeps no history: what happened meanwhile is missing. It goes on from now.",
  budget: ({ missed }) => `${entries(missed)} left out, because there were so many.`,
}

/** A page that has seen nothing yet has lost nothing: the log's beginning is gone, or a part of it. */
function beginning({ reason, missed, earliest }) {
  if (reason === "hole") return gapWords.hole({ missed })
  return `The log does not hold its beginning any more. This page begins at ${earliest}.`
}

function entries(count) {
  if (count === null) return "Some entries are"
  return count === 1 ? "1 entry is" : `${count.toLocaleString()} entries are`
}

/** The browser stops for good at any status but 200, and does not say which; the same request again does. */
async function handleRefusal() {
  clearTimeout(watchdog)
  status("reconnecting", "Connection refused, trying again")
  const asking = new AbortController()
  const answer = await fetch(source.url, { headers: { accept: "text/event-stream" }, signal: asking.signal }).catch(() => undefined)
  const passing = answer === undefined || answer.status === 200 || answer.status === 429 || answer.status >= 500
  if (passing) setTimeout(open, 2000)
  else if (answer.status === 204) status("closed", "Closed")
  else status("refused", `Refused: ${(await answer.json().catch(() => undefined))?.detail ?? answer.statusText}`)
  asking.abort()
}

function status(state, text) {
  if (by("status").dataset.state === state) return
  by("status").dataset.state = state
  by("status-text").textContent = text
}

function note(type, words) {
  const text = part("span", "text", words)
  add(`note ${type}`).append(text)
  return text
}

function add(className) {
  by("empty").hidden = true
  const row = document.createElement("li")
  row.className = className
  lines.append(row)
  if (lines.childElementCount > rowsMax) {
    lines.firstElementChild.remove()
    seen.dropped++
  }
  return row
}

function part(tag, className, text) {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

/** Counters and scrolling once a frame, however much has come. */
function show() {
  frame ??= requestAnimationFrame(() => {
    frame = undefined
    for (const name of ["events", "revision", "resumed", "gaps"]) by(name).textContent = seen[name].toLocaleString()
    by("dropped").hidden = seen.dropped === 0
    by("dropped").textContent = `${seen.dropped.toLocaleString()} earlier rows are not shown.`
    by("proof").textContent = proof()
    by("proof").classList.toggle("wrong", seen.wrong !== "")
    if (atEnd) log.scrollTop = log.scrollHeight
  })
}

function proof() {
  if (seen.wrong !== "") return `This must not happen: ${seen.wrong}.`
  if (seen.events === 0) return "Nothing received yet."
  const range = `${seen.first.toLocaleString()} to ${seen.last.toLocaleString()}`
  const but = seen.excepted === 0 ? "" : `, but for ${seen.excepted === 1 ? "the gap" : `the ${seen.excepted} gaps`} said above`
  return `Every entry from ${range} is here, once and in order${but}.`
}

function seconds(ms) {
  return ms < 950 ? `${Math.max(1, Math.round(ms / 100)) / 10} s` : `${Math.round(ms / 1000)} s`
}
