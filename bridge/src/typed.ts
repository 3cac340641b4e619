/** The contract as types of a call: what each method takes and gives. Types only. */
import type { Methods, Notifications } from "./contract.js";

export type MethodName = keyof Methods & string;
export type ParamsOf<M extends MethodName> = Methods[M]["params"];
export type ResultOf<M extends MethodName> = Methods[M]["result"];
export type NotificationName = keyof Notifications & string;
export type ProgressValue = Notifications["$/progress"]["value"];

/** Whether a method's params may be left out: it takes none, or none that are needed. */
type Optional<M extends MethodName> =
  object extends ParamsOf<M> ? true : undefined extends ParamsOf<M> ? true : false;

/** What stands behind a method's name in a call. */
export type CallArgs<M extends MethodName, Options> = Optional<M> extends true
  ? [params?: ParamsOf<M>, options?: Options]
  : [params: ParamsOf<M>, options?: Options];

/** Methods that tell of themselves while they run. */
export type StreamingMethod = {
  [M in MethodName]: "partialResultToken" extends keyof NonNullable<ParamsOf<M>> ? M : never;
}[MethodName];
