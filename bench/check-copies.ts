import SqliteHandle from 'better-sqlite3'

/** Throws unless the database holds just these messages, none twice. */
export function checkComplete(databasePath: string, ids: ReadonlySet<string>): void {
  const database = new SqliteHandle(databasePath, { readonly: true })
  try {
    const stored = database.prepare<[], string>('select id from emails').pluck().all()
    const right = stored.length === ids.size && new Set(stored).size === ids.size && stored.every((id) => ids.has(id))
    if (!right) throw new Error(`${databasePath} holds ${stored.length} messages, not the ${ids.size} there are`)
  } finally {
    database.close()
  }
}

/** Throws unless both hold the same mail, in every column: then both did the same work. */
export function checkEqual(databasePath: string, otherPath: string): void {
  const database = new SqliteHandle(databasePath, { readonly: true })
  try {
    database.prepare('attach ? as other').run(otherPath)
    const columns = database
      .prepare<[], string>(`select name from pragma_table_info('emails') where name <> 'row'`)
      .pluck()
      .all()
    const differing = database
      .prepare<[], number>(
        `select count(*) from (select ${columns} from main.emails except select ${columns} from other.emails)`,
      )
      .pluck()
      .get()
    if (differing !== 0) throw new Error(`${differing} messages differ between ${databasePath} and ${otherPath}`)
  } finally {
    database.close()
  }
}
