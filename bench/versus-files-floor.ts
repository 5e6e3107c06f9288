import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import SqliteHandle from 'better-sqlite3'
import { checkComplete } from './check-copies.ts'
import type { FilesFloorResult, FilesFloorTask } from './files-floor.ts'
import { Program } from './processes.ts'
import { type Copy, copyWithService, type ServicePlace } from './service.ts'
import { type Asked, SimulatedMailbox } from './simulated-mailbox.ts'
import { othersShare, type Settings, type Surroundings } from './surroundings.ts'
import { type Figure, median, number, runTable, spreadTable } from './table.ts'

const FLOOR = fileURLToPath(new URL('files-floor.ts', import.meta.url))

const MEGABYTE = 1_000_000
const LARGEST_BYTES = 150 * MEGABYTE
const PLAN = `,attachments=5:20000-5000000,largest=${LARGEST_BYTES}`

interface Run {
  us: Copy & { asked: Asked }
  /** A second copy, of a mailbox that the first has left without attachments. */
  alone: Copy
  floor: FilesFloorResult & { asked: Asked }
}

interface StoredFile {
  address: string
  bytes: number
}

/** A mailbox with attachments into SQLite and files: how near our service comes to a program that only fetches the bytes. */
export async function versusFilesFloor(
  { fileMessages, runs, nodeOptions }: Settings,
  { folder, signal, say, findings }: Surroundings,
): Promise<string> {
  say(`preparing ${fileMessages} messages with attachments`)
  await using mailbox = await SimulatedMailbox.open(fileMessages, { folder, signal, attachments: PLAN })

  const runOnce = async (name: string): Promise<Run> => {
    const dataDir = join(folder, 'data')
    const floorDir = join(folder, 'files')
    for (const each of [dataDir, floorDir]) await mkdir(each)
    const place = { dataDir, cacheDir: join(folder, 'compile-cache'), nodeOptions, options: {}, signal }
    const us = await mailbox.observe(() => copyWithService(mailbox, place))
    const files = storedFiles(join(dataDir, 'outlookmail.db'), mailbox)
    await rm(dataDir, { recursive: true }) // before the other comes, so that the disk has room for one
    const alone = await copyAttachmentsAlone(mailbox, place)
    const task = { login: mailbox.login, addresses: files.map(({ address }) => address), folder: floorDir }
    const floor = await mailbox.observe(() => fetchWithFloor(mailbox, task, { folder, signal }))
    await rm(floorDir, { recursive: true })

    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    if (bytes !== floor.result.bytes) throw new Error(`We hold ${bytes} bytes, the floor ${floor.result.bytes}`)
    const run = { us: { ...us.result, asked: us.asked }, alone, floor: { ...floor.result, asked: floor.asked } }
    say(`${name}: ${number(ratioOf(run), 2)} of the floor`)
    return run
  }
  await runOnce('rehearsal, not counted')
  const counted: Run[] = []
  for (let count = 1; count <= runs; count++) counted.push(await runOnce(`run ${count} of ${runs}`))
  findings.figures.push({
    what: 'Speed of attachments into files, against a program that only fetches them',
    value: number(median(counted.map(ratioOf)), 2),
    target: '0.80 or more',
    part: 'attachments',
  })
  return report(counted, fileMessages)
}

/** What the floor does: only the attachments, of messages that are there. */
async function copyAttachmentsAlone(mailbox: SimulatedMailbox, place: ServicePlace): Promise<Copy> {
  await mkdir(place.dataDir)
  await copyWithService(mailbox, { ...place, options: { attachments: 'none' } })
  const copy = await copyWithService(mailbox, { ...place, options: { attachments: 'content' } })
  storedFiles(join(place.dataDir, 'outlookmail.db'), mailbox) // throws unless all are there
  await rm(place.dataDir, { recursive: true })
  return copy
}

/** All that the copy holds, where Graph serves it. Throws unless it is complete. */
function storedFiles(
  databasePath: string,
  { messages, simulator: { facts }, userUpn }: SimulatedMailbox,
): StoredFile[] {
  checkComplete(databasePath, messages)
  const database = new SqliteHandle(databasePath, { readonly: true })
  try {
    const rows = database
      .prepare<[], { email_id: string; attachment_id: string; sha256: string | null; content_size: number }>(
        'select email_id, attachment_id, sha256, content_size from email_attachments',
      )
      .all()
    if (rows.length !== Math.floor(messages / 5) || rows.some(({ sha256 }) => sha256 === null))
      throw new Error(`The copy does not hold every attachment: there are ${rows.length}`)
    return rows.map(({ email_id, attachment_id, content_size }) => ({
      address: `${facts.url}/v1.0/users/${userUpn}/messages/${email_id}/attachments/${attachment_id}/$value`,
      bytes: content_size,
    }))
  } finally {
    database.close()
  }
}

async function fetchWithFloor(
  { simulator }: SimulatedMailbox,
  task: FilesFloorTask,
  { folder, signal }: Pick<Surroundings, 'folder' | 'signal'>,
): Promise<FilesFloorResult> {
  const taskFile = join(folder, 'files-floor.json')
  await writeFile(taskFile, JSON.stringify(task))
  const env = { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: simulator.facts.ca_file }
  await using program = new Program([FLOOR, taskFile], { cwd: folder, env, signal })
  return await program.line((line) =>
    line.startsWith('{"seconds"') ? (JSON.parse(line) as FilesFloorResult) : undefined,
  )
}

function ratioOf({ us, floor }: Run): number {
  return floor.seconds / us.seconds
}

function report(runs: readonly Run[], messages: number): string {
  const figure = (name: string, digits: number, value: (run: Run) => number | undefined, target?: string): Figure => ({
    name,
    digits,
    values: runs.map(value),
    ...(target !== undefined && { target }),
  })
  const bytes = median(runs.map(({ floor }) => floor.bytes))
  const figures = [
    figure('us, MB/s', 0, ({ us }) => bytes / MEGABYTE / us.seconds),
    figure('floor, MB/s', 0, ({ floor }) => bytes / MEGABYTE / floor.seconds),
    figure('us / floor', 2, ratioOf, '0.80 or more'),
    figure('attachments alone, MB/s', 0, ({ alone }) => bytes / MEGABYTE / alone.seconds),
    figure('attachments alone / floor', 2, ({ alone, floor }) => floor.seconds / alone.seconds),
    figure('our peak memory, MB', 0, ({ us }) => us.peakBytes && us.peakBytes / MEGABYTE, 'below 300'),
    figure('our requests', 0, ({ us }) => us.asked.requests),
    figure('our CPU, s', 1, ({ us }) => us.cpuSeconds),
    figure("floor's CPU, s", 1, ({ floor }) => floor.cpuSeconds),
    figure("simulator's CPU / our time", 2, ({ us }) => us.asked.cpuSeconds / us.seconds),
    figure("simulator's CPU / floor's time", 2, ({ floor }) => floor.asked.cpuSeconds / floor.seconds),
    figure("others' CPU / floor's time", 2, ({ floor }) => othersShare(floor), '0 is best'),
  ].filter(({ values }) => values.some((value) => value !== undefined))
  return [
    `## ${number(messages, 0)} messages with ${number(bytes / MEGABYTE, 0)} MB of attachments, against the floor`,
    `A fifth of the messages has an attachment of 20 kB to 5 MB, and one has ${LARGEST_BYTES / MEGABYTE} MB. No latency, no limits. Our time
is that of the whole copy: pages, lists of attachments, hashes, database; *alone* is a second copy, of which the first has left out the attachments. The floor only streams the same contents to files,
four at a time, and knows their addresses: [README.md](README.md).`,
    spreadTable(figures),
    runTable(figures),
  ].join('\n\n')
}
