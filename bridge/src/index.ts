export type { AbaiApi, ApiRequest, Envelope, Unsubscribe, WindowApi, WindowIpc } from "./api.js";
export {
  type CallOptions,
  type ClientOptions,
  SidecarClient,
  type SidecarState,
} from "./client.js";
export { type Command, findSidecar, type FindOptions } from "./command.js";
export type * from "./contract.js";
export { type AnyErrorKind, BRIDGE_ERROR_CODES, type BridgeErrorKind, SidecarError } from "./errors.js";
export { folderOpener, type OpenPath } from "./folder.js";
export type { HealthPolicy } from "./health.js";
export { type KeyMove, moveKeys, type MoveKeysOptions } from "./keys.js";
export type { LogFileOptions } from "./logfile.js";
export { type Abai, type AbaiOptions, registerAbai } from "./main.js";
export { PRELOAD_PATH } from "./preload-path.js";
export { KEY_PROVIDERS, type KeyProvider } from "./providers.js";
export type { MethodName, ParamsOf, ResultOf } from "./typed.js";
