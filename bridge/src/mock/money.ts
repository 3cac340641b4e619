import type { ChatUsage, Model, ModelPricing } from "../contract.js";

// Whole billionths of a thousandth of a dollar: sums of these are exact, sums of dollars as floats are not.
const UNITS = 1e12;

/** The exact sum of amounts in US dollars. */
export function addUSD(...amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => sum + Math.round(amount * UNITS), 0) / UNITS;
}

export interface Tokens {
  tokensIn: number;
  tokensOut: number;
}

/** What a call costs in US dollars; undefined when the model has no price. `batch`: in the provider's own batch. */
export function costOf(
  pricing: ModelPricing,
  { tokensIn, tokensOut }: Tokens,
  batch = false,
): number | undefined {
  const tier = pricing.tiers?.findLast(({ aboveTokens }) => tokensIn > aboveTokens);
  const prices = { ...pricing, ...tier };
  const prompt = batch ? prices.batchPrompt : prices.prompt;
  const completion = batch ? prices.batchCompletion : prices.completion;
  if (prompt === undefined || completion === undefined) return undefined;
  return Math.round((tokensIn * prompt + tokensOut * completion) * (UNITS / 1e6)) / UNITS;
}

export function costOfUsage(served: Model, usage: ChatUsage): number | undefined {
  return costOf(served.pricing, { tokensIn: usage.prompt_tokens, tokensOut: usage.completion_tokens });
}

/** Dollars for a sentence, to the cent. */
export function showUSD(amount: number): string {
  return `$${amount.toFixed(2)}`;
}
