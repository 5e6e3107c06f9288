import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkComplete } from './check-copies.ts'
import type { NaiveResult, NaiveTask } from './naive.ts'
import { Program } from './processes.ts'
import { copyWithService } from './service.ts'
import { SimulatedMailbox } from './simulated-mailbox.ts'
import type { Settings, Surroundings } from './surroundings.ts'
import { median, number, spreadTable, table } from './table.ts'
import { GRAPH_RULES } from './versus-latency.ts'

const NAIVE = fileURLToPath(new URL('naive.ts', import.meta.url))

/** A hundred pages of ten already take a quarter of a minute. */
const MESSAGES = 1_000

/** How much longer a program takes that is written in an afternoon, with the latency and the limits of Graph. */
export async function versusNaive({ runs, nodeOptions }: Settings, surroundings: Surroundings): Promise<string> {
  const { folder, signal, say, findings } = surroundings
  await using mailbox = await SimulatedMailbox.open(MESSAGES, { folder, signal, rules: GRAPH_RULES })
  const naive = {
    pages: await copyNaively(mailbox, 'page by page', surroundings),
    messages: await copyNaively(mailbox, 'message by message', surroundings),
  }
  const ours: number[] = []
  for (let count = 0; count <= runs; count++) {
    const dataDir = join(folder, 'data')
    await mkdir(dataDir)
    const place = { dataDir, cacheDir: join(folder, 'compile-cache'), nodeOptions, signal }
    const { seconds } = await copyWithService(mailbox, { ...place, options: { attachments: 'none' } })
    checkComplete(join(dataDir, 'outlookmail.db'), MESSAGES)
    await rm(dataDir, { recursive: true })
    say(`${count === 0 ? 'rehearsal, not counted' : `run ${count} of ${runs}`}: ${number(seconds, 1)} s`)
    if (count > 0) ours.push(seconds)
  }
  const faster = (naiveSeconds: number) => ours.map((seconds) => naiveSeconds / seconds)
  for (const { way, seconds } of Object.values(naive)) {
    findings.figures.push({
      what: `Times as fast as a program of an afternoon that reads ${way}`,
      value: number(median(faster(seconds)), 1),
      target: '5 or more',
      part: 'naive',
    })
  }
  return [
    '## Against a program of an afternoon',
    `${number(MESSAGES, 0)} messages in one folder, with the latency and the limits of Graph. What the others do: [README.md](README.md).`,
    table(
      ['one run each', 'seconds', 'requests', 'above a limit'],
      Object.values(naive).map(({ way, seconds, asked }) => [
        way,
        number(seconds, 1),
        number(asked.requests, 0),
        number(asked.violations, 0),
      ]),
    ),
    spreadTable([
      { name: 'us, s', digits: 1, values: ours },
      { name: 'times as fast as page by page', digits: 1, values: faster(naive.pages.seconds), target: '5 or more' },
      {
        name: 'times as fast as message by message',
        digits: 1,
        values: faster(naive.messages.seconds),
        target: '5 or more',
      },
    ]),
  ].join('\n\n')
}

async function copyNaively(mailbox: SimulatedMailbox, way: NaiveTask['way'], { folder, signal, say }: Surroundings) {
  const { url, tenant_id, client_id, client_secret, ca_file } = mailbox.simulator.facts
  const databasePath = join(folder, 'naive.db')
  const task: NaiveTask = {
    way,
    graphUrl: url,
    tenantId: tenant_id,
    clientId: client_id,
    clientSecret: client_secret,
    userUpn: mailbox.userUpn,
    databasePath,
  }
  const env = { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: ca_file }
  const { result, asked } = await mailbox.observe(async () => {
    await using program = new Program([NAIVE, JSON.stringify(task)], { cwd: folder, env, signal })
    return await program.line((line) => (line.startsWith('{"seconds"') ? (JSON.parse(line) as NaiveResult) : undefined))
  })
  if (result.messages !== MESSAGES)
    throw new Error(`The copy ${way} holds ${result.messages} messages, not ${MESSAGES}`)
  await rm(databasePath)
  say(`${way}: ${number(result.seconds, 1)} s`)
  return { way, seconds: result.seconds, asked }
}
