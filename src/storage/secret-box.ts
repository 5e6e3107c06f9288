import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { AppError } from '../errors.ts'

const ALGORITHM = 'aes-256-gcm'
/** NIST SP 800-38D: 96 bits is the length GCM is made for. */
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Keeps secrets unreadable at rest: AES-256-GCM under SECRET_KEY. */
export class SecretBox {
  readonly #sealKey: Buffer
  readonly #fingerprintKey: Buffer

  /** @param key 32 bytes */
  constructor(key: Buffer) {
    this.#sealKey = derive(key, 'outlookmail seal')
    this.#fingerprintKey = derive(key, 'outlookmail fingerprint')
  }

  seal(text: string): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, this.#sealKey, nonce)
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
  }

  /** Throws `secret_key_changed` where the text was sealed under another key, or was tampered with. */
  open(sealed: string): string {
    const bytes = Buffer.from(sealed, 'base64')
    const nonce = bytes.subarray(0, NONCE_BYTES)
    const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)
    try {
      const decipher = createDecipheriv(ALGORITHM, this.#sealKey, nonce, { authTagLength: TAG_BYTES })
      decipher.setAuthTag(tag)
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString(
        'utf8',
      )
    } catch (cause) {
      throw new AppError(
        'secret_key_changed',
        'The stored client secret was encrypted under another SECRET_KEY: restore that key, or start anew with config in the request',
        { cause },
      )
    }
  }

  /** Equal for equal texts, and tells nothing of them without the key. */
  fingerprint(text: string): string {
    return createHmac('sha256', this.#fingerprintKey).update(text).digest('base64')
  }
}

function derive(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), purpose, 32))
}
