import type { Compilable, CompiledQuery, Kysely, QueryResult } from 'kysely'
import type { Schema } from './schema.ts'

/** Stands for a value while a query is compiled. */
class Slot {
  readonly name: string | symbol

  constructor(name: string | symbol) {
    this.name = name
  }
}

/**
 * For statements that are run for every message: to build and compile one costs several times what SQLite takes to run it, so
 * that is done once for each database. `build` gets stand-ins, which it may only pass on to Kysely as values.
 */
export function compiledOnce<Values extends object, Row>(
  build: (db: Kysely<Schema>, values: Values) => Compilable<Row>,
): (db: Kysely<Schema>, values: Values) => Promise<QueryResult<Row>> {
  const slots = new Proxy({}, { get: (_, name) => new Slot(name) }) as Values
  const compiledFor = new WeakMap<object, CompiledQuery<Row>>()
  return (db, values) => {
    const { adapter } = db.getExecutor() // a database has one, which its transactions share
    const compiled = compiledFor.get(adapter) ?? build(db, slots).compile()
    compiledFor.set(adapter, compiled)
    const parameters = compiled.parameters.map((parameter) =>
      parameter instanceof Slot ? values[parameter.name as keyof Values] : parameter,
    )
    return db.executeQuery({ ...compiled, parameters })
  }
}
