import assert from 'node:assert/strict'
import type { FaultEffect } from '../../simulator/faults.ts'
import { Random } from '../../simulator/random.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import type { StatusRecord } from '../../src/http/contract.ts'
import { assertCountsAddUp, assertPerfectCopy } from './copies.ts'
import { allowRefusal } from './refusals.ts'
import { Service, TempFolder } from './service.ts'
import { until } from './wait.ts'

/** Small, of several languages and shapes: a round is to be short and many-sided. */
const MAILBOXES = ['juergen.mueller@contoso.example', "siobhan.o'neill@contoso.example", 'user@example.com']

/** What goes wrong; each with the same probability, one answer in five in all. */
const BAD_DAYS: FaultEffect[] = [
  { status: 429, code: 'TooManyRequests', headers: { 'Retry-After': '1' } },
  { status: 429, code: 'TooManyRequests', headers: { 'Retry-After': '0.2' } },
  { status: 429, code: 'ApplicationThrottled', message: 'Application is over its MailboxConcurrency limit.' },
  { status: 401, code: 'InvalidAuthenticationToken', message: 'Lifetime validation failed, the token is expired.' },
  { status: 500, code: 'InternalServerError' },
  { status: 502, code: 'UnknownError' },
  { status: 503, code: 'ErrorServerBusy', headers: { 'Retry-After': '1' } },
  { status: 504, code: 'UnknownError' },
  { status: 404, empty_body: true },
  { reset: true },
  { cut: 200 },
  { cut: { after: 500, chunked: true } },
  { broken_json: true },
  { empty_page: true },
  { short_page: 3 },
  { malformed_next_link: true },
  { foreign_next_link: 'https://elsewhere.example' },
  { extra_removed: 3 },
  { delay_ms: 30 },
]
const FAILING_SHARE = 0.2

const STEPS = 12
const OUTCOMES: readonly StatusRecord['status'][] = ['completed', 'paused', 'failed', 'cancelled']

/**
 * One round: mailboxes that change while they are copied, a Graph on its worst day, a caller who pauses and goes on,
 * and a process that dies. In the end, when all is quiet, the stored mail has to equal the truth.
 */
export async function soakRound(seed: number): Promise<{ kills: number; faults: number }> {
  const random = new Random(seed)
  await using simulator = await startSimulator({ seed: `soak ${seed}` })
  using folder = new TempFolder()
  let service = await Service.start(simulator, folder)
  let kills = 0
  try {
    const share = FAILING_SHARE / BAD_DAYS.length
    BAD_DAYS.forEach((effect, index) => {
      const match = { path: '^/v1\\.0/', probability: share, seed: seed * 100 + index, times: 40 }
      simulator.faults.add({ match, effect })
    })
    for (const mailbox of MAILBOXES) await service.client.start(mailbox, { user_upn: mailbox })

    for (let step = 0; step < STEPS; step++) {
      await moreRequests(simulator, service, random.between(2, 12))
      const mailbox = random.pick(MAILBOXES)
      simulator.mutate({ user: mailbox, type: 'random', seed: random.next(), count: random.between(1, 8) })
      const dice = random.below(10)
      if (dice < 2) {
        await service.stop('SIGKILL')
        await assertCountsAddUp(folder)
        service = await Service.start(simulator, folder)
        kills++
      } else if (dice < 5) {
        await allowRefusal(service.client.pause(mailbox))
      } else if (dice === 5) {
        simulator.mutate({ user: mailbox, type: 'expire_tokens' })
      }
      for (const one of MAILBOXES) if (random.chance(0.7)) await goOn(service, one)
      await assertCountsAddUp(folder)
    }

    const faults = simulator.faults.list().reduce((sum, rule) => sum + rule.hits, 0)
    simulator.faults.clear()
    for (const mailbox of MAILBOXES) await finish(service, mailbox)
    await service.stop()
    for (const mailbox of MAILBOXES) await assertPerfectCopy(simulator, folder, mailbox)
    await assertCountsAddUp(folder)
    assert.equal(simulator.stats().violations, 0, 'Graph was never asked more than it allows')
    return { kills, faults }
  } finally {
    await service.stop('SIGKILL')
  }
}

/** Lets Graph be asked so many times more, or everything come to rest. */
async function moreRequests(simulator: Simulator, service: Service, count: number): Promise<void> {
  const wanted = simulator.stats().requests + count
  await until('more requests', async () => {
    if (simulator.stats().requests >= wanted) return true
    const records = await Promise.all(MAILBOXES.map((mailbox) => service.client.status(mailbox)))
    return records.every(({ status }) => OUTCOMES.includes(status as StatusRecord['status'])) || undefined
  })
}

/** Whatever the connection is at, it is to run. */
async function goOn({ client }: Service, mailbox: string): Promise<void> {
  const { status } = await client.status(mailbox)
  if (status === 'completed' || status === 'cancelled') await allowRefusal(client.start(mailbox, { user_upn: mailbox }))
  else if (status === 'paused' || status === 'failed') await allowRefusal(client.continue(mailbox))
}

/** Brings what is under way to its end, and then runs once more over a mailbox that keeps still. */
async function finish({ client }: Service, mailbox: string): Promise<void> {
  for (let runs = 0; runs < 2; runs++) {
    await until(`${mailbox} to complete`, async () => {
      const { status } = await client.status(mailbox)
      if (status === 'completed') return true
      if (status === 'paused' || status === 'failed') await allowRefusal(client.continue(mailbox))
      return undefined
    })
    if (runs === 0) await client.start(mailbox, { user_upn: mailbox })
  }
}
