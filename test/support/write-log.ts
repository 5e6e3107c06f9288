import assert from 'node:assert/strict'
import {
  type ExtractionEvent,
  type ExtractionStatus,
  nextStatus,
  RUNNING_STATUSES,
} from '../../src/extractions/extraction-status.ts'
import type { PostgresPlace } from './place.ts'

/** An update of an extraction's row. */
interface ExtractionWrite {
  transaction: string
  /** The name that the process gave its connections. */
  writer: string
  extraction_id: string
  address: string
  mailbox_id: string | null
  from: ExtractionStatus
  to: ExtractionStatus
  old_epoch: number
  epoch: number
  /** It counts that a worker could not go on: its own, or one that was lost. */
  is_crash: boolean
}

/** A row of mail, or of how far a walk got, written or deleted. */
interface MailWrite {
  transaction: string
  writer: string
  table: string
  mailbox_id: string
}

/** What was committed, in order: of one extraction, and of those of one mailbox, each write waited for the one before. */
export interface WriteLog {
  extractions: ExtractionWrite[]
  mail: MailWrite[]
}

/** All that only the worker which has the mailbox may write. */
const MAIL_TABLES = [
  'folders',
  'lanes',
  'emails',
  'email_contents',
  'email_attachments',
  'skipped_emails',
  'walked_messages',
]

const LOG = `
  create table write_log (
    seq bigint generated always as identity primary key,
    transaction xid8 not null default pg_current_xact_id(),
    writer text not null default current_setting('application_name'),
    written text not null,
    mailbox_id bigint,
    extraction_id text,
    address text,
    old_status text,
    new_status text,
    old_epoch bigint,
    new_epoch bigint,
    is_crash boolean
  );
  create function log_extraction() returns trigger language plpgsql as $$
  begin
    insert into write_log
      (written, mailbox_id, extraction_id, address, old_status, new_status, old_epoch, new_epoch, is_crash)
      values (tg_table_name, new.mailbox_id, new.id, new.address_key, old.status, new.status, old.epoch, new.epoch,
              new.crashes > old.crashes);
    return null;
  end $$;
  create function log_mail() returns trigger language plpgsql as $$
  begin
    insert into write_log (written, mailbox_id) values (tg_table_name, coalesce(new.mailbox_id, old.mailbox_id));
    return null;
  end $$;
  create trigger log_writes after update on extractions for each row execute function log_extraction();
  ${MAIL_TABLES.map(
    (table) => `create trigger log_writes after insert or update or delete on ${table}
                for each row execute function log_mail();`,
  ).join('\n')}`

/** From here on the database itself notes who writes what. */
export async function beginWriteLog(place: PostgresPlace): Promise<void> {
  await place.query(LOG)
}

export async function readWriteLog(place: PostgresPlace): Promise<WriteLog> {
  // One statement, so that what is written meanwhile is seen in both or in neither.
  const rows = await place.query<(ExtractionWrite | MailWrite) & { table: string }>(
    `select transaction::text, writer, written as "table", mailbox_id, extraction_id, address,
            old_status as "from", new_status as "to", old_epoch::int, new_epoch::int as epoch, is_crash
     from write_log order by seq`,
  )
  const isMail = (row: (typeof rows)[number]): row is MailWrite => row.table !== 'extractions'
  return { extractions: rows.filter((row) => !isMail(row)) as ExtractionWrite[], mail: rows.filter(isMail) }
}

/** The moves of which a worker begins to run. */
export function startsOf({ extractions }: WriteLog): ExtractionWrite[] {
  return extractions.filter(isStart)
}

/** The worker that last began to copy the mailbox. */
export function holderOf(log: WriteLog, mailbox: string): string | undefined {
  return startsOf(log).findLast(({ address }) => address === mailbox.toLowerCase())?.writer
}

/** The claims that another worker took over, each with the worker which had it. */
export function lossesOf({ extractions }: WriteLog): { address: string; writer: string }[] {
  const holders = new Map<string, string>()
  const losses: { address: string; writer: string }[] = []
  for (const write of extractions) {
    const { extraction_id, address, writer } = write
    if (isLoss(write)) losses.push({ address, writer: holders.get(extraction_id) ?? 'nobody' })
    if (isStart(write)) holders.set(extraction_id, writer)
  }
  return losses
}

function isStart({ from, to }: ExtractionWrite): boolean {
  return from === 'queued' && to === 'in_progress'
}

/** Noted by whoever takes the ticket of one that is lost; a worker which gives its own work back keeps its epoch. */
function isLoss({ is_crash, old_epoch, epoch }: ExtractionWrite): boolean {
  return is_crash && epoch > old_epoch
}

const ASKED: ExtractionEvent[] = ['pause', 'continue', 'cancel']
const DONE: ExtractionEvent[] = ['start', 'stop', 'complete', 'fail', 'lose']

/** Every change of a status stands in the table of moves, and is one that this process may make. */
export function assertMovesAreAllowed({ extractions }: WriteLog): void {
  for (const write of extractions) {
    const { from, to, writer } = write
    const events = writer === 'api' ? ASKED : writer.startsWith('worker') ? DONE : [...ASKED, ...DONE]
    const isAllowed = from === to || events.some((event) => nextStatus(from, event) === to)
    assert.ok(isAllowed, `${writer} moved an extraction from ${from} to ${to}: ${JSON.stringify(write)}`)
  }
}

/**
 * An epoch never goes back and never skips: it rises by one at each start, and where a worker is noted as lost. Whatever
 * ends a run before its time says in the same transaction what becomes of it.
 */
export function assertEpochsRiseByOne({ extractions }: WriteLog): void {
  extractions.forEach((write, index) => {
    const { from, to, old_epoch, epoch, is_crash } = write
    const rise = isStart(write) || isLoss(write) ? 1 : 0
    assert.equal(epoch - old_epoch, rise, `the epoch of ${JSON.stringify(write)}`)
    if (!is_crash) return
    assert.ok(isRunning(from) && from === to, `nobody had what was lost: ${JSON.stringify(write)}`)
    const next = extractions.slice(index + 1).find(({ extraction_id }) => extraction_id === write.extraction_id)
    const isSettled = next?.transaction === write.transaction && !isRunning(next.to)
    assert.ok(isSettled, `what was lost stayed ${from}: ${JSON.stringify(write)}`)
  })
}

/** Under one epoch one worker writes, and once a later epoch is there, nobody writes under an earlier one. */
export function assertOneWriterAnEpoch({ extractions }: WriteLog): void {
  const writers = new Map<string, string>()
  const epochs = new Map<string, number>()
  for (const write of extractions) {
    const { extraction_id, epoch, writer } = write
    assert.ok(epoch >= (epochs.get(extraction_id) ?? 0), `a write of an earlier epoch: ${JSON.stringify(write)}`)
    epochs.set(extraction_id, epoch)
    if (writer === 'api') continue // wishes are nobody's claim
    const first = writers.get(`${extraction_id} ${epoch}`) ?? writer
    assert.equal(writer, first, `a second writer: ${JSON.stringify(write)}`)
    writers.set(`${extraction_id} ${epoch}`, writer)
  }
}

/** Of the extractions of one mailbox, one at a time runs; which mailbox it is, each learns from Graph when it begins. */
export function assertOneRunAMailbox({ extractions }: WriteLog): void {
  const running = new Map<string, string>()
  for (const write of extractions) {
    const { mailbox_id, extraction_id, to } = write
    if (mailbox_id === null) continue
    if (isRunning(to)) {
      assert.equal(running.get(mailbox_id) ?? extraction_id, extraction_id, `two at once: ${JSON.stringify(write)}`)
      running.set(mailbox_id, extraction_id)
    } else if (running.get(mailbox_id) === extraction_id) {
      running.delete(mailbox_id)
    }
  }
}

/** Every row of mail was written in a transaction that holds the claim of its mailbox, by the one who has it. */
export function assertMailIsWrittenUnderAClaim({ extractions, mail }: WriteLog): void {
  const claims = Map.groupBy(extractions, ({ transaction }) => transaction)
  for (const write of mail) {
    const [claim, ...more] = claims.get(write.transaction) ?? []
    assert.ok(claim && isRunning(claim.from), `written without a claim: ${JSON.stringify(write)}`)
    const isSame = more.every(({ extraction_id, epoch }) => {
      return extraction_id === claim.extraction_id && epoch === claim.epoch
    })
    assert.ok(isSame, `written under two claims: ${JSON.stringify(write)}`)
    assert.deepEqual(
      { mailbox: write.mailbox_id, writer: write.writer },
      { mailbox: claim.mailbox_id, writer: claim.writer },
      `written under another's claim: ${JSON.stringify(write)}`,
    )
  }
}

function isRunning(status: ExtractionStatus): boolean {
  return (RUNNING_STATUSES as readonly ExtractionStatus[]).includes(status)
}
