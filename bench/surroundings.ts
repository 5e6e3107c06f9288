import type { Findings } from './findings.ts'
import type { Asked } from './simulated-mailbox.ts'

/** What the bench measures. */
export type Part =
  | 'pages'
  | 'postgres'
  | 'latency'
  | 'naive'
  | 'requests'
  | 'attachments'
  | 'workers'
  | 'memory'
  | 'batch'
  | 'incremental'

export interface Settings {
  parts: readonly Part[]
  runs: number
  messages: number
  /** In the mailbox with attachments. */
  fileMessages: number
  /** Mailboxes of one message. */
  tiny: number
  /** In the largest mailbox of which the memory is measured. */
  large: number
  /** In the mailbox that is copied again and again. */
  unchanged: number
  /** Measures the floor without the index by time as well. */
  bareFloor: boolean
  /** Given to the Node that runs the service. */
  nodeOptions: readonly string[]
  /** Where results, charts and figures are to be written, if not into the project. */
  writeTo: URL | undefined
}

export interface Surroundings {
  /** For whatever the runs leave behind. */
  folder: string
  signal: AbortSignal
  say: (line: string) => void
  /** For docs/performance.md. */
  findings: Findings
}

/** Cores that neither the program nor the simulator used: what disturbed the run. */
export function othersShare(run: { busySeconds: number; cpuSeconds: number; seconds: number; asked: Asked }): number {
  return Math.max(0, run.busySeconds - run.cpuSeconds - run.asked.cpuSeconds) / run.seconds
}
