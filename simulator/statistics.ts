import type { RequestKind } from './faults.ts'
import type { MailboxUsage } from './throttle.ts'

export interface Stats {
  requests: number
  by_kind: Partial<Record<RequestKind, number>>
  by_status: Record<string, number>
  /** Requests that came in batches; they are among the others too. */
  batch_parts: number
  /** Of the bodies, as far as they were sent, compressed where they were; what a batch holds counts for the batch. */
  bytes: { served: number; by_kind: Partial<Record<RequestKind, number>> }
  /** By object id. */
  mailboxes: Record<string, { user_upn: string; requests: number; messages: number } & MailboxUsage>
  pages: {
    /** Pages of messages answered in full. */
    served: number
    distinct: number
    /** Pages answered more than once count here once for every time too much. */
    repeated: number
    /** How often every page link (path and query) was answered; only on request. */
    links?: Record<string, number>
  }
  max_in_flight: number
  violations: number
  /** Latency of all answers together: with so many in flight as are allowed, nobody can be done in less than this through that. */
  latency_ms: number
  tokens_issued: number
  cpu_seconds: number
}

export interface Served {
  kind: RequestKind
  status: number
  mailboxId: string | undefined
  messages: number
  /** Path and query, when the answer was a page of messages. */
  page: string | undefined
  inBatch: boolean
}

/** What the simulator was asked and what it gave. */
export class Statistics {
  private requests = 0
  private pagesServed = 0
  private byKind: Partial<Record<RequestKind, number>> = {}
  private byStatus: Record<string, number> = {}
  private batchParts = 0
  private bytesByKind: Partial<Record<RequestKind, number>> = {}
  private byMailbox = new Map<string, { requests: number; messages: number }>()
  private links = new Map<string, number>()
  private latencyMs = 0

  record({ kind, status, mailboxId, messages, page, inBatch }: Served): void {
    this.requests++
    if (inBatch) this.batchParts++
    this.byKind[kind] = (this.byKind[kind] ?? 0) + 1
    this.byStatus[status] = (this.byStatus[status] ?? 0) + 1
    if (mailboxId !== undefined) {
      const mailbox = this.byMailbox.get(mailboxId) ?? { requests: 0, messages: 0 }
      this.byMailbox.set(mailboxId, { requests: mailbox.requests + 1, messages: mailbox.messages + messages })
    }
    if (page !== undefined) {
      this.pagesServed++
      this.links.set(page, (this.links.get(page) ?? 0) + 1)
    }
  }

  sent(kind: RequestKind, bytes: number): void {
    if (bytes > 0) this.bytesByKind[kind] = (this.bytesByKind[kind] ?? 0) + bytes
  }

  /** An answer was kept back for so long, as a Graph of that latency would. */
  waited(ms: number): void {
    this.latencyMs += ms
  }

  reset(): void {
    this.requests = 0
    this.pagesServed = 0
    this.byKind = {}
    this.byStatus = {}
    this.batchParts = 0
    this.bytesByKind = {}
    this.byMailbox = new Map()
    this.links = new Map()
    this.latencyMs = 0
  }

  report(
    usage: Record<string, MailboxUsage>,
    upnOf: (mailboxId: string) => string,
    tokensIssued: number,
    withLinks: boolean,
  ): Stats {
    const none: MailboxUsage = { max_in_flight: 0, violations: 0 }
    const mailboxes = [...this.byMailbox].map(
      ([id, counts]) => [id, { user_upn: upnOf(id), ...counts, ...(usage[id] ?? none) }] as const,
    )
    const { user, system } = process.cpuUsage()
    return {
      requests: this.requests,
      by_kind: { ...this.byKind },
      by_status: { ...this.byStatus },
      batch_parts: this.batchParts,
      bytes: {
        served: Object.values(this.bytesByKind).reduce((sum, bytes) => sum + bytes, 0),
        by_kind: { ...this.bytesByKind },
      },
      mailboxes: Object.fromEntries(mailboxes),
      pages: {
        served: this.pagesServed,
        distinct: this.links.size,
        repeated: this.pagesServed - this.links.size,
        ...(withLinks && { links: Object.fromEntries(this.links) }),
      },
      max_in_flight: Math.max(0, ...Object.values(usage).map(({ max_in_flight }) => max_in_flight)),
      violations: Object.values(usage).reduce((sum, { violations }) => sum + violations, 0),
      latency_ms: this.latencyMs,
      tokens_issued: tokensIssued,
      cpu_seconds: (user + system) / 1e6,
    }
  }
}
