import { untilAborted } from "./until-aborted";

/**
 * Work of which the first piece finds out what the others need to know: they wait for its end. If it fails they all go, since
 * one after the other would take as long as all of their time limits.
 */
export class FirstTurn {
    private first: Promise<void> | undefined;
    private isOver = false;

    /**
     * @param signal ends the wait
     * @throws what the work throws; the signal's reason
     */
    async run<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
        if (this.isOver) return work();
        if (this.first !== undefined) {
            await untilAborted(this.first, signal);
            return work();
        }
        const working = work();
        const over = () => void (this.isOver = true);
        this.first = working.then(over, over);
        return working;
    }
}
