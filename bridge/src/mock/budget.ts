import { contractError } from "../errors.js";
import type { Backend } from "./backend.js";
import { addUSD, showUSD } from "./money.js";
import type { Call } from "./state.js";

/** Throws `budget_exceeded` for what may cost more than is left of the month. */
export function keepToBudget(backend: Backend, what: "answer" | "batch", mayCost: number): void {
  const limit = backend.state.settings.monthlyBudgetUSD;
  const spent = spentThisMonth(backend);
  if (limit === null || addUSD(spent, mayCost) <= limit) return;
  const [held, advice] = {
    answer: ["", "or lower the answer's maximum length"],
    batch: [", $0.00 is held back for what runs,", "then start it again"],
  }[what];
  const message =
    `This month's budget of $${limit} would be exceeded: ${showUSD(spent)} is spent${held} and this ${what} may cost ` +
    `up to ${showUSD(mayCost)}. Raise the budget in the settings, ${advice}.`;
  throw contractError("budget_exceeded", message, { retryable: false });
}

/** US dollars in this calendar month, local time. */
export function spentThisMonth(backend: Backend, calls: readonly Call[] = backend.state.calls): number {
  const now = new Date(backend.now());
  const start = new Date(now.getFullYear(), now.getMonth(), 1).getTime();
  return addUSD(...calls.filter(({ at }) => at >= start).map(({ cost }) => cost ?? 0));
}
