import { resolve } from 'node:path'

/** Where the database is, as DATABASE_URL names it. The address of a server may hold a password: never shown. */
export type DatabaseLocation = { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: string }

/** Throws an error whose message fits after the name of the setting, and never repeats it. */
export function parseDatabaseLocation(text: string): DatabaseLocation {
  if (/^postgres(ql)?:/.test(text)) return { kind: 'postgres', url: postgresUrl(text) }
  const path = /^sqlite:(?:\/\/)?(.+)$/.exec(text)?.[1]
  if (path) return { kind: 'sqlite', path: resolve(path) }
  throw new Error(
    'must be sqlite:PATH, such as sqlite:./data/outlookmail.db, or postgres://USER:PASSWORD@HOST:5432/DATABASE',
  )
}

function postgresUrl(text: string): string {
  if (!isReadable(text)) {
    throw new Error(
      'is no address that can be understood: use postgres://USER:PASSWORD@HOST:5432/DATABASE, with special characters of the password percent-encoded (%40 for @)',
    )
  }
  const { pathname, hash } = new URL(text)
  if (hash) throw new Error('has a # in it: where it belongs to the password, write %23')
  if (!/^\/[^/]+$/.test(pathname))
    throw new Error('must name one database behind the host, such as postgres://HOST/mail')
  return text
}

function isReadable(text: string): boolean {
  try {
    const { username, password, pathname } = new URL(text)
    for (const part of [username, password, pathname]) decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}
