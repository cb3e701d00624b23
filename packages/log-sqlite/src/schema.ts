// The tables of a data file, as the statements that make them. Version n is what the first n lists make, so a new file and
// an old one go the same way, and a list that was released is never edited: a change is one more list.
//
// `entries` is clustered by session and position: a page of history is one walk through neighbouring pages, and trimming
// frees whole ones. `total` counts bytes from the session's first entry on, so that the entry at which a bound in bytes
// falls is found by bisection, as is the one at which an age falls: `at` never goes back within a session.
// `session` is a number that is never used twice; `id` and `workspace` are only ever looked up in `sessions`.

/** "TIDE" in ASCII: a file with another number is not ours. */
export const applicationId = 0x54494445

export const migrations: readonly (readonly string[])[] = [
  [
    `CREATE TABLE log (
        one           INTEGER PRIMARY KEY CHECK (one = 1),
        generation    TEXT    NOT NULL,  -- first half of every epoch
        commits       INTEGER NOT NULL,  -- transactions committed, and a jump for each replacement
        sessions_made INTEGER NOT NULL   -- the highest \`session\` ever used
      ) STRICT`,
    `CREATE TABLE workspaces (
        workspace TEXT    PRIMARY KEY,
        sessions  INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE sessions (
        session        INTEGER PRIMARY KEY,
        workspace      TEXT    NOT NULL,
        id             TEXT    NOT NULL,
        incarnation    TEXT    NOT NULL,  -- second half of its epoch
        model          TEXT    NOT NULL,
        metadata       TEXT    NOT NULL,  -- JSON
        keep_events    INTEGER,           -- retention, NULL: no such bound
        keep_bytes     INTEGER,
        keep_ms        INTEGER,
        position       INTEGER NOT NULL,  -- the head
        revision       INTEGER NOT NULL,
        mark           INTEGER NOT NULL,
        total          INTEGER NOT NULL,
        last_at        INTEGER NOT NULL,
        closed         TEXT,              -- the reason, NULL: open
        floor_position INTEGER NOT NULL,
        floor_revision INTEGER NOT NULL,
        floor_mark     INTEGER NOT NULL,
        floor_total    INTEGER NOT NULL,
        cleared        INTEGER NOT NULL,  -- rows of entries up to here are gone, those up to the floor are to go
        saved_position INTEGER,           -- of the snapshot, NULL: none
        saved_version  INTEGER,           -- of the model that made it
        keys           INTEGER NOT NULL,  -- rows in \`keys\`
        producers      INTEGER NOT NULL,  -- rows in \`producers\`
        UNIQUE (workspace, id)
      ) STRICT`,
    `CREATE INDEX sessions_by_model ON sessions (model, saved_version)`,
    `CREATE TABLE entries (
        session  INTEGER NOT NULL,
        position INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        mark     INTEGER NOT NULL,
        at       INTEGER NOT NULL,
        total    INTEGER NOT NULL,
        text     TEXT    NOT NULL,
        PRIMARY KEY (session, position)
      ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE snapshots (
        session  INTEGER PRIMARY KEY,
        position INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        mark     INTEGER NOT NULL,
        version  INTEGER NOT NULL,  -- of the model
        shown    TEXT    NOT NULL,  -- JSON
        hash     TEXT    NOT NULL   -- of \`shown\`
      ) STRICT`,
    `CREATE TABLE keys (
        session  INTEGER NOT NULL,
        key      TEXT    NOT NULL,
        hash     TEXT    NOT NULL,  -- of the content
        first    INTEGER NOT NULL,  -- the result: positions from here ...
        position INTEGER NOT NULL,  -- ... to here
        revision INTEGER NOT NULL,
        mark     INTEGER NOT NULL,
        at       INTEGER NOT NULL,
        PRIMARY KEY (session, key)
      ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX keys_in_order ON keys (session, first)`,
    `CREATE TABLE producers (
        session  INTEGER NOT NULL,
        producer TEXT    NOT NULL,
        highest  INTEGER NOT NULL,
        last     INTEGER NOT NULL,  -- position of its latest entry
        at       INTEGER NOT NULL,
        PRIMARY KEY (session, producer)
      ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX producers_in_order ON producers (session, last)`,
    `CREATE TABLE results (
        session  INTEGER NOT NULL,
        producer TEXT    NOT NULL,
        n        INTEGER NOT NULL,
        hash     TEXT    NOT NULL,
        first    INTEGER NOT NULL,
        position INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        mark     INTEGER NOT NULL,
        PRIMARY KEY (session, producer, n)
      ) STRICT, WITHOUT ROWID`,
    // Deleted sessions whose rows are still to go.
    `CREATE TABLE doomed (session INTEGER PRIMARY KEY) STRICT`,
  ],
]

export const schemaVersion = migrations.length
