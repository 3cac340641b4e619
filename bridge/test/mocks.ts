import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import type { Envelope } from "../src/api.js";
import { createMockApi, type MockApi, type MockFixtures, type MockOptions } from "../src/mock/mock.js";

/** From bridge/out/test. */
export const PROJECT = resolve(__dirname, "..", "..", "..");

/** The recordings that the server is tested with, and the contract, as `npm run build:mock` puts them together. */
export const FIXTURES = JSON.parse(
  readFileSync(join(__dirname, "..", "mock", "fixtures.json"), "utf8"),
) as MockFixtures;

export const MODELS = ["openai/gpt-6.1-terra", "openai/gpt-4o", "anthropic/claude-opus-5-5"] as const;

/** A mock that does everything at once. */
export function quickMock(options: MockOptions = {}): MockApi {
  return createMockApi(FIXTURES, { latencyMs: 0, delayMs: 0, rowMs: 0, search: "", ...options });
}

/** What a successful request brought. */
export function dataOf<T>(envelope: Envelope): T {
  if (!envelope.success) throw new Error(`${envelope.kind}: ${envelope.error}`);
  return envelope.data as T;
}

/** What is looked at of a reply. */
export interface Reply {
  id: string;
  answer: string;
  costUSD: number;
  provider: string;
  servedModel?: string;
  error?: string;
  kind?: string;
}

/** A page at a mock: what it gets, and of which kind an error is. */
export function user({ api }: MockApi) {
  const get = async <T>(type: string, payload?: unknown): Promise<T> =>
    dataOf<T>(await api.request(type, payload));
  const kindOf = async (type: string, payload?: unknown): Promise<string> => {
    const answer = await api.request(type, payload);
    return answer.success ? "success" : answer.kind;
  };
  return { api, get, kindOf };
}
