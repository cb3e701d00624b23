// Every scenario, in the order in which they are run and shown.

import type { Scenario } from "./scenario.ts"
import { fanOut } from "./scenarios/fan-out.ts"
import { inside } from "./scenarios/inside.ts"
import { posts } from "./scenarios/post.ts"
import { quietAndStalled } from "./scenarios/quiet-and-stalled.ts"
import { storms } from "./scenarios/storm.ts"
import type { Column, ColumnName } from "./servers/columns.ts"
import type { Sizes } from "./sizes.ts"

export function scenarioList(columns: readonly Column[], sizes: Sizes): readonly Scenario[] {
  const column = (name: ColumnName): Column => {
    const found = columns.find((each) => each.name === name)
    if (found === undefined) throw new Error(`there is no column ${name}`)
    return found
  }
  const tidemark = column("tidemark")
  const plain = column("plain")
  // Peers resume from ids of their own making, or not at all: they are not asked to.
  const resuming = [tidemark, plain, column("coalescing")]
  const few = [tidemark, plain]
  // The floor of a write, where writes are what there is to see.
  const direct = column("direct")
  const others = columns.filter((each) => each !== direct)
  return [
    ...fanOut({ tidemark, direct, saturable: others, all: sizes.everyColumn ? others : resuming }, sizes),
    ...quietAndStalled(sizes.everyColumn ? others : few, sizes.everyColumn ? resuming : few, sizes),
    ...storms(resuming, sizes),
    ...posts(tidemark, plain, sizes),
    ...inside(tidemark, sizes),
  ]
}
