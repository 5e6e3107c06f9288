import SqliteHandle from 'better-sqlite3'

/** Throws unless the database holds so many messages, none twice; answers the folder they lie in. */
export function checkComplete(databasePath: string, messages: number): string {
  const database = new SqliteHandle(databasePath, { readonly: true })
  try {
    const stored = database
      .prepare<[], { rows: number; ids: number; folder: string }>(
        'select count(*) as rows, count(distinct id) as ids, max(parent_folder_id) as folder from emails',
      )
      .get()
    if (stored?.rows === messages && stored.ids === messages) return stored.folder
    throw new Error(`The copy holds ${stored?.rows} messages with ${stored?.ids} ids, not ${messages}`)
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
      .prepare<[], string>(`select name from pragma_table_info('emails') where name not in ('row', 'in_folder_since')`)
      .pluck()
      .all()
    const differing = database
      .prepare<[], number>(
        `select count(*) from (select ${columns} from main.emails except select ${columns} from other.emails)`,
      )
      .pluck()
      .get()
    if (differing !== 0) throw new Error(`${differing} messages differ between our copy and that of the floor`)
  } finally {
    database.close()
  }
}
