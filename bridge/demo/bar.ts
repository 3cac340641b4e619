/** One line that says how far a batch is. Pure. */
import type { BatchProgressNotification } from "../src/contract.js";
import { micros, showMicros } from "./columns.js";

const BAR_WIDTH = 30;

export function progressLine(told: BatchProgressNotification): string {
  const ended = told.completedRows + told.failedRows;
  const filled = told.totalRows === 0 ? 0 : Math.round((BAR_WIDTH * ended) / told.totalRows);
  const bar = "█".repeat(filled) + "·".repeat(BAR_WIDTH - filled);
  const rate = told.rowsPerSecond === undefined ? "" : `  ${told.rowsPerSecond.toFixed(0)} rows/s`;
  const left = told.etaSeconds === undefined ? "" : `  ${Math.ceil(told.etaSeconds)} s left`;
  // Where a call's cost is not known, the least that it can be is said.
  const cost =
    told.costUSD === undefined
      ? `at least ${showMicros(micros(told.costAtLeastUSD ?? 0))}`
      : showMicros(micros(told.costUSD));
  return `${bar} ${ended}/${told.totalRows}  ${cost}${rate}${left}`;
}
