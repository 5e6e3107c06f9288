// CRC-32 of two texts joined, from the checksums of both and the length of the second: the method of zlib's
// crc32_combine. Each zero byte behind a text is one linear step on its checksum, so many are a matrix power.

const POLYNOMIAL = 0xedb88320

type Matrix = readonly number[]

function times(matrix: Matrix, vector: number): number {
  let sum = 0
  for (let rest = vector, row = 0; rest !== 0; rest >>>= 1, row++) if (rest & 1) sum ^= matrix[row] ?? 0
  return sum >>> 0
}

function square(matrix: Matrix): Matrix {
  return matrix.map((row) => times(matrix, row))
}

function zeroSteps(): Matrix[] {
  const oneBit: Matrix = [POLYNOMIAL, ...Array.from({ length: 31 }, (_, row) => 2 ** row)]
  const oneByte = square(square(square(oneBit)))
  const powers: Matrix[] = [oneByte]
  for (let power = 1; power < 32; power++) powers.push(square(powers[power - 1] ?? oneByte))
  return powers
}

const STEPS = zeroSteps()

export function concatenatedCrc(first: number, second: number, secondLength: number): number {
  let crc = first
  for (let rest = secondLength, power = 0; rest !== 0; rest >>>= 1, power++) {
    const step = STEPS[power]
    if (rest & 1 && step) crc = times(step, crc)
  }
  return (crc ^ second) >>> 0
}
