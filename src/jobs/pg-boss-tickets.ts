import { fromKysely, PgBoss } from 'pg-boss'
import type { Waiting } from '../extractions/extraction-store.ts'

/** One ticket an extraction that is to run. */
export const MAILBOX_QUEUE = 'mailbox'
/** One ticket for all listing of members, so that one worker at a time asks the directory. */
export const DIRECTORY_QUEUE = 'directory'

/** Chunks of a size that Postgres takes quickly; one statement with all of a large batch hangs for minutes. */
const TICKETS_AT_ONCE = 5_000

const MOST_NEGATIVE_PRIORITY = -2_147_483_648
const MOST_PRIORITY = 2_147_483_647

const QUEUE = {
  policy: 'exclusive', // of one key, one ticket waits or is held
  notify: true, // a worker that waits begins at once
  heartbeatSeconds: 10, // the least that pg-boss takes: so long after its death a worker is replaced
  retryLimit: 1_000, // a lost worker is no failure; what fails for good says so in the row
  retryDelay: 0,
  expireInSeconds: 86_399, // the most that it takes: see MAX_TURN_MS of the engine
  retentionSeconds: 31_536_000, // a batch may wait for its turn for long
  deleteAfterSeconds: 600, // a ticket that was used has nothing to tell
  warningQueueSize: 1_000_000, // a long queue is no cause for alarm
} as const

/** What a ticket says: whose turn it is, and its place in the queue when it was issued. */
export type Ticket = Waiting

/** What `fromKysely` needs of a transaction, which belongs to whoever holds the rows. */
type KyselyTransaction = Parameters<typeof fromKysely>[0]

interface TicketLog {
  warn(fields: object, message: string): void
}

/** Issues tickets, in the transaction that queues an extraction or in one of their own. */
export class PgBossTickets implements AsyncDisposable {
  readonly boss: PgBoss

  private constructor(boss: PgBoss) {
    this.boss = boss
  }

  /**
   * Makes or updates pg-boss's own schema where needed; several processes may do so at once.
   * @param work whether this process also looks for workers that are lost
   */
  static async open(url: string, { work }: { work: boolean }, log: TicketLog): Promise<PgBossTickets> {
    const boss = new PgBoss({
      connectionString: url,
      application_name: 'outlookmail jobs',
      max: 4, // its statements are short
      supervise: work,
      useListenNotify: true,
      superviseIntervalSeconds: 1, // how soon a beat that is overdue is noticed
      monitorIntervalSeconds: 1, // the same: supervision passes over a queue more often than this
      queueCacheIntervalSeconds: 2, // how old the count may be that says there is a lot to fetch
      schedule: false, // we have no clockwork
    })
    // Without a listener an error would end the process. Of pg's errors, all but the message may hold values of rows.
    boss.on('error', (error) => log.warn({ reason: error.message }, 'the queue met an error, and goes on'))
    await boss.start()
    for (const queue of [MAILBOX_QUEUE, DIRECTORY_QUEUE]) {
      await boss.createQueue(queue, QUEUE)
      const { policy: _, ...changeable } = QUEUE // of one that an earlier version made
      await boss.updateQueue(queue, changeable)
    }
    return new PgBossTickets(boss)
  }

  async issue(trx: KyselyTransaction | undefined, waiting: readonly Waiting[]): Promise<void> {
    const options = trx ? { db: fromKysely(trx) } : {}
    if (waiting.length === 1) await this.#movePriority(waiting, options)
    for (let first = 0; first < waiting.length; first += TICKETS_AT_ONCE) {
      const tickets = waiting.slice(first, first + TICKETS_AT_ONCE).map((one) => ({
        singletonKey: one.extractionId,
        priority: priorityOf(one),
        data: one satisfies Ticket,
      }))
      await this.boss.insert(MAILBOX_QUEUE, tickets, options)
    }
  }

  async issueListing(trx?: KyselyTransaction): Promise<void> {
    const options = trx ? { db: fromKysely(trx) } : {}
    await this.boss.insert(DIRECTORY_QUEUE, [{ singletonKey: 'members', data: {} }], options)
  }

  /** One that is continued by name may have its ticket of before, far back in the queue. */
  async #movePriority(waiting: readonly Waiting[], options: { db?: ReturnType<typeof fromKysely> }): Promise<void> {
    for (const one of waiting) {
      const to = { singletonKey: one.extractionId, priority: priorityOf(one), ...options }
      await this.boss.update(MAILBOX_QUEUE, one, to)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.boss.stop({ graceful: false })
  }
}

/** pg-boss takes the highest first, and an integer of four bytes. */
function priorityOf({ fairTag }: Waiting): number {
  return Math.max(MOST_NEGATIVE_PRIORITY, Math.min(MOST_PRIORITY, -fairTag))
}
