import { type Kysely, sql } from 'kysely'
import type { Database, DialectName } from '../dialects/dialect.ts'

interface Column {
  name: string
  type: string
  notNull: boolean
  fallback: string | null
}

export interface Table {
  name: string
  columns: Column[]
  /** Primary key, unique columns and references, in words of SQL. */
  keys: string[]
  /** How the rows are kept, where that was chosen. */
  kept?: string
}

/** What migrations made of a database, their own tables left out. */
export interface DescribedSchema {
  tables: Table[]
  /** As SQL that makes them, by name. */
  indexes: Map<string, string>
  views: Map<string, string>
}

export function describeSchema({ db, dialect }: Database): Promise<DescribedSchema> {
  return READERS[dialect.name](db)
}

/** The schema as text, always the same for the same schema. */
export function toSql({ tables, indexes, views }: DescribedSchema): string {
  const parts = [
    ...tables.map(
      ({ name, columns, keys, kept }) =>
        `create table ${name} (\n  ${[...columns.map(toLine), ...keys].join(',\n  ')}\n)${kept ? ` ${kept}` : ''};`,
    ),
    ...[...indexes.values()].map((text) => `${text};`),
    ...[...views.values()].map((text) => `${text};`),
  ]
  return `-- What the migrations make; \`npm run schema\` writes this file anew.\n\n${parts.join('\n\n')}\n`
}

function toLine({ name, type, notNull, fallback }: Column): string {
  return `${name} ${type}${notNull ? ' not null' : ''}${fallback === null ? '' : ` default ${fallback}`}`
}

type Db = Kysely<unknown>

const READERS: Record<DialectName, (db: Database['db']) => Promise<DescribedSchema>> = {
  sqlite: (db) => describeSqlite(db as unknown as Db),
  postgres: (db) => describePostgres(db as unknown as Db),
}

async function describeSqlite(db: Db): Promise<DescribedSchema> {
  const objects = await rows<{ type: string; name: string; sql: string }>(
    db,
    sql`select type, name, sql from sqlite_master
      where sql is not null and name not like 'kysely%' and name not like 'sqlite%' order by name`,
  )
  const ofType = (type: string) => objects.filter((object) => object.type === type)
  const tables: Table[] = []
  for (const { name } of ofType('table')) tables.push(await describeSqliteTable(db, name))
  const texts = (type: string) => new Map(ofType(type).map((object) => [object.name, oneLine(object.sql)]))
  return { tables, indexes: texts('index'), views: texts('view') }
}

async function describeSqliteTable(db: Db, name: string): Promise<Table> {
  const columns = await rows<{ name: string; type: string; notnull: number; dflt_value: string | null; pk: number }>(
    db,
    sql`select * from pragma_table_info(${name})`,
  )
  const primary = columns.filter(({ pk }) => pk > 0).sort((one, other) => one.pk - other.pk)
  const unique = await rows<{ columns: string }>(
    db,
    sql`select (select group_concat(name, ', ') from pragma_index_info(list.name)) as columns
      from pragma_index_list(${name}) as list where list.origin = 'u' order by columns`,
  )
  const references = await rows<{ from: string; table: string; to: string }>(
    db,
    sql`select "from", "table", "to" from pragma_foreign_key_list(${name}) order by "from"`,
  )
  const [{ wr: isWithoutRowid } = { wr: 0 }] = await rows<{ wr: number }>(
    db,
    sql`select wr from pragma_table_list where name = ${name}`,
  )
  return {
    name,
    ...(isWithoutRowid && { kept: 'without rowid' }),
    columns: columns.map((column) => ({
      name: column.name,
      type: column.type.toLowerCase(),
      notNull: column.notnull === 1 || column.pk > 0,
      fallback: column.dflt_value,
    })),
    keys: [
      `primary key (${primary.map((column) => column.name).join(', ')})`,
      ...unique.map((key) => `unique (${key.columns})`),
      ...references.map(({ from, table, to }) => `foreign key (${from}) references ${table}(${to})`),
    ],
  }
}

async function describePostgres(db: Db): Promise<DescribedSchema> {
  const names = await rows<{ name: string }>(
    db,
    sql`select tablename collate "C" as name from pg_tables
      where schemaname = current_schema() and tablename not like 'kysely%' order by 1`,
  )
  const tables: Table[] = []
  for (const { name } of names) tables.push(await describePostgresTable(db, name))
  const indexes = await rows<{ name: string; text: string }>(
    db,
    sql`select indexname collate "C" as name, replace(indexdef, current_schema() || '.', '') as text from pg_indexes
      where schemaname = current_schema() and tablename not like 'kysely%'
        and not exists (select 1 from pg_constraint where conname = indexname) order by 1`,
  )
  const views = await rows<{ name: string; text: string }>(
    db,
    sql`select viewname collate "C" as name, definition as text from pg_views where schemaname = current_schema() order by 1`,
  )
  return {
    tables,
    indexes: new Map(indexes.map(({ name, text }) => [name, oneLine(text)])),
    views: new Map(views.map(({ name, text }) => [name, oneLine(`create view ${name} as ${text.replace(/;$/, '')}`)])),
  }
}

async function describePostgresTable(db: Db, name: string): Promise<Table> {
  const columns = await rows<Column>(
    db,
    sql`select attname as name, format_type(atttypid, atttypmod)
        || case when collname = 'C' then ' collate "C"' else '' end
        || case when attidentity = 'd' then ' generated by default as identity' else '' end as type,
        attnotnull as "notNull", pg_get_expr(adbin, adrelid) as fallback
      from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
        left join pg_collation on pg_collation.oid = attcollation
      where attrelid = ${name}::regclass and attnum > 0 and not attisdropped order by attnum`,
  )
  const keys = await rows<{ text: string }>(
    db,
    sql`select pg_get_constraintdef(oid) as text from pg_constraint
      where conrelid = ${name}::regclass and contype in ('p', 'u', 'f')
      order by array_position(array['p', 'u', 'f'], contype::text), 1`,
  )
  return {
    name,
    columns: columns.map((column) => ({ ...column, notNull: Boolean(column.notNull) })),
    keys: keys.map(({ text }) =>
      text.replace(/^[A-Z ]+/, (words) => words.toLowerCase()).replace(/REFERENCES/, 'references'),
    ),
  }
}

async function rows<Row>(db: Db, query: ReturnType<typeof sql<Row>>): Promise<Row[]> {
  return (await query.execute(db)).rows
}

function oneLine(text: string): string {
  return text
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/^CREATE [A-Z ]+/, (words) => words.toLowerCase())
}
