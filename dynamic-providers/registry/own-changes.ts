import type { ImagesBySource } from "../../lib/import";

/** Images that this process has changed at registries. */
export class OwnChanges {
    private readonly sources = new Map<string, Set<string>>();

    /** Records the images that an operation changes: those that one side has, or both with another digest. */
    add(mirrorBase: string, before: ImagesBySource, after: ImagesBySource): void {
        const changed = this.sources.get(mirrorBase) ?? new Set();
        for (const source of [...Object.keys(before), ...Object.keys(after)])
            if (before[source] !== after[source]) changed.add(source);
        this.sources.set(mirrorBase, changed);
    }

    /** True if an operation has changed what this source points to. */
    has(mirrorBase: string, source: string): boolean {
        return this.sources.get(mirrorBase)?.has(source) === true;
    }
}
