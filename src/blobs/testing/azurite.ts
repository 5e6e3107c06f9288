import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { generate } from 'selfsigned'

const ACCOUNT = 'testaccount'

/** Ends the emulator with the process that started it, however that ends. */
const END_WITH_PARENT = 'data:text/javascript,process.on("disconnect",()=>process.exit())'

/** Microsoft's emulator of Azure Blob Storage, over TLS on a free port, with one account; it keeps all in memory. */
export class Azurite implements AsyncDisposable {
  /** Of the account: containers lie below it. */
  readonly url: string
  readonly connectionString: string
  readonly accountKey: string
  readonly accountName = ACCOUNT
  /** PEM, for programs that are to trust it too. */
  readonly certificate: string
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(child: ChildProcess, folder: string, origin: string, accountKey: string, certificate: string) {
    this.certificate = certificate
    this.#child = child
    this.#folder = folder
    this.accountKey = accountKey
    this.url = `${origin}/${ACCOUNT}`
    this.connectionString = `DefaultEndpointsProtocol=https;AccountName=${ACCOUNT};AccountKey=${accountKey};BlobEndpoint=${this.url};`
  }

  /** This process trusts the emulator's certificate from then on. */
  static async start(): Promise<Azurite> {
    const folder = await mkdtemp(join(tmpdir(), 'outlookmail-azurite-'))
    const certificate = await makeCertificate(folder)
    const accountKey = randomBytes(64).toString('base64')
    const child = spawn(
      process.execPath,
      [
        ...['--import', END_WITH_PARENT, fileURLToPath(import.meta.resolve('azurite/dist/src/blob/main.js'))],
        ...['--blobPort', '0', '--inMemoryPersistence', '--silent', '--disableTelemetry', '--oauth', 'basic'],
        ...['--cert', certificate.certFile, '--key', certificate.keyFile],
      ],
      {
        cwd: folder,
        env: { PATH: process.env.PATH, AZURITE_ACCOUNTS: `${ACCOUNT}:${accountKey}` },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    )
    const origin = await announcedOrigin(child)
    setDefaultCACertificates([...getCACertificates('default'), certificate.pem])
    return new Azurite(child, folder, origin, accountKey, certificate.pem)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function announcedOrigin(child: ChildProcess): Promise<string> {
  let output = ''
  return new Promise((resolve, reject) => {
    child.once('close', () => reject(new Error(`The emulator did not start: ${output}`)))
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
        const origin = /successfully listens on (https:\/\/\S+:[1-9]\d*)/.exec(output)?.[1]
        if (origin) resolve(origin)
      })
    }
  })
}

async function makeCertificate(folder: string): Promise<{ pem: string; certFile: string; keyFile: string }> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'emulator' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  })
  const certFile = join(folder, 'cert.pem')
  const keyFile = join(folder, 'key.pem')
  await writeFile(certFile, cert)
  await writeFile(keyFile, key, { mode: 0o600 })
  return { pem: cert, certFile, keyFile }
}
