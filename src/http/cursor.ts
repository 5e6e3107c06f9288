import type { LedgerPosition } from '../copying/report.ts'
import type { EmailPosition } from '../copying/stored-email.ts'
import { invalidRequest } from './problems.ts'

/** Opaque to callers: where a listing goes on. One of another listing is refused, never misread. */
export function encodeEmailCursor({ receivedDateTime, row }: EmailPosition): string {
  return encode(['email', receivedDateTime, row])
}

export function decodeEmailCursor(cursor: string): EmailPosition {
  const [kind, receivedDateTime, row] = decode(cursor)
  if (kind !== 'email' || typeof receivedDateTime !== 'string' || !isPosition(row)) throw badCursor()
  return { receivedDateTime, row }
}

export function encodeMemberCursor(position: number): string {
  return encode(['member', position])
}

export function decodeMemberCursor(cursor: string): number {
  const [kind, position] = decode(cursor)
  if (kind !== 'member' || !isPosition(position)) throw badCursor()
  return position
}

export function encodeLedgerCursor({ messageId, part }: LedgerPosition): string {
  return encode(['ledger', messageId, part])
}

export function decodeLedgerCursor(cursor: string): LedgerPosition {
  const [kind, messageId, part] = decode(cursor)
  if (kind !== 'ledger' || typeof messageId !== 'string' || typeof part !== 'string') throw badCursor()
  return { messageId, part }
}

function encode(parts: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

function decode(cursor: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    return Array.isArray(parts) && encode(parts) === cursor ? parts : []
  } catch {
    return []
  }
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function badCursor() {
  return invalidRequest('cursor: is not a next_cursor that this call has answered')
}
