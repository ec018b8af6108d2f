/** An image set at a registry. */
export interface DeclaredSet {
    readonly mirrorBase: string;
    readonly lock: string;
}

/** The image sets that the program has declared in this run: a check has seen them. */
export class DeclaredSets {
    private readonly locks = new Map<string, Set<string>>();

    add({ mirrorBase, lock }: DeclaredSet): void {
        this.locks.set(mirrorBase, this.at(mirrorBase).add(lock));
    }

    has({ mirrorBase, lock }: DeclaredSet): boolean {
        return this.at(mirrorBase).has(lock);
    }

    /** Locks of the sets at a registry. */
    at(mirrorBase: string): Set<string> {
        return this.locks.get(mirrorBase) ?? new Set();
    }
}
