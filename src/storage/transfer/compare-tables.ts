import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'
import { type Key, keyOf, type PortableRow } from './portable-row.ts'
import { readBatch, readRange } from './read-rows.ts'
import type { TableShape } from './table-shape.ts'

/** What one database holds of a table. */
interface Contents {
  rows: number
  /** SHA-256 over all rows in the order of their keys, in the form that they have in both databases. */
  hash: string
}

export interface TableComparison {
  table: keyof Schema
  source: Contents
  target: Contents
  /** The first row that is missing, too many or not the same. */
  firstDifference: Key | undefined
}

/** Reads both tables once, side by side, and holds no more of them than a batch. */
export async function compareTable(
  source: Kysely<Schema>,
  target: Kysely<Schema>,
  table: TableShape,
  onRows: (rows: number) => void,
): Promise<TableComparison> {
  const hashes = { source: new ContentsHash(), target: new ContentsHash() }
  let firstDifference: Key | undefined
  let after: Key | undefined
  for (;;) {
    const batch = await readBatch(source, table, after)
    const last = batch.at(-1)
    const upTo = last && keyOf(table, last)
    const texts = batch.map((row) => hashes.source.add(row))
    let index = 0
    for await (const row of readRange(target, table, { after, upTo })) {
      const text = hashes.target.add(row)
      if (text !== texts[index]) firstDifference ??= firstOf(table, batch.slice(index), row)
      index++
    }
    const missing = batch[index]
    if (missing) firstDifference ??= keyOf(table, missing)
    onRows(batch.length)
    if (!upTo) break
    after = upTo
  }
  return { table: table.name, source: hashes.source.contents(), target: hashes.target.contents(), firstDifference }
}

/** Of what a row of the target stands in the place of: itself where it is too many, else the row that should be there. */
function firstOf(table: TableShape, expected: readonly PortableRow[], found: PortableRow): Key {
  const foundKey = keyOf(table, found)
  const isExpected = expected.some((row) => JSON.stringify(keyOf(table, row)) === JSON.stringify(foundKey))
  return isExpected && expected[0] ? keyOf(table, expected[0]) : foundKey
}

export async function hashOfTable(db: Kysely<Schema>, table: TableShape): Promise<string> {
  const hash = new ContentsHash()
  for await (const row of readRange(db, table, { after: undefined, upTo: undefined })) hash.add(row)
  return hash.contents().hash
}

class ContentsHash {
  readonly #hash = createHash('sha256')
  #rows = 0

  /** Answers the row as text: equal for equal rows. */
  add(row: PortableRow): string {
    const text = JSON.stringify(row)
    this.#hash.update(text).update('\n')
    this.#rows++
    return text
  }

  contents(): Contents {
    return { rows: this.#rows, hash: this.#hash.digest('hex') }
  }
}
