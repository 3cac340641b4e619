import type { BatchCostRange, BatchEstimateResult, BatchRow, BatchWay } from "../contract.js";
import { isObject } from "../replay.js";
import type { Backend } from "./backend.js";
import { earlierAnswers } from "./earlier.js";
import { addUSD, costOf } from "./money.js";
import { fillIn, type Row } from "./rows.js";
import { promptTokens } from "./text.js";

const SHORT_ANSWER_TOKENS = 16;
/** When the providers end their batches, in hours. Grok promises nothing. */
const WITHIN_HOURS: Readonly<Record<string, number>> = { openai: 24, anthropic: 24, gemini: 48 };

type Range = Pick<BatchWay, "totalUSD" | "lowUSD" | "highUSD">;

/** What rows may cost by the prices in the list of models, and which of them the project has an answer to. */
export function estimateRows(
  backend: Backend,
  rows: readonly Row[],
  projectId = backend.state.currentProject,
): BatchEstimateResult {
  const earlier = earlierAnswers(backend, projectId);
  const local = emptyWay("local");
  const native = new Map<string, BatchWay>();
  const perRow: BatchEstimateResult["perRow"] = [];
  const [unpriced, answered]: [string[], string[]] = [[], []];
  for (const row of rows) {
    const { provider, pricing } = backend.serving(backend.model(row.model));
    const tokens = promptTokens(fillIn(row.prompt, row.data) + fillIn(row.system ?? "", row.data));
    const cap = row.maxOutputTokens || backend.state.settings.maxOutputTokens || 8_192;
    const known = earlier(row) !== undefined;
    const cost = (out: number, batch: boolean): number | undefined =>
      costOf(pricing, { tokensIn: tokens, tokensOut: out }, batch);
    const [alone, batched] = [rangeOf(cost, cap, false), rangeOf(cost, cap, true)];
    if (known) answered.push(row.id);
    if (alone === undefined) unpriced.push(row.id);
    else {
      add(local, alone, known);
      perRow.push({ id: row.id, tokens_in: tokens, est_cost: alone.totalUSD });
    }
    if (batched !== undefined) {
      const way = native.get(provider) ?? emptyWay("native", provider);
      native.set(provider, add(way, batched, known));
    }
  }
  const ways = [local, ...[...native.values()].sort((one, other) => (one.provider! < other.provider! ? -1 : 1))];
  const { totalUSD, lowUSD, highUSD } = local;
  const everyRow = ways.slice(1).reduce((count, way) => count + way.rows, 0) === rows.length;
  return {
    ...{ totalUSD, lowUSD, highUSD },
    ...(everyRow ? { nativeUSD: addUSD(...ways.slice(1).map((way) => way.totalUSD)) } : {}),
    ...{ perRow, unpriced, answered },
    ways: ways.map(({ reusingUSD, ...way }) => (answered.length > 0 ? { ...way, reusingUSD: reusingUSD ?? 0 } : way)),
  };
}

/** What a job may cost: as it is recorded for the same rows, else as it is estimated. */
export function costRange(
  backend: Backend,
  given: readonly BatchRow[],
  rows: readonly Row[],
): BatchCostRange {
  for (const { method, params, response } of backend.material.exchanges) {
    if (method !== "batch:submit" || JSON.stringify(params["rows"]) !== JSON.stringify(given)) continue;
    const job = "result" in response ? response.result : undefined;
    if (isObject(job) && isObject(job["estimate"]))
      return { ...(job["estimate"] as unknown as BatchCostRange) };
  }
  const { totalUSD, lowUSD, highUSD, nativeUSD } = estimateRows(backend, rows);
  return { totalUSD, lowUSD, highUSD, ...(nativeUSD === undefined ? {} : { nativeUSD }) };
}

/** The sidecar knows how long earlier answers were; here the longest is expected, as where there were none. */
function rangeOf(
  cost: (out: number, batch: boolean) => number | undefined,
  cap: number,
  batch: boolean,
): Range | undefined {
  const [low, high] = [cost(Math.min(cap, SHORT_ANSWER_TOKENS), batch), cost(cap, batch)];
  return low === undefined || high === undefined
    ? undefined
    : { totalUSD: high, lowUSD: low, highUSD: high };
}

function emptyWay(mode: BatchWay["mode"], provider?: string): BatchWay {
  const hours = provider === undefined ? undefined : WITHIN_HOURS[provider];
  return {
    mode,
    ...(provider === undefined ? {} : { provider }),
    ...{ rows: 0, totalUSD: 0, lowUSD: 0, highUSD: 0, reusingUSD: 0 },
    ...(hours === undefined ? {} : { withinHours: hours }),
  };
}

function add(way: BatchWay, row: Range, answered: boolean): BatchWay {
  way.rows += 1;
  way.totalUSD = addUSD(way.totalUSD, row.totalUSD);
  way.lowUSD = addUSD(way.lowUSD, row.lowUSD);
  way.highUSD = addUSD(way.highUSD, row.highUSD);
  if (!answered) way.reusingUSD = addUSD(way.reusingUSD ?? 0, row.totalUSD);
  return way;
}
