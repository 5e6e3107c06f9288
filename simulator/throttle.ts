import { GraphError } from './answer.ts'

/** Outlook's limits per app and mailbox (Microsoft Graph throttling limits, Outlook service). */
export interface Limits {
  concurrent: number
  requests: number
  windowSeconds: number
}

export const OUTLOOK_LIMITS: Limits = { concurrent: 4, requests: 10_000, windowSeconds: 600 }

interface Usage {
  inFlight: number
  maxInFlight: number
  violations: number
  /** Requests by second, the newest last; what is older than the window is dropped. */
  seconds: { at: number; requests: number }[]
  inWindow: number
}

export interface MailboxUsage {
  max_in_flight: number
  /** Requests that came above a limit, answered with 429 or not. */
  violations: number
}

/** Counts what every app asks of every mailbox, and refuses what is too much. */
export class Throttle {
  private readonly usages = new Map<string, Usage>()

  private readonly limits: Limits
  private readonly enforced: boolean
  private readonly now: () => number

  constructor(limits: Limits, enforced: boolean, now: () => number) {
    this.limits = limits
    this.enforced = enforced
    this.now = now
  }

  /** Returns the function that ends the request. Refused requests count as usage all the same. */
  enter(appId: string, mailboxId: string): () => void {
    const usage = this.usageOf(`${appId} ${mailboxId}`)
    this.countInWindow(usage)
    usage.inFlight++
    usage.maxInFlight = Math.max(usage.maxInFlight, usage.inFlight)
    const refusal = this.refusalOf(usage)
    let open = true
    const leave = () => {
      if (open) usage.inFlight--
      open = false
    }
    if (!refusal) return leave
    usage.violations++
    if (!this.enforced) return leave
    leave()
    throw refusal
  }

  usageByMailbox(): Record<string, MailboxUsage> {
    const byMailbox: Record<string, MailboxUsage> = {}
    for (const [name, { maxInFlight, violations }] of this.usages) {
      const mailbox = name.slice(name.indexOf(' ') + 1)
      const sum = byMailbox[mailbox] ?? { max_in_flight: 0, violations: 0 }
      byMailbox[mailbox] = {
        max_in_flight: Math.max(sum.max_in_flight, maxInFlight),
        violations: sum.violations + violations,
      }
    }
    return byMailbox
  }

  /** Forgets the records, not the requests under way nor the window. */
  resetRecords(): void {
    for (const usage of this.usages.values()) {
      usage.maxInFlight = usage.inFlight
      usage.violations = 0
    }
  }

  private refusalOf({ inFlight, inWindow }: Usage): GraphError | undefined {
    if (inFlight > this.limits.concurrent) return throttled('Application is over its MailboxConcurrency limit.', '1')
    if (inWindow > this.limits.requests) return throttled('Application is over its request quota limit.', '10')
    return undefined
  }

  private countInWindow(usage: Usage): void {
    const second = Math.floor(this.now() / 1000)
    const last = usage.seconds.at(-1)
    if (last?.at === second) last.requests++
    else usage.seconds.push({ at: second, requests: 1 })
    usage.inWindow++
    for (
      let first = usage.seconds[0];
      first && first.at <= second - this.limits.windowSeconds;
      first = usage.seconds[0]
    ) {
      usage.inWindow -= first.requests
      usage.seconds.shift()
    }
  }

  private usageOf(name: string): Usage {
    const usage = this.usages.get(name) ?? { inFlight: 0, maxInFlight: 0, violations: 0, seconds: [], inWindow: 0 }
    this.usages.set(name, usage)
    return usage
  }
}

function throttled(message: string, retryAfter: string): GraphError {
  return new GraphError(
    429,
    'ApplicationThrottled',
    message,
    { 'retry-after': retryAfter },
    { code: '429', status: '429' },
  )
}
