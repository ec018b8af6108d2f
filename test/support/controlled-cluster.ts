import {
    type RegistryContext,
    RegistryProcess as ProviderProcess,
} from "../../dynamic-providers/registry/registry-process";
import type { ApiServer } from "./api-server";
import { ManualClock } from "./manual-clock";
import { operationContext } from "./operation-context";
import { connectOnce } from "./trust-cluster";

/** A cluster whose controllers make one pass whenever the provider waits. */
export abstract class ControlledCluster {
    clock = new ManualClock();
    /** What the provider has logged. */
    lines: string[] = [];
    private controller = new AbortController();
    abstract readonly controllers: { pass(): Promise<unknown> };

    protected constructor(readonly server: ApiServer) {}

    context(): RegistryContext {
        const { clock } = this;
        const process = new ProviderProcess({ followsConfiguration: false, clock, connectCluster: connectOnce });
        return { ...operationContext(this.lines), process, signal: this.controller.signal };
    }

    /** What Ctrl-C does. */
    interrupt(): void {
        this.controller.abort(new Error("interrupted"));
    }

    /** What the next run of the program starts with. */
    startRun(): void {
        [this.clock, this.controller] = [new ManualClock(), new AbortController()];
        this.clock.onSleep = async () => void (await this.controllers.pass());
    }

    stop(): Promise<void> {
        return this.server.stop();
    }
}
