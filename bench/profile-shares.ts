import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { number, table } from './table.ts'

// What the main thread spent its time on, of CPU profiles that `npm run bench -- --profile DIR` has left:
//   node bench/profile-shares.ts DIR

/** The parts of V8's format (.cpuprofile) that are read here; times are in microseconds. */
interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[]
  samples: number[]
  timeDeltas: number[]
}

/** The first that fits names the share. V8 books what a native function does on the function of JavaScript that calls it. */
const KINDS: readonly [name: string, fits: (name: string, url: string) => boolean][] = [
  ['idle', (name) => name === '(idle)'],
  ['garbage collection', (name) => name === '(garbage collector)'],
  ['SQLite', (_, url) => /dialects\/sqlite\.ts|better-sqlite3/.test(url)],
  ['bytes to text', (name) => /^(utf8Slice|latin1Slice|toString)$/.test(name)],
  ['JSON', (name, url) => (name === 'parse' && url.endsWith('graph-client.ts')) || url.endsWith('storage/json.ts')],
  [
    'loading of modules',
    (name, url) =>
      /node:internal\/(modules|bootstrap)|amaro/.test(url) ||
      /^(compile|wrapSafe|ModuleWrap|internalModule)/.test(name),
  ],
  ['SQL made by Kysely', (_, url) => url.includes('/kysely/')],
  ["Postgres's client", (_, url) => /\/pg(-\w+)?\//.test(url)],
  [
    'network and TLS',
    (name, url) => /tls|stream|node:net|undici|node:_http/.test(url) || /^(write|read|shutdown)/.test(name),
  ],
  ['our own code', (_, url) => /\/src\/\w+/.test(url)],
]

const [folder = ''] = process.argv.slice(2)
const runs = globSync('*.0.*.cpuprofile', { cwd: folder }).map((file) => sharesOf(join(folder, file))) // 0: the main thread
const kinds = [...KINDS.map(([name]) => name), 'everything else']
const lines = kinds.map((kind) => [kind, ...runs.map((shares) => number((shares.get(kind) ?? 0) / 1000, 0))])
const sums = runs.map((shares) => number(shares.values().reduce((sum, time) => sum + time, 0) / 1000, 0))
process.stdout.write(
  `${table(['ms on the main thread', ...runs.map((_, n) => `run ${n}`)], [...lines, ['together', ...sums]])}\n`,
)

function sharesOf(file: string): Map<string, number> {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile
  const kindOf = new Map(nodes.map(({ id, callFrame: { functionName, url } }) => [id, kindFor(functionName, url)]))
  const shares = new Map<string, number>()
  for (const [index, node] of samples.entries()) {
    const kind = kindOf.get(node) ?? 'everything else'
    shares.set(kind, (shares.get(kind) ?? 0) + (timeDeltas[index] ?? 0))
  }
  return shares
}

function kindFor(name: string, url: string): string | undefined {
  return KINDS.find(([, fits]) => fits(name, url))?.[0]
}
