import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Where a program of this project is, from its name below the project's root without the extension. */
function programPath(name: string): string {
  return fileURLToPath(new URL(`../../${name}.js`, import.meta.url))
}

/** Runs a program of this project in another process, which ends when this one does. */
export function startProgram(
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, programPath(name), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

export async function stopProgram(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
