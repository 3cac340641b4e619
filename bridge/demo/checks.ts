/** What both halves of the demo say and hold the product to. */

/** Throws when a promise of the product does not hold. */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`This should not be: ${what}`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
