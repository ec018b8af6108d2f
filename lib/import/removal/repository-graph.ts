import type { Digest } from "../../oci/digest";
import { RegistryError } from "../../errors/errors";
import { mapLimited } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";

/** A manifest that a repository holds, and what it points to there. */
interface Node {
    /** Children of an index. */
    readonly children: readonly Digest[];
    /** The manifest it is about. */
    readonly subject?: Digest;
    /** False for one that the registry does not have. */
    readonly isPresent: boolean;
}

/** A list of referrers that clients keep where the registry has no referrers API. */
export interface ReferrerList {
    readonly subject: Digest;
    readonly entries: readonly Digest[];
}

const QUESTIONS = 16;

/** Cosign's tags, and the referrers fallback tag, name the manifest they are about (distribution-spec, "Referrers Tag Schema"). */
const ABOUT_TAG = /^sha256-([0-9a-f]{64})(\.(sig|att|sbom))?$/;

/** The tag of a list of referrers. */
const LIST_TAG = /^sha256-([0-9a-f]{64})$/;

/**
 * What one repository's tags lead to, as the registry has it now. What no tag leads to cannot be listed; a referrer is
 * found by the referrers API, or in the lists that clients keep where there is none.
 */
export class RepositoryGraph {
    private constructor(
        private readonly client: RegistryClient,
        readonly repository: string,
        /** Tag -> what it points to. */
        readonly tags: ReadonlyMap<string, Digest>,
        private readonly nodes: ReadonlyMap<Digest, Node>,
    ) {}

    /**
     * @param roots manifests to look at although no tag may lead to them
     * @throws RegistryError if it cannot be found out
     */
    static async read(client: RegistryClient, repository: string, roots: Iterable<Digest>): Promise<RepositoryGraph> {
        const names = (await client.tagList(repository)) ?? [];
        const found = await mapLimited(names, QUESTIONS, async (tag) => {
            const digest = await client.manifestHead(repository, tag);
            return digest === undefined ? [] : ([[tag, digest]] as const);
        });
        const tags = new Map(found.flat());
        const nodes = new Map<Digest, Node>();
        const graph = new RepositoryGraph(client, repository, tags, nodes);
        let open = [...new Set([...tags.values(), ...roots])];
        while (open.length > 0) {
            const read = await mapLimited(open, QUESTIONS, async (digest) => ({
                digest,
                node: await graph.node(digest),
            }));
            for (const { digest, node } of read) nodes.set(digest, node);
            open = [...new Set(read.flatMap(({ node }) => node.children))].filter((digest) => !nodes.has(digest));
        }
        return graph;
    }

    /** These manifests and everything below them, indexes before their children. */
    below(roots: Iterable<Digest>): Set<Digest> {
        const seen = new Set<Digest>();
        let open = [...roots];
        while (open.length > 0) {
            for (const digest of open) seen.add(digest);
            open = open.flatMap((digest) => this.nodes.get(digest)?.children ?? []).filter((child) => !seen.has(child));
        }
        return seen;
    }

    /** What these tags and manifests keep: what they point to, what is below that, and what any of it is about. */
    keptBy(tags: Iterable<string>, roots: Iterable<Digest>): Set<Digest> {
        const names = [...tags];
        const about = names.flatMap((tag) => {
            const hex = ABOUT_TAG.exec(tag)?.[1];
            return hex === undefined ? [] : [`sha256:${hex}`];
        });
        let kept = this.below([...roots, ...names.flatMap((tag) => this.tags.get(tag) ?? []), ...about]);
        for (let size = -1; size !== kept.size;) {
            size = kept.size;
            const subjects = [...kept].flatMap((digest) => this.nodes.get(digest)?.subject ?? []);
            kept = this.below([...kept, ...subjects]);
        }
        return kept;
    }

    /** Manifests that the registry, or a list of clients, names as referrers of this one. */
    async referrers(digest: Digest, lists: ReadonlyMap<string, ReferrerList>): Promise<readonly Digest[]> {
        const listed = [...lists.values()]
            .filter(({ subject }) => subject === digest)
            .flatMap(({ entries }) => entries);
        return (
            (await this.client.referrers(this.repository, digest)) ?? listed.filter((entry) => this.isPresent(entry))
        );
    }

    /**
     * The lists of referrers in this repository, by tag; none where the registry has the referrers API.
     * @param owned tags that are images of a set
     */
    async referrerLists(owned: ReadonlySet<string | undefined>): Promise<ReadonlyMap<string, ReferrerList>> {
        const lists = new Map<string, ReferrerList>();
        for (const [tag, digest] of this.tags) {
            const hex = LIST_TAG.exec(tag)?.[1];
            const entries = this.nodes.get(digest)?.children ?? [];
            const subject = `sha256:${hex ?? ""}`;
            const isAbout = (entry: Digest) => !this.isPresent(entry) || this.nodes.get(entry)?.subject === subject;
            if (hex === undefined || entries.length === 0 || owned.has(tag) || !entries.every(isAbout)) continue;
            if ((await this.client.referrers(this.repository, subject)) !== undefined) continue;
            lists.set(tag, { subject, entries });
        }
        return lists;
    }

    /** The manifests that a tag is about, by its name or by its manifest's subject; empty for an image. */
    about(tag: string): readonly Digest[] {
        const hex = ABOUT_TAG.exec(tag)?.[1];
        const subject = this.nodes.get(this.tags.get(tag) ?? "")?.subject;
        return [...(hex === undefined ? [] : [`sha256:${hex}`]), ...(subject === undefined ? [] : [subject])];
    }

    isPresent(digest: Digest): boolean {
        return this.nodes.get(digest)?.isPresent === true;
    }

    /** True for a manifest that is about another one. */
    isReferrer(digest: Digest): boolean {
        return this.nodes.get(digest)?.subject !== undefined;
    }

    /**
     * A manifest that is not there points to nothing.
     * @throws RegistryError if it is, by HEAD, but cannot be read: then it is not known what it points to
     */
    private async node(digest: Digest): Promise<Node> {
        const { client, repository } = this;
        const manifest = await client.manifestGet(repository, digest);
        if (manifest === undefined && (await client.manifestHead(repository, digest)) !== undefined) {
            throw new RegistryError("it exists by HEAD, but cannot be read by GET", {
                registry: client.host,
                operation: `GET ${repository}/manifests/${digest}`,
                code: "UNEXPECTED_RESPONSE",
                fix: "check the registry's storage and what stands in front of it; nothing of this repository was removed",
            });
        }
        const children = (manifest?.manifests ?? []).map((child) => child.digest);
        const subject = manifest?.subject?.digest;
        return { children, isPresent: manifest !== undefined, ...(subject === undefined ? {} : { subject }) };
    }
}
