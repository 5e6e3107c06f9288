import type { Asked } from './simulated-mailbox.ts'

/** What the bench measures. */
export type Part = 'pages' | 'latency' | 'naive' | 'requests' | 'attachments' | 'workers'

export interface Settings {
  parts: readonly Part[]
  runs: number
  messages: number
  /** In the mailbox with attachments. */
  fileMessages: number
  /** Mailboxes of one message. */
  tiny: number
  /** Measures the floor without the index by time as well. */
  bareFloor: boolean
  /** Given to the Node that runs the service. */
  nodeOptions: readonly string[]
}

export interface Surroundings {
  /** For whatever the runs leave behind. */
  folder: string
  signal: AbortSignal
  say: (line: string) => void
}

/** Cores that neither the program nor the simulator used: what disturbed the run. */
export function othersShare(run: { busySeconds: number; cpuSeconds: number; seconds: number; asked: Asked }): number {
  return Math.max(0, run.busySeconds - run.cpuSeconds - run.asked.cpuSeconds) / run.seconds
}
