import { AtWork } from "./at-work.js";
import type { CallOptions, ClientOptions, SidecarState } from "./client-options.js";
import { SidecarConnection } from "./connection.js";
import type { Notifications } from "./contract.js";
import { cancelled, crashed, shuttingDown, SidecarError, tookTooLong, unavailable } from "./errors.js";
import { ReadyGate } from "./ready-gate.js";
import { type ServerInfo, handshake } from "./handshake.js";
import { HEALTH_POLICY, problemOf, watchHealth } from "./health.js";
import { LogFile } from "./logfile.js";
import { describeExit, SidecarProcess } from "./process.js";
import { afterCrash, afterHang, endOfRun, gaveUp, hungTooOften, RESTART_POLICY } from "./restart.js";
import type { RunEnd } from "./restart.js";
import { STOP_TIMES, stopInOrder, stopPlan, type StopStep } from "./stop.js";
import type { CallArgs, MethodName, ResultOf } from "./typed.js";
import { Deferred, Listeners, settlesWithin } from "./wait.js";

// For delivering what a sidecar wrote before it ended; used up only when that breaks off inside a frame.
const DRAIN_MS = 1_000;

/** Keeps a sidecar running and carries calls to it. Calls made while there is none wait for the next one. */
export class SidecarClient {
  readonly #options: ClientOptions;
  readonly #log: LogFile | undefined;
  readonly #gate = new ReadyGate<SidecarConnection>();
  readonly #notifications = new Listeners<[name: string, params: unknown]>();
  readonly #states = new Listeners<[state: SidecarState, reason: SidecarError | undefined]>();
  readonly #problems = new Listeners<[problem: string | undefined]>();
  readonly #atWork = new AtWork();
  #state: SidecarState = "idle";
  #problem: string | undefined;
  #process: SidecarProcess | undefined;
  #connection: SidecarConnection | undefined;
  #supervision: Promise<void> = Promise.resolve();
  #started = new Deferred<ServerInfo>();
  #stopRequested = new Deferred<void>();
  #server: ServerInfo | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#log = options.log === undefined ? undefined : new LogFile(options.log);
  }

  get state(): SidecarState {
    return this.#state;
  }

  /** What the sidecar last said is wrong, such as a data folder that was moved away; a sentence for the person. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** What the sidecar said of itself at the last handshake. */
  get server(): ServerInfo | undefined {
    return this.#server;
  }

  /** The last lines that the present sidecar, or the last one, wrote to stderr. */
  stderrTail(): string[] {
    return this.#process?.stderrTail() ?? [];
  }

  /** The process that runs now, for whoever watches it. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts and from then on supervises. Resolves at the first handshake; rejects when there will be none. */
  start(): Promise<ServerInfo> {
    if (this.#state === "stopping") return Promise.reject(shuttingDown());
    if (this.#state === "idle" || this.#state === "failed" || this.#state === "stopped") {
      this.#gate.shut();
      this.#started = new Deferred<ServerInfo>();
      this.#stopRequested = new Deferred<void>();
      this.#setState("starting");
      this.#supervision = this.#supervise();
    }
    return this.#started.promise;
  }

  /** Calls a method. Rejects with a SidecarError only; a call that was under way in a crash is not sent again. */
  async call<M extends MethodName>(method: M, ...args: CallArgs<M, CallOptions>): Promise<ResultOf<M>> {
    const [params, options = {}] = args as [object | null | undefined, CallOptions | undefined];
    return (await this.request(method, params ?? undefined, options as RequestOptions)) as ResultOf<M>;
  }

  /** `call` for a name and params that are known only when the program runs. */
  async request(method: string, params: object | undefined, options: RequestOptions = {}): Promise<unknown> {
    const deadline = new AbortController();
    const timer =
      options.timeoutMs === undefined ? undefined : setTimeout(() => deadline.abort(), options.timeoutMs);
    const calledAt = Date.now();
    let ended = (): void => undefined;
    try {
      const signals = [deadline.signal, ...(options.signal === undefined ? [] : [options.signal])];
      const connection = await this.#gate.pass(AbortSignal.any(signals));
      clearTimeout(timer);
      ended = this.#atWork.called(method, params);
      const timeoutMs = Math.max(1, (options.timeoutMs ?? 0) - (Date.now() - calledAt));
      const left = options.timeoutMs === undefined ? options : { ...options, timeoutMs };
      const result = await connection.call(method, params, left);
      if (method === "system:health") this.#heard(result);
      return result;
    } catch (error) {
      if (error instanceof SidecarError) throw error;
      if (options.signal?.aborted === true) throw cancelled();
      throw tookTooLong(method, options.timeoutMs ?? 0);
    } finally {
      ended();
      clearTimeout(timer);
    }
  }

  /** Returns the function that takes the listener away again. */
  onNotification<N extends keyof Notifications & string>(
    name: N,
    listener: (params: Notifications[N]) => void,
  ): () => void {
    return this.#notifications.add((got, params) => {
      if (got === name) listener(params as Notifications[N]);
    });
  }

  onAnyNotification(listener: (name: string, params: unknown) => void): () => void {
    return this.#notifications.add(listener);
  }

  /** `reason` comes with `restarting` and `failed`. */
  onState(listener: (state: SidecarState, reason: SidecarError | undefined) => void): () => void {
    return this.#states.add(listener);
  }

  /** Is called when `problem` is another one, or none any more. */
  onProblem(listener: (problem: string | undefined) => void): () => void {
    return this.#problems.add(listener);
  }

  /** Stops in order: what is in flight may finish for a few seconds. Resolves when the process has ended. */
  async stop(): Promise<void> {
    if (this.#state === "idle" || this.#state === "failed" || this.#state === "stopped") {
      this.#gate.fail(shuttingDown());
      this.#setState("stopped");
      await this.#log?.flush();
      return;
    }
    if (this.#state !== "stopping") {
      this.#setState("stopping");
      this.#gate.fail(shuttingDown());
      this.#stopRequested.resolve();
      if (this.#process !== undefined) await stopInOrder(this.#process, this.#connection, this.#stopPlan());
    }
    await this.#supervision;
    await this.#log?.flush();
  }

  async #supervise(): Promise<void> {
    const policy = { ...RESTART_POLICY, ...this.#options.restart };
    const crashesAt: number[] = [];
    const hangsAt: number[] = [];
    for (;;) {
      const end = await this.#runOnce();
      if (this.#isStopping()) break;
      if (end.how === "refused") return this.#fail(end.reason);
      const now = Date.now();
      crashesAt.push(now);
      if (end.hung) hangsAt.push(now);
      if (end.hung && !afterHang(hangsAt, now, policy)) {
        return this.#fail(hungTooOften(policy, end.atWork, end.detail));
      }
      const decision = afterCrash(crashesAt, now, policy);
      if (!decision.again) return this.#fail(end.reason ?? gaveUp(policy, end.detail));
      this.#setState("restarting", end.reason ?? crashed(end.detail));
      await settlesWithin(this.#stopRequested.promise, decision.delayMs);
      if (this.#isStopping()) break;
    }
    this.#started.reject(shuttingDown());
    this.#setState("stopped");
  }

  /** One run of the sidecar, from its start to its end. */
  async #runOnce(): Promise<RunEnd> {
    const program = this.#options.command.program;
    let run: SidecarProcess;
    try {
      // Node tells some reasons by an event and throws others, such as a path through a file that is no folder.
      run = new SidecarProcess(this.#options.command, {
        ...this.#options,
        onStderrLine: (line) => {
          this.#log?.add(line);
          this.#options.onStderrLine?.(line);
        },
      });
      this.#process = run;
      await run.started;
    } catch (error) {
      const message =
        `The A-B/AI backend could not be started: ${program} is missing or cannot be run. ` +
        "Please install the app again.";
      return { how: "refused", reason: unavailable(message, String(error)) };
    }
    let broken: string | undefined;
    let hung = false;
    this.#atWork.begin([]);
    this.#heard(undefined);
    const connection = new SidecarConnection(run.stdout, run.stdin, {
      onNotification: (name, params) => {
        this.#atWork.notified(name, params);
        this.#notifications.emit(name, params);
      },
      onBroken: (reason) => {
        broken ??= `what came through the pipe was not the protocol: ${reason.message}`;
        run.signal("SIGKILL");
      },
    });
    const greeting = this.#greet(connection, run);
    const watching = greeting.then(async (refused) => {
      const policy = { ...HEALTH_POLICY, ...this.#options.health };
      if (refused !== undefined || !(await watchHealth(connection, policy, run.exited, (said) => this.#heard(said)))) return;
      // Stopping has deadlines of its own.
      if (this.#isStopping()) return;
      hung = true;
      broken ??= `it no longer answered: ${policy.misses} times not within ${policy.deadlineMs} ms`;
      run.signal("SIGKILL");
    });
    const exit = await run.exited;
    // From here on calls wait for the next run; only then are those told that were under way.
    if (!this.#isStopping()) this.#gate.shut();
    this.#connection = undefined;
    // An answer that was written before the end is an answer, and may have been paid for.
    await settlesWithin(connection.drained, DRAIN_MS);
    // A sidecar whose loop does not move ends itself by this signal.
    hung ||= exit.signal === "SIGPROF";
    // Before those who wait for it are told, after which nothing is at work any more.
    const atWork = this.#atWork.named();
    const during = hung && atWork.length > 0 ? `; at work: ${atWork.join(", ")}` : "";
    const detail = (broken ?? describeExit(exit, run.stderrTail())) + during;
    connection.close(this.#isStopping() ? shuttingDown() : crashed(detail));
    await watching;
    return endOfRun(detail, hung, atWork, await greeting);
  }

  /** Handshake; opens the gate, or ends the process and gives the reason. */
  async #greet(connection: SidecarConnection, run: SidecarProcess): Promise<SidecarError | undefined> {
    const { client, schemaHash, startTimeoutMs = 30_000 } = this.#options;
    try {
      const info = await handshake(connection, {
        timeoutMs: startTimeoutMs,
        ...(client === undefined ? {} : { client }),
        ...(schemaHash === undefined ? {} : { schemaHash }),
      });
      if (this.#isStopping()) return undefined;
      this.#server = info;
      this.#atWork.begin([...new Set([...info.resumedJobs, ...this.#atWork.jobs()])]);
      this.#connection = connection;
      this.#setState("ready");
      this.#gate.open(connection);
      this.#started.resolve(info);
      return undefined;
    } catch (error) {
      const reason = error instanceof SidecarError ? error : crashed(String(error));
      if (reason.kind === "sidecar_mismatch") void stopInOrder(run, undefined, this.#stopPlan());
      else run.signal("SIGKILL");
      return reason;
    }
  }

  #stopPlan(): StopStep[] {
    return stopPlan(process.platform, { ...STOP_TIMES, ...this.#options.stopTimes });
  }

  #fail(reason: SidecarError): void {
    this.#gate.fail(reason);
    this.#started.reject(reason);
    this.#setState("failed", reason);
  }

  /** Takes what `system:health` answered; undefined: a new run has said nothing yet. */
  #heard(health: unknown): void {
    const problem = problemOf(health);
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#log?.add(`[bridge] ${new Date().toISOString()} problem: ${problem ?? "none any more"}`);
    this.#problems.emit(problem);
  }

  #isStopping(): boolean {
    return this.#state === "stopping";
  }

  #setState(state: SidecarState, reason?: SidecarError): void {
    if (this.#state === state) return;
    this.#state = state;
    // Of the detail the first line; the others are the last ones of stderr, which are in the log already.
    const why = (reason?.data.detail ?? reason?.message)?.split("\n", 1)[0];
    this.#log?.add(`[bridge] ${new Date().toISOString()} ${state}${why === undefined ? "" : `: ${why}`}`);
    this.#states.emit(state, reason);
  }
}

type RequestOptions = Omit<CallOptions, "onProgress"> & { onProgress?: (value: unknown) => void };
