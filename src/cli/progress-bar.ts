import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import type { ProgressAnswer } from '../http/contract.ts'
import { describeSeconds } from './describe.ts'

/** What the bar shows of a run, or of several together. */
export interface Shown {
  percent: number
  stored: number
  total: number
  rate: number
  etaSeconds: number | null
  note: string
}

/** Progress on stderr; where that is no terminal, a line a state, so that a log stays readable. */
export class ProgressBar {
  readonly #bars: MultiBar
  readonly #bar: SingleBar

  constructor(things: 'messages' | 'rows' = 'messages') {
    this.#bars = new MultiBar(
      {
        stream: process.stderr,
        format: `{bar} {percentage}% | {stored}/{all} ${things} | {rate}/s | {eta_words} | {note}`,
        hideCursor: true,
        clearOnComplete: false,
        stopOnComplete: false,
        noTTYOutput: true,
        notTTYSchedule: 5_000,
        gracefulExit: false,
      },
      Presets.shades_classic,
    )
    this.#bar = this.#bars.create(100, 0, { stored: 0, all: 0, rate: 0, eta_words: 'starting', note: '' })
  }

  show({ percent, stored, total, rate, etaSeconds, note }: Shown): void {
    this.#bar.update(Math.floor(percent), {
      stored: stored.toLocaleString('en-US'),
      all: total.toLocaleString('en-US'),
      rate: Math.round(rate).toLocaleString('en-US'),
      eta_words: etaSeconds === null ? '…' : `${describeSeconds(etaSeconds)} left`,
      note,
    })
  }

  /** A line above the bar. */
  say(line: string): void {
    if (process.stderr.isTTY) this.#bars.log(`${line}\n`)
    else process.stderr.write(`${line}\n`)
  }

  [Symbol.dispose](): void {
    this.#bars.stop()
  }
}

/** Several runs as one. */
export function sumProgress(parts: readonly ProgressAnswer[]): Omit<Shown, 'note'> {
  const sum = (pick: (progress: ProgressAnswer) => number) => parts.reduce((total, part) => total + pick(part), 0)
  const total = sum((part) => part.messages_total)
  const weighted = sum((part) => part.percent * part.messages_total)
  const mean = parts.length === 0 ? 0 : sum((part) => part.percent) / parts.length
  return {
    percent: total > 0 ? weighted / total : mean,
    stored: sum((part) => part.messages_stored + part.messages_unchanged),
    total,
    rate: sum((part) => part.messages_per_second),
    etaSeconds: parts.some((part) => part.eta_seconds !== null)
      ? Math.max(...parts.map((part) => part.eta_seconds ?? 0))
      : null,
  }
}
