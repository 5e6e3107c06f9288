import { describe } from 'node:test'
import { type PostgresServer, TempPostgres } from './postgres.ts'
import { type Place, TempFolder } from './service.ts'

export type DatabaseKind = 'sqlite' | 'postgres'

/** The same tests on each database. */
export function onEachDatabase(tests: (database: DatabaseKind) => void): void {
  for (const database of ['sqlite', 'postgres'] as const) describe(`on ${database}`, () => tests(database))
}

/** A place on one of the databases, gone with its test. */
export async function aPlace(database: DatabaseKind): Promise<TempFolder | PostgresPlace> {
  return database === 'sqlite' ? new TempFolder() : PostgresPlace.create()
}

/** A folder for what is kept in files, and an empty database of a Postgres server. */
export class PostgresPlace implements Place, AsyncDisposable {
  readonly #folder = new TempFolder()
  readonly #database: TempPostgres

  private constructor(database: TempPostgres) {
    this.#database = database
  }

  static async create(server?: PostgresServer): Promise<PostgresPlace> {
    return new PostgresPlace(await TempPostgres.create(server))
  }

  get path(): string {
    return this.#folder.path
  }

  get databaseUrl(): string {
    return this.#database.url
  }

  query<Row>(text: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return this.#database.query(text, parameters)
  }

  kept(text: string): string {
    return text.toWellFormed().replaceAll('\0', '\ufffd')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#folder[Symbol.dispose]()
    await this.#database[Symbol.asyncDispose]()
  }
}
