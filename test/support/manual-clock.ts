import type { Clock } from "../../lib/openshift/rollout/wait-for-nodes";

/** Time that passes only while something sleeps. */
export class ManualClock implements Clock {
    /** How often something has slept. */
    sleeps = 0;
    /** Called with the number of sleeps so far: what happens in the meantime. */
    onSleep: (sleeps: number) => void | Promise<void> = () => undefined;

    /** @param time of its start, milliseconds since the epoch */
    constructor(private time = 0) {}

    now(): number {
        return this.time;
    }

    async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
        this.time += milliseconds;
        this.sleeps++;
        await this.onSleep(this.sleeps);
        signal.throwIfAborted();
    }
}
