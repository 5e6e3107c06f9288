import { createHash, createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** What a login by certificate shows for itself. */
export interface LoginCertificate {
  /** Of the certificate's bytes, as hexadecimal digits: names the certificate to the login service. */
  thumbprintSha256: string
  /** PEM, PKCS #8. */
  privateKey: string
}

/** Reads a PEM file that holds a certificate and its private key, in any order. Throws what the file or the key is refused for. */
export async function readLoginCertificate(path: string, password: string | undefined): Promise<LoginCertificate> {
  const pem = await readFile(path, 'utf8')
  const certificate = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/.exec(pem)?.[1]
  if (certificate === undefined) throw new Error('The file holds no certificate')
  const key = createPrivateKey({ key: pem, format: 'pem', ...(password !== undefined && { passphrase: password }) })
  return {
    thumbprintSha256: createHash('sha256').update(Buffer.from(certificate, 'base64')).digest('hex'),
    privateKey: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
  }
}
