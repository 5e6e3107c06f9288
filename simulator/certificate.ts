import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'

export interface Certificate {
  key: string
  /** The certificate is its own authority: clients trust it by this same text. */
  pem: string
  caFile: string
  /** Leaves nothing behind of a file that nobody asked for. */
  [Symbol.asyncDispose](): Promise<void>
}

export async function makeCertificate(caFile: string | undefined, host: string): Promise<Certificate> {
  const names = new Set(['127.0.0.1', '::1', ...(/^[\d.]+$|:/.test(host) ? [host] : [])])
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'outlookmail simulator' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [{ type: 2, value: 'localhost' }, ...[...names].map((ip) => ({ type: 7 as const, ip }))],
      },
    ],
  })
  const folder = caFile === undefined ? await mkdtemp(join(tmpdir(), 'outlookmail-simulator-')) : undefined
  const file = caFile ?? join(folder ?? '', 'ca.pem')
  await writeFile(file, cert)
  return {
    key,
    pem: cert,
    caFile: file,
    async [Symbol.asyncDispose]() {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}
