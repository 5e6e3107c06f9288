import type {
  BatchStartBody,
  Email,
  Failure,
  Health,
  MoveAnswer,
  ResultAnswer,
  StartAnswer,
  StartBody,
  StatusAnswer,
  StatusRecord,
} from './contract.ts'
import type {
  BatchMoveAnswer,
  BatchResultAnswer,
  BatchStartAnswer,
  BatchStatusAnswer,
  BatchUsersAnswer,
} from './contract-batch.ts'
import type { ReportAnswer, SkippedAnswer } from './contract-report.ts'

/** The service said no, or could not be reached (`service_unreachable`, statusCode 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: Failure['code'] | 'result_not_ready' | 'unexpected_answer'
  /** Of the response. */
  readonly statusCode: number
  readonly details: readonly string[]
  /** Of the extraction or batch, where the answer gave it. */
  readonly status: string | undefined

  constructor(
    { code, error, details, status }: Partial<Omit<Failure, 'code'>> & { code: ApiError['code'] },
    statusCode: number,
    options?: ErrorOptions,
  ) {
    super(error, options)
    this.code = code
    this.statusCode = statusCode
    this.details = details ?? []
    this.status = status
  }
}

export type Move = 'pause' | 'continue' | 'cancel'

export interface ResultOptions {
  /** What is stored so far, in any state. */
  partial?: boolean
  /** Emails a request; the caller sees one list. */
  pageSize?: number
}

/** A client of our own API, for the command line and for pages in a browser. */
export class ApiClient {
  readonly #baseUrl: string

  /** `baseUrl` is the origin, such as `http://127.0.0.1:3006`. */
  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '')
  }

  health(): Promise<Health> {
    return this.#call('GET', '/health')
  }

  start(connectionId: string, body: StartBody): Promise<StartAnswer> {
    return this.#call('POST', extractPath('start', connectionId), body)
  }

  move(move: Move, connectionId: string): Promise<MoveAnswer> {
    return this.#call('POST', extractPath(move, connectionId))
  }

  pause(connectionId: string): Promise<MoveAnswer> {
    return this.move('pause', connectionId)
  }

  continue(connectionId: string): Promise<MoveAnswer> {
    return this.move('continue', connectionId)
  }

  cancel(connectionId: string): Promise<MoveAnswer> {
    return this.move('cancel', connectionId)
  }

  status(connectionId: string): Promise<StatusAnswer> {
    return this.#call('GET', extractPath('status', connectionId))
  }

  /** Every stored email, newest first, a page at a time. Throws `result_not_ready` where there is no result yet. */
  async *result(connectionId: string, { partial = false, pageSize = 200 }: ResultOptions = {}): AsyncGenerator<Email> {
    const query = new URLSearchParams({ limit: String(pageSize) })
    if (partial) query.set('partial', 'true')
    for (;;) {
      const page: ResultAnswer = await this.#call('GET', `${extractPath('result', connectionId)}?${query}`)
      yield* page.emails
      if (page.next_cursor === null) return
      query.set('cursor', page.next_cursor)
    }
  }

  report(connectionId: string): Promise<ReportAnswer> {
    return this.#call('GET', extractPath('report', connectionId))
  }

  /** Every entry of the ledger, a page at a time. */
  async *skipped(connectionId: string): AsyncGenerator<SkippedAnswer['skipped'][number]> {
    const query = new URLSearchParams({ limit: '1000' })
    for (;;) {
      const page: SkippedAnswer = await this.#call('GET', `${extractPath('skipped', connectionId)}?${query}`)
      yield* page.skipped
      if (page.next_cursor === null) return
      query.set('cursor', page.next_cursor)
    }
  }

  retrySkipped(connectionId: string): Promise<StartAnswer> {
    return this.#call('POST', extractPath('retry-skipped', connectionId))
  }

  startBatch(body: BatchStartBody): Promise<BatchStartAnswer> {
    return this.#call('POST', '/api/emails/extract/batch/start', body)
  }

  moveBatch(move: Move, batchId: string): Promise<BatchMoveAnswer> {
    return this.#call('POST', extractPath(`batch/${move}`, batchId))
  }

  pauseBatch(batchId: string): Promise<BatchMoveAnswer> {
    return this.moveBatch('pause', batchId)
  }

  continueBatch(batchId: string): Promise<BatchMoveAnswer> {
    return this.moveBatch('continue', batchId)
  }

  cancelBatch(batchId: string): Promise<BatchMoveAnswer> {
    return this.moveBatch('cancel', batchId)
  }

  batchStatus(batchId: string): Promise<BatchStatusAnswer> {
    return this.#call('GET', extractPath('batch/status', batchId))
  }

  batchResult(batchId: string): Promise<BatchResultAnswer> {
    return this.#call('GET', extractPath('batch/result', batchId))
  }

  /** The status record of every member, or of those in one status. */
  async *batchUsers(batchId: string, status?: StatusRecord['status']): AsyncGenerator<StatusRecord> {
    const query = new URLSearchParams({ limit: '1000', ...(status && { status }) })
    for (;;) {
      const page: BatchUsersAnswer = await this.#call('GET', `${extractPath('batch/users', batchId)}?${query}`)
      yield* page.users
      if (page.next_cursor === null) return
      query.set('cursor', page.next_cursor)
    }
  }

  /** Erases all that is stored of the mailbox. */
  eraseMailbox(userUpn: string): Promise<{ user_upn: string; message: string }> {
    return this.#call('DELETE', `/api/emails/mailboxes/${encodeURIComponent(userUpn)}`)
  }

  async #call<Answer>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Answer> {
    let response: Response
    let text: string
    try {
      response = await fetch(this.#baseUrl + path, {
        method,
        ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      text = await response.text()
    } catch (cause) {
      const error = `Could not reach the service at ${this.#baseUrl}; is it running?`
      throw new ApiError({ code: 'service_unreachable', error }, 0, { cause })
    }
    return readAnswer(text, response.status, response.ok)
  }
}

function readAnswer<Answer>(text: string, statusCode: number, ok: boolean): Answer {
  const answer = parse(text)
  if (answer === undefined || (!ok && typeof answer.code !== 'string')) {
    const error = `The service gave an answer that is none of ours (status ${statusCode})`
    throw new ApiError({ code: 'unexpected_answer', error }, statusCode)
  }
  if (!ok) throw new ApiError(answer as Failure, statusCode)
  // A start is answered 202 as well, but without an error.
  if (typeof answer.error === 'string' && statusCode === 202) {
    throw new ApiError({ ...answer, code: 'result_not_ready' }, statusCode)
  }
  return answer as Answer
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function extractPath(call: string, id: string): string {
  // A URL resolves these two away, even encoded: another path would be asked.
  if (id === '.' || id === '..' || id === '') {
    throw new ApiError({ code: 'invalid_request', error: `"${id}" cannot be an id in a path` }, 0)
  }
  return `/api/emails/extract/${call}/${encodeURIComponent(id)}`
}
