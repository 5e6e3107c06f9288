import { spawn, spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'

export interface CurlAnswer {
  status: number
  body: string
}

const HAS_CURL = spawnSync('curl', ['--version']).status === 0

/** Runs a curl command as a shell would; where there is no curl, the same request is made without it. */
export function curl(command: string): Promise<CurlAnswer> {
  return HAS_CURL ? inShell(command) : withoutCurl(command)
}

async function inShell(command: string): Promise<CurlAnswer> {
  const shell = spawn('sh', ['-c', `${command} -s -w '\\n%{http_code}'`], { stdio: ['ignore', 'pipe', 'inherit'] })
  const output = await text(shell.stdout)
  const end = output.lastIndexOf('\n')
  return { status: Number(output.slice(end + 1)), body: output.slice(0, end) }
}

/** Knows the options that our documents use: -X, -H and -d. */
async function withoutCurl(command: string): Promise<CurlAnswer> {
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|([^\s\\]+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  )
  const argumentOf = (option: string) => (words.includes(option) ? words[words.indexOf(option) + 1] : undefined)
  const [name, value] = argumentOf('-H')?.split(': ') ?? []
  const body = argumentOf('-d')
  const answer = await fetch(words.find((word) => /^https?:/.test(word)) ?? '', {
    method: argumentOf('-X') ?? 'GET',
    ...(name && value && { headers: { [name]: value } }),
    ...(body !== undefined && { body }),
  })
  return { status: answer.status, body: await answer.text() }
}
