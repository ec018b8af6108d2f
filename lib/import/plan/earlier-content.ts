import { mapLimited } from "../../concurrency/limiter";
import type { Problem } from "../../errors/problem";
import type { EarlierObject, ImageSet } from "../../mirror/image-set";
import { type MirrorBase, mirrorRepository } from "../../mirror/mirror-reference";
import type { Digest } from "../../oci/digest";
import type { ImageProblem } from "../image-problem";
import { type ImageTask, type TreeNode, imageTask } from "../image-task";
import type { ManifestCopy } from "./plan";
import { type Presence, QUESTIONS } from "./presence";
import type { RegistryQuestions } from "./registry-outlook";

/** What an incremental archive expects of earlier ones: their images, manifests and blobs at the registry. */
export class EarlierContent {
    /** Blobs of manifests that are copied from another repository: they are there, and the set need not know them. */
    readonly copied = new Map<Digest, { readonly size: number; readonly from: string }>();
    private readonly set: ImageSet;

    constructor(
        private readonly client: RegistryQuestions,
        private readonly request: {
            readonly images: Readonly<Record<string, Digest>>;
            readonly set: ImageSet;
            readonly base: MirrorBase;
        },
        private readonly presence: Presence,
    ) {
        this.set = request.set;
    }

    /** True for an image that an earlier archive has, and this one does not. */
    hasImage({ source, digest }: ImageTask): boolean {
        const { manifests, earlier } = this.set;
        return manifests[digest] === undefined && earlier.images[source] === digest;
    }

    /** The problems of images that the set expects to be at the registry already. */
    async missingImages(): Promise<ImageProblem[]> {
        const { images, set, base } = this.request;
        const others = Object.entries(set.earlier.images).filter(([source]) => images[source] === undefined);
        const problems = await mapLimited(others, QUESTIONS, async ([source, digest]) => {
            const { repository } = imageTask(base, source, digest);
            if (await this.presence.manifest(repository, digest)) return [];
            return [{ source, problems: [this.problem(`manifest ${digest}`)] }];
        });
        return problems.flat();
    }

    /**
     * Child manifests of earlier archives that the repository lacks: copied from where an earlier import put them.
     * @param blobs gets the blobs of those that the repository lacks as well
     */
    async manifests(
        task: ImageTask,
        tree: readonly TreeNode[],
        blobs: Set<Digest>,
    ): Promise<{ copies: ManifestCopy[]; problems: Problem[] }> {
        const copies: ManifestCopy[] = [];
        const problems: Problem[] = [];
        for (const digest of tree.flatMap((node) => node.manifests ?? [])) {
            const earlier = this.set.earlier.manifests[digest];
            if (earlier === undefined || (await this.presence.manifest(task.repository, digest))) continue;
            const from = await this.findHolder(earlier, (repository) => this.presence.manifest(repository, digest));
            const copied = from === undefined ? undefined : await this.client.manifestGet(from, digest);
            if (from !== undefined && copied !== undefined) {
                copies.push({ digest, size: copied.bytes.length, from });
                for (const blob of copied.blobs) {
                    if (await this.presence.blob(task.repository, blob.digest)) continue;
                    blobs.add(blob.digest);
                    this.copied.set(blob.digest, { size: blob.size, from });
                }
            } else problems.push(this.problem(`manifest ${digest}`));
        }
        return { copies, problems };
    }

    /** A repository of an earlier import that has the blob. */
    async blobHolder(digest: Digest): Promise<string | undefined> {
        const earlier = this.set.earlier.blobs[digest];
        if (earlier === undefined) return undefined;
        return this.findHolder(earlier, (repository) => this.presence.blob(repository, digest));
    }

    problem(thing: string): Problem {
        return {
            code: "EARLIER_CONTENT_MISSING",
            thing,
            place: { registry: this.request.base.host },
            problem: "it is not at the registry and not in this archive",
            fix: "import the earlier archive first",
        };
    }

    private async findHolder(
        earlier: EarlierObject,
        isThere: (repository: string) => Promise<boolean>,
    ): Promise<string | undefined> {
        for (const source of earlier.from) {
            const repository = mirrorRepository(this.request.base, source);
            if (await isThere(repository)) return repository;
        }
        return undefined;
    }
}
