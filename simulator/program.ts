import { ArgumentError, HELP, readArguments } from './arguments.ts'
import { type Simulator, startSimulator } from './simulator.ts'

// Exit statuses: 1 when it cannot start, 2 for a mistake in the arguments.

async function main(): Promise<void> {
  const { help, json, options } = readArguments(process.argv.slice(2))
  if (help) {
    process.stdout.write(HELP)
    return
  }
  const simulator = await startSimulator(options)
  process.stdout.write(json ? `${JSON.stringify(summary(simulator))}\n` : introduction(simulator))
  let isStopping = false
  const stop = () => {
    if (isStopping) return // a terminal's Ctrl-C comes with the word of the program that started us
    isStopping = true
    simulator.close().then(() => process.exit(0), fail)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  if (process.channel) process.once('disconnect', stop)
}

function summary({ url, caFile, tenantId, clientId, clientSecret, mailboxes }: Simulator): object {
  return { url, ca_file: caFile, tenant_id: tenantId, client_id: clientId, client_secret: clientSecret, mailboxes }
}

function introduction({ url, caFile, tenantId, clientId, clientSecret, mailboxes }: Simulator): string {
  const width = Math.max(...mailboxes.map(({ user_upn }) => user_upn.length))
  return [
    `The simulator answers at ${url}; its certificate is in ${caFile}. Ctrl-C ends it.`,
    '',
    'To use it:',
    `  export OUTLOOK_GRAPH_URL=${url}`,
    `  export OUTLOOK_LOGIN_URL=${url}`,
    `  export NODE_EXTRA_CA_CERTS=${caFile}`,
    `  export TENANT_ID=${tenantId}`,
    `  export OUTLOOK_CLIENT_ID=${clientId}`,
    `  export OUTLOOK_CLIENT_SECRET=${clientSecret}`,
    '',
    'Mailboxes:',
    ...mailboxes.map(
      ({ user_upn, messages }) => `  ${user_upn.padEnd(width)}  ${String(messages).padStart(8)} messages`,
    ),
    '',
  ].join('\n')
}

function fail(error: unknown): void {
  if (error instanceof ArgumentError) {
    process.stderr.write(`${error.message} Try --help.\n`)
    process.exit(2)
  }
  const { code, message } = error as NodeJS.ErrnoException
  process.stderr.write(
    `The simulator cannot start: ${code === 'EADDRINUSE' ? `the port is taken (${message}).` : message}\n`,
  )
  process.exit(1)
}

main().catch(fail)
