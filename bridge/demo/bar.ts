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
  return `${bar} ${ended}/${told.totalRows}  ${showMicros(micros(told.costUSD))}${rate}${left}`;
}
