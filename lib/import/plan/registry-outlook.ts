import type { Absence } from "../../distribution/client/registry-calls";
import type { ImageSet } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import type { ImportPlan } from "./plan";

/** What a plan must know of a manifest at the registry. */
export interface ManifestOutline {
    readonly bytes: { readonly length: number };
    /** Config and layers. */
    readonly blobs: readonly { readonly digest: Digest; readonly size: number }[];
    /** What it is about, if it is a referrer. */
    readonly subject?: { readonly digest: Digest };
}

/** The questions that a plan asks a registry; "not there" is `undefined`. A `RegistryClient` answers them. */
export interface RegistryQuestions {
    /** The digest that a tag or digest resolves to. */
    manifestHead(repository: string, reference: string, absence?: Absence): Promise<Digest | undefined>;
    manifestGet(repository: string, reference: string): Promise<ManifestOutline | undefined>;
    /** Bytes. */
    blobHead(repository: string, digest: Digest, absence?: Absence): Promise<number | undefined>;
    /** These repositories are about to be asked about. */
    willRead(repositories: Iterable<string>): void;
}

/** The registry as it will be once other plans have been carried out: for a set that is imported after them. */
export class RegistryOutlook implements RegistryQuestions {
    /** `<repository> <tag or digest>` -> digest. */
    private readonly manifests = new Map<string, Digest>();
    private readonly outlines = new Map<Digest, ManifestOutline>();
    /** `<repository> <digest>` -> bytes. */
    private readonly blobs = new Map<string, number>();

    constructor(private readonly registry: RegistryQuestions) {}

    /** From now on the answers are those after this plan for a set. */
    expect(plan: ImportPlan, set: Pick<ImageSet, "blobs" | "earlier">): void {
        const blobSize = (digest: Digest) => set.blobs[digest] ?? set.earlier.blobs[digest]?.size ?? 0;
        for (const { task, blobs, manifests, copies, root } of plan.push) {
            const { repository, tag } = task;
            for (const { digest, size } of blobs) this.blobs.set(`${repository} ${digest}`, size);
            for (const { digest } of [...manifests, ...copies, root]) {
                this.manifests.set(`${repository} ${digest}`, digest);
            }
            this.manifests.set(`${repository} ${tag}`, root.digest);
            for (const node of [...manifests, root]) {
                const held = (node.blobs ?? []).map((digest) => ({ digest, size: blobSize(digest) }));
                this.outlines.set(node.digest, { bytes: { length: node.size }, blobs: held });
            }
        }
    }

    willRead(repositories: Iterable<string>): void {
        this.registry.willRead(repositories);
    }

    async manifestHead(repository: string, reference: string, absence?: Absence): Promise<Digest | undefined> {
        const expected = this.manifests.get(`${repository} ${reference}`);
        return expected ?? this.registry.manifestHead(repository, reference, absence);
    }

    async manifestGet(repository: string, reference: string): Promise<ManifestOutline | undefined> {
        const expected = this.manifests.get(`${repository} ${reference}`);
        const known = expected === undefined ? undefined : this.outlines.get(expected);
        if (known !== undefined) return known;
        const found = await this.registry.manifestGet(repository, reference);
        if (found !== undefined) this.outlines.set(reference, found);
        return found;
    }

    async blobHead(repository: string, digest: Digest, absence?: Absence): Promise<number | undefined> {
        return this.blobs.get(`${repository} ${digest}`) ?? this.registry.blobHead(repository, digest, absence);
    }
}
