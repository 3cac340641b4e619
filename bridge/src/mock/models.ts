import type { HandlersOf } from "./backend.js";
import { tokensIn } from "./text.js";

export const MODELS: HandlersOf<"models" | "tokens"> = {
  "models:get-all": ({ models }, { includeRetired }) =>
    includeRetired === false ? models.filter(({ status }) => status !== "retired") : [...models],
  "models:get": (backend, { id }) => {
    for (const result of backend.material.results("models:get", { id }))
      return result as ReturnType<typeof backend.model>;
    return backend.model(id);
  },
  "tokens:count": ({ material }, params) => {
    for (const result of material.results("tokens:count", { ...params })) return Number(result);
    return tokensIn(params.text);
  },
};
