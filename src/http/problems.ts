import { AppError } from '../errors.ts'

// Enough to mend a request by; a list of 100,000 wrong addresses must not come back as 100,000 sentences.
const MAX_DETAILS = 20

/** What is wrong with a request: the first problems in words, the others counted. */
export class Problems {
  readonly #details: string[] = []
  #more = 0

  /** `describe` is only called while there is room, so counting millions stays cheap. */
  add(describe: () => string): void {
    if (this.#details.length < MAX_DETAILS) this.#details.push(describe())
    else this.#more++
  }

  get count(): number {
    return this.#details.length + this.#more
  }

  toError(): AppError {
    const [first = 'it does not fit the contract of this call', ...others] = this.#details
    const rest = others.length + this.#more
    const details = this.#more > 0 ? [...this.#details, `and ${this.#more} more`] : this.#details
    return new AppError('invalid_request', rest > 0 ? `${first} (and ${rest} more)` : first, { details })
  }
}

/** One problem that a schema cannot express. */
export function invalidRequest(problem: string): AppError {
  return new AppError('invalid_request', problem, { details: [problem] })
}
