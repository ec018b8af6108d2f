import type { ImagesBySource, WantedSet } from "../../lib/import";

/** An image set at a registry. */
export interface DeclaredSet {
    readonly mirrorBase: string;
    readonly lock: string;
}

/** What a set changes. */
export interface SetChange {
    /** Without what its lock says of manifests and blobs. */
    readonly wanted: Omit<WantedSet, "facts">;
    /** Its images in state. */
    readonly before: ImagesBySource;
}

/** The image sets that the program has declared in this run: a check has seen them. */
export class DeclaredSets {
    private readonly sets = new Map<string, Map<string, SetChange>>();

    add({ mirrorBase, lock }: DeclaredSet, change: SetChange): void {
        const known = this.sets.get(mirrorBase)?.get(lock);
        // The engine checks a replacement a second time, without the old inputs.
        const before = { ...known?.before, ...change.before };
        this.sets.set(mirrorBase, this.at(mirrorBase).set(lock, { ...change, before }));
    }

    has({ mirrorBase, lock }: DeclaredSet): boolean {
        return this.at(mirrorBase).has(lock);
    }

    /** By lock, the sets at a registry. */
    at(mirrorBase: string): Map<string, SetChange> {
        return this.sets.get(mirrorBase) ?? new Map<string, SetChange>();
    }
}
