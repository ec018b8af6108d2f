import { isIndexMediaType } from "../../oci/media-types";
import { debug } from "../../debug/debug";
import type { Absence } from "../../distribution/client/registry-calls";
import type { ImageSet } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import { RegistryError, toProblem } from "../../errors/errors";
import type { Problem } from "../../errors/problem";
import { mapLimited } from "../../concurrency/limiter";
import type { MirrorBase } from "../../mirror/mirror-reference";
import { type ImageTask, type TreeNode, imageTask, manifestTree } from "../image-task";
import { type BlobTask, type ImagePlan, type ImportPlan, type ManifestCopy, imagesPayload } from "./plan";
import { EarlierContent } from "./earlier-content";
import { Presence, QUESTIONS } from "./presence";
import { sparseIndexProblem } from "../sparse-index";
import type { RegistryQuestions } from "./registry-outlook";

export interface PlanRequest {
    /** Source reference -> digest: what must be there in the end. Of `set.images` and `set.earlier.images`. */
    readonly images: Readonly<Record<string, Digest>>;
    readonly set: ImageSet;
    readonly base: MirrorBase;
    /** Images whose tag is right but whose tree was found broken: looked at to the last blob. */
    readonly suspects?: ReadonlySet<string>;
    /** The registry refuses an index whose children are not all in its repository. */
    readonly refusesSparseIndexes?: boolean;
}

/**
 * Asks the registry what is there and says what is left to do (docs/architecture.md, "Two plans"). Sends nothing.
 * @throws RegistryError if the registry cannot be asked.
 */
export async function planImport(client: RegistryQuestions, request: PlanRequest): Promise<ImportPlan> {
    const planner = new Planner(client, request);
    const tasks = Object.entries(request.images).map(([source, digest]) => imageTask(request.base, source, digest));
    client.willRead(tasks.map(({ repository }) => repository));
    const states = await mapLimited(tasks, QUESTIONS, (task) => planner.image(task));
    return planner.finish(states);
}

interface Missing {
    readonly task: ImageTask;
    readonly root: TreeNode;
    readonly manifests: readonly TreeNode[];
    readonly copies: readonly ManifestCopy[];
    readonly blobs: readonly Digest[];
    readonly rootIsThere: boolean;
    readonly rootReference: string;
    readonly problems: readonly Problem[];
    readonly movedFrom?: Digest;
}

class Planner {
    private readonly presence: Presence;
    /** Digest -> repositories that are known to hold it. */
    private readonly holders = new Map<Digest, string>();
    private readonly earlier: EarlierContent;
    /** What the next tag is asked for with: as the last one was found. */
    private likely: Absence = "confirmed";
    private first: Promise<Digest | undefined> | undefined;

    constructor(
        private readonly client: RegistryQuestions,
        private readonly request: PlanRequest,
    ) {
        this.presence = new Presence(client, request.set);
        this.earlier = new EarlierContent(client, request, this.presence);
    }

    async image(task: ImageTask): Promise<Missing | ImageTask> {
        const isSuspect = this.request.suspects?.has(task.source) ?? false;
        const tagged = await this.tagged(task);
        debug("plan", () => `${task.source}: tag ${task.repository}:${task.tag}: ${tagText(task, tagged, isSuspect)}`);
        if (tagged === task.digest && !isSuspect) return task;
        if (this.earlier.hasImage(task)) return tagged === task.digest ? task : this.earlierImage(task, tagged);
        const tree = manifestTree(this.request.set, task.digest);
        const missing: TreeNode[] = [];
        const damaged: Problem[] = [];
        const referrers = new Set<Digest>();
        const blobs = new Set<Digest>();
        for (const node of tree) {
            const isThere = isSuspect
                ? await this.canBeRead(task.repository, node.digest, damaged, referrers)
                : await this.presence.manifest(task.repository, node.digest);
            if (!isThere) missing.push(node);
            if (isThere && !isSuspect) continue;
            for (const blob of await this.missingBlobs(task.repository, node)) blobs.add(blob);
        }
        const root = tree.at(-1) as TreeNode;
        const { copies, problems } = await this.earlier.manifests(task, tree, blobs);
        const isTagged = tagged === task.digest;
        const isComplete = missing.length + blobs.size + copies.length + damaged.length + problems.length === 0;
        // A referrer is put again, so that it is listed under what it is about: that may be what was found broken.
        if (isTagged && isComplete && !referrers.has(task.digest)) return task;
        return {
            task,
            root,
            manifests: missing.filter((node) => node !== root),
            copies,
            blobs: [...blobs],
            rootIsThere: !missing.includes(root),
            rootReference: isTagged ? task.digest : task.tag,
            problems: [...damaged, ...problems, ...(await this.refusedIndexes(task.repository, missing))],
            ...(tagged === undefined || isTagged ? {} : { movedFrom: tagged }),
        };
    }

    /**
     * What the tag points to. Where one tag is absent the next one is, too: a set is new, and each takes one request. So all
     * wait for the first.
     */
    private async tagged({ repository, tag }: ImageTask): Promise<Digest | undefined> {
        const ask = async () => {
            const tagged = await this.client.manifestHead(repository, tag, this.likely);
            this.likely = tagged === undefined ? "expected" : "confirmed";
            return tagged;
        };
        if (this.first === undefined) return (this.first = ask());
        // What it failed with is told by its own image.
        await this.first.catch(() => undefined);
        return ask();
    }

    /** Indexes that are to be pushed, and that the registry would reject. */
    private async refusedIndexes(repository: string, missing: readonly TreeNode[]): Promise<Problem[]> {
        if (this.request.refusesSparseIndexes !== true) return [];
        // What an image manifest leaves out are layers that are not distributable.
        const indexes = missing.filter(({ mediaType }) => isIndexMediaType(mediaType));
        const problems = await mapLimited(indexes, QUESTIONS, async ({ digest, absent = [] }) => {
            const found = await Promise.all(absent.map((child) => this.presence.manifest(repository, child)));
            const lacking = found.filter((isThere) => !isThere).length;
            return lacking === 0 ? [] : [sparseIndexProblem(digest, lacking, this.request.base.host)];
        });
        return problems.flat();
    }

    /** An image that an earlier archive put under another name: only its tag has to be put. */
    private async earlierImage(task: ImageTask, tagged: Digest | undefined): Promise<Missing> {
        const { repository, digest } = task;
        const stored = await this.client.manifestGet(repository, digest);
        return {
            task,
            root: { digest, mediaType: "", size: stored?.bytes.length ?? 0 },
            manifests: [],
            copies: [],
            blobs: [],
            rootIsThere: true,
            rootReference: task.tag,
            problems: stored === undefined ? [this.earlier.problem(`manifest ${digest}`)] : [],
            ...(tagged === undefined ? {} : { movedFrom: tagged }),
        };
    }

    /** What stands in front of a registry may still answer HEAD for what is gone, and HEAD reads no bytes. */
    private async canBeRead(
        repository: string,
        digest: Digest,
        damaged: Problem[],
        referrers: Set<Digest>,
    ): Promise<boolean> {
        try {
            const manifest = await this.client.manifestGet(repository, digest);
            if (manifest?.subject !== undefined) referrers.add(digest);
            return manifest !== undefined;
        } catch (error) {
            if (!(error instanceof RegistryError) || error.code !== "DIGEST_MISMATCH") throw error;
            damaged.push(toProblem(error));
            return true;
        }
    }

    /** Decides, once everything is known, who uploads and who mounts. */
    async finish(states: readonly (Missing | ImageTask)[]): Promise<ImportPlan> {
        const missing = states.filter((state): state is Missing => "root" in state);
        const present = states.filter((state): state is ImageTask => !("root" in state));
        await this.findEarlierHolders(missing);
        for (const [digest, { from }] of this.earlier.copied)
            if (!this.holders.has(digest)) this.holders.set(digest, from);
        const problems = await this.earlier.missingImages();
        const push: ImagePlan[] = [];
        const planned = new Set<string>();
        for (const image of bySize(missing, this.request.set)) {
            const blocking = [...image.problems, ...this.unknownBlobs(image)];
            if (blocking.length > 0) problems.push({ source: image.task.source, problems: blocking });
            else push.push({ ...image, needs: image.blobs, blobs: this.assign(image, planned) });
        }
        return { present, push, problems, ...imagesPayload(push) };
    }

    private unknownBlobs(image: Missing): Problem[] {
        return image.blobs
            .filter((digest) => this.request.set.blobs[digest] === undefined && !this.holders.has(digest))
            .map((digest) => this.earlier.problem(`blob ${digest}`));
    }

    /** The image's blobs that no image before it uploads; whoever needs one of them later mounts it from here. */
    private assign(image: Missing, planned: Set<string>): BlobTask[] {
        const { repository } = image.task;
        return image.blobs
            .filter((digest) => !planned.has(`${repository} ${digest}`))
            .map((digest) => {
                planned.add(`${repository} ${digest}`);
                const holder = this.holders.get(digest);
                this.holders.set(digest, holder ?? repository);
                debug("plan", () => `${image.task.source}: ${digest} to ${repository}: ${transferText(holder)}`);
                const size = this.blobSize(digest);
                return { repository, digest, size, ...(holder === undefined ? {} : { mountFrom: holder }) };
            });
    }

    private blobSize(digest: Digest): number {
        const { blobs, earlier } = this.request.set;
        return blobs[digest] ?? earlier.blobs[digest]?.size ?? this.earlier.copied.get(digest)?.size ?? 0;
    }

    /** Blobs that the repository lacks, or has in another size. */
    private async missingBlobs(repository: string, node: TreeNode): Promise<Digest[]> {
        const found = await Promise.all(
            (node.blobs ?? []).map(async (digest) => ({
                digest,
                isThere: await this.presence.blob(repository, digest, this.request.set.blobs[digest]),
            })),
        );
        for (const { digest, isThere } of found) if (isThere) this.holders.set(digest, repository);
        return found.filter(({ isThere }) => !isThere).map(({ digest }) => digest);
    }

    private async findEarlierHolders(missing: readonly Missing[]): Promise<void> {
        const wanted = new Set(missing.flatMap(({ blobs }) => blobs));
        await mapLimited([...wanted], QUESTIONS, async (digest) => {
            if (this.holders.has(digest)) return;
            const holder = await this.earlier.blobHolder(digest);
            if (holder !== undefined) this.holders.set(digest, holder);
        });
    }
}

/** Why an image is looked at further, or not. */
function tagText({ digest }: ImageTask, tagged: Digest | undefined, isSuspect: boolean): string {
    if (isSuspect) return "was found broken, so every manifest and blob is looked at";
    if (tagged === digest) return "present, its tag has its digest";
    return tagged === undefined ? "absent" : `has another digest, ${tagged}`;
}

function transferText(holder: string | undefined): string {
    return holder === undefined ? "upload, no repository of the mirror is known to have it" : `mount, ${holder} has it`;
}

/** Largest first: the longest transfer must not begin last. */
function bySize(missing: readonly Missing[], set: ImageSet): Missing[] {
    const weight = (image: Missing) => image.blobs.reduce((sum, digest) => sum + (set.blobs[digest] ?? 0), 0);
    return [...missing].sort((a, b) => weight(b) - weight(a) || a.task.source.localeCompare(b.task.source));
}
