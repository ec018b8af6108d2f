import type { Engine, ResourceLog } from "./engine";
import type { Operations } from "./operations";

/** Gives the value of a key of the stack's configuration, decrypted; undefined if it is not set. */
export type ReadConfig = (key: string) => string | undefined;

/** What all operations in one provider process share. One process serves one run of the engine. */
export interface ProviderProcess {
    readonly engine: Engine | undefined;
    readonly operations: Operations;
    /**
     * Takes the stack's configuration. Must be synchronous: the engine may start an operation before a promise of
     * `configure` is awaited. Called once for each kind of resource.
     */
    configure(read: ReadConfig): void;
    /** Takes the inputs of a resource that is about to be checked. */
    noteInputs(inputs: Readonly<Record<string, unknown>>): void;
    /** Throws if no operation may run in this process. */
    requireSafety(): void;
    /** Secret texts that no message may show, beside those of the resource. */
    secretTexts(): readonly string[];
    /** Runs an operation that may change what other operations have read. */
    write<T>(operation: () => Promise<T>): Promise<T>;
}

/** What one operation may use of its surroundings. */
export interface OperationContext<Process extends ProviderProcess = ProviderProcess> {
    readonly signal: AbortSignal;
    readonly log: ResourceLog;
    readonly process: Process;
}
