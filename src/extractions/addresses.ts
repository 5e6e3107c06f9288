/** Addresses are compared case apart, as Exchange does. */
export function foldAddress(address: string): string {
  return address.toLowerCase()
}
