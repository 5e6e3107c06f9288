interface Gate {
  isOpen: boolean
  passed: number
  waiting: Set<() => void>
  watchers: Set<() => void>
}

export interface GateState {
  name: string
  open: boolean
  waiting: number
  passed: number
}

/** Named places where requests wait until a test lets them through. A gate is closed until it is opened. */
export class Gates {
  private readonly gates = new Map<string, Gate>()

  state(name: string): GateState {
    const gate = this.gateOf(name)
    return { name, open: gate.isOpen, waiting: gate.waiting.size, passed: gate.passed }
  }

  /** Ends when the gate opens or the one who waits has gone. */
  async pass(name: string, signal: AbortSignal): Promise<void> {
    const gate = this.gateOf(name)
    if (!gate.isOpen && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          gate.waiting.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        gate.waiting.add(done)
        signal.addEventListener('abort', done)
        tell(gate)
      })
    }
    gate.passed++
    tell(gate)
  }

  /** For all who wait and all who come. */
  open(name: string): void {
    const gate = this.gateOf(name)
    gate.isOpen = true
    for (const go of [...gate.waiting]) go()
  }

  /** Lets so many of those who wait through; the gate stays closed for the rest. */
  release(name: string, count = 1): void {
    for (const go of [...this.gateOf(name).waiting].slice(0, count)) go()
  }

  close(name: string): void {
    this.gateOf(name).isOpen = false
  }

  /** Ends when at least so many requests wait at the gate. */
  async whenWaiting(name: string, count = 1, signal?: AbortSignal): Promise<GateState> {
    const gate = this.gateOf(name)
    while (gate.waiting.size < count && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          gate.watchers.delete(done)
          resolve()
        }
        gate.watchers.add(done)
        signal?.addEventListener('abort', done, { once: true })
      })
    }
    return this.state(name)
  }

  openAll(): void {
    for (const name of this.gates.keys()) this.open(name)
  }

  private gateOf(name: string): Gate {
    const gate = this.gates.get(name) ?? { isOpen: false, passed: 0, waiting: new Set(), watchers: new Set() }
    this.gates.set(name, gate)
    return gate
  }
}

function tell(gate: Gate): void {
  for (const watcher of [...gate.watchers]) watcher()
}
