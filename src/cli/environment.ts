import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import type { Environment } from '../config.ts'

/** The environment, with what a `.env` file in the working folder adds to it. */
export function readEnvironment(): Environment {
  let text: string
  try {
    text = readFileSync('.env', 'utf8')
  } catch {
    return process.env
  }
  return { ...parseEnv(text), ...process.env }
}
