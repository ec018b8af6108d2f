import { z } from "zod";
import { parseBoundedJson } from "../../../oci/bounded-json";
import type { Digest } from "../../../oci/digest";
import { type Reference, isTag } from "../../../oci/reference";
import type { Origin } from "../../naming/origin";
import type { OcMirrorIndex, TagLink } from "./cache-index";
import { toCacheName, digestOfTag, subjectOfTag } from "./cache-name";
import { type Candidate, formatCacheNames, mentionedReference } from "./candidate";
import { type ImageSetContent, withoutTransport } from "./image-set";
import { type HeldRelease, heldReleases, readAs } from "./release-content";
import { payloadRepository } from "./release-documents";
import { type SignedIdentity, signedIdentity } from "./signed-message";
import { readWorkingFile } from "./working-file";

/** What an archive says about releases. */
export interface Releases {
    readonly candidates: readonly Candidate[];
    /** Cache names of release images -> their version; undefined where it is not known. */
    readonly payloads: ReadonlyMap<string, string | undefined>;
    /** OpenPGP messages by the digest of the release image that they are about. */
    readonly signatures: ReadonlyMap<Digest, readonly Buffer[]>;
    readonly notes: readonly string[];
}

/** Where 4.18 and later file release images and their components (oc-mirror, internal/pkg/release/const.go). */
const PAYLOADS = "openshift/release-images";
const COMPONENTS = "openshift/release";
const GRAPH = /^working-dir\/hold-release\/cincinnati-graph-data\//;
const SIGNATURE = /^working-dir\/signatures\/.+-sha256-([0-9a-f]{64})$/;

const graph = z.looseObject({ nodes: z.array(z.looseObject({ version: z.string(), payload: z.string() })) });

/** Reads what the working folder and the image set say of releases. @throws ArchiveError as reading does */
export async function readReleases(index: OcMirrorIndex, requests: ImageSetContent): Promise<Releases> {
    const notes: string[] = [];
    const reader = new ReleaseReader(index, requests, await readSources(index, notes));
    return { ...reader.run(), notes };
}

interface Sources {
    readonly held: readonly HeldRelease[];
    readonly graph: ReadonlyMap<
        Digest,
        { readonly reference: string; readonly version: string; readonly file: string }
    >;
    readonly signatures: ReadonlyMap<Digest, readonly Buffer[]>;
    readonly identities: ReadonlyMap<Digest, SignedIdentity & { readonly file: string }>;
}

async function readSources(index: OcMirrorIndex, notes: string[]): Promise<Sources> {
    const nodes = new Map<Digest, { reference: string; version: string; file: string }>();
    const signatures = new Map<Digest, Buffer[]>();
    const identities = new Map<Digest, SignedIdentity & { file: string }>();
    const files = [...index.working.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const file of files) {
        if (GRAPH.test(file.name)) {
            const read = await readAs(file, parseBoundedJson, graph, notes);
            for (const { version, payload } of read?.nodes ?? []) {
                const digest = mentionedReference(payload)?.digest;
                if (digest !== undefined) nodes.set(digest, { reference: payload, version, file: file.name });
            }
        }
        const hex = SIGNATURE.exec(file.name)?.[1];
        if (hex === undefined) continue;
        const digest = `sha256:${hex}`;
        const bytes = await readWorkingFile(file);
        const identity = signedIdentity(bytes);
        if (identity?.digest === digest) {
            identities.set(digest, { ...identity, file: file.name });
            signatures.set(digest, [...(signatures.get(digest) ?? []), bytes]);
        } else notes.push(`${file.name} (archive ${file.file.path}) is no signature of sha256:${hex}: left out`);
    }
    return { held: await heldReleases(index, notes), graph: nodes, signatures, identities };
}

class ReleaseReader {
    readonly #index: OcMirrorIndex;
    readonly #sources: Sources;
    /** `platform.release`, if the image set names one. */
    readonly #desired: Reference | undefined;

    constructor(index: OcMirrorIndex, requests: ImageSetContent, sources: Sources) {
        this.#index = index;
        this.#sources = sources;
        const release = withoutTransport(requests.platform?.release ?? "");
        this.#desired = release ? mentionedReference(release) : undefined;
    }

    run(): Omit<Releases, "notes"> {
        const payloads = new Map<string, string | undefined>();
        const candidates: Candidate[] = [];
        const tags = new Map<string, string>();
        for (const link of this.#index.tags.values()) {
            if (subjectOfTag(link.tag) !== undefined) continue;
            const release = this.#findRelease(link);
            const names = this.#payloadNames(link, release);
            if (names.length === 0 && link.repository !== PAYLOADS) continue;
            const cacheName = `${link.repository}:${link.tag}`;
            payloads.set(cacheName, release?.version ?? this.#sources.graph.get(link.digest)?.version);
            const requested = this.#index.blobs.has(link.digest) || this.#isRequested(link);
            for (const name of names) candidates.push({ ...name, cacheNames: [cacheName], requested });
            const tag = names.find(({ reference }) => reference.tag !== undefined)?.reference.tag;
            if (release !== undefined && tag !== undefined) tags.set(release.tag, tag);
        }
        if (this.#desired !== undefined && ![...this.#index.tags.values()].some((link) => this.#isRequested(link))) {
            candidates.push({
                reference: this.#desired,
                cacheNames: [],
                requested: true,
                origin: { from: "image-set" },
            });
        }
        for (const release of this.#sources.held) {
            candidates.push(...this.#componentCandidates(release, tags.get(release.tag) ?? release.tag));
        }
        return { candidates, payloads, signatures: this.#sources.signatures };
    }

    /** The release whose image a tag is. */
    #findRelease(link: TagLink): HeldRelease | undefined {
        return this.#sources.held.find(
            ({ tag, name }) =>
                (tag === link.tag && (link.repository === PAYLOADS || link.repository.endsWith(`/${name}`))) ||
                (link.repository === PAYLOADS && `sha256:${tag}` === link.digest),
        );
    }

    /** The upstream names of a release image; none if the tag is not one. */
    #payloadNames(link: TagLink, release: HeldRelease | undefined): Pick<Candidate, "reference" | "origin">[] {
        const isPayload = link.repository === PAYLOADS;
        const { graph: nodes, identities } = this.#sources;
        const told = [identities.get(link.digest), nodes.get(link.digest)].flatMap((source) => {
            const read = source && mentionedReference(source.reference);
            if (read === undefined || !(isPayload || read.repository === link.repository)) return [];
            return [{ reference: named(read, link), origin: releaseOrigin(source?.file) }];
        });
        if (isPayload && this.#desired !== undefined && this.#isRequested(link)) {
            told.push({ reference: named(this.#desired, link), origin: { from: "image-set" } });
        }
        if (told.length > 0 || !isPayload) return told;
        return [...(release?.components.values() ?? [])].slice(0, 1).flatMap((text) => {
            const component = mentionedReference(text);
            const payload = component && payloadRepository(component);
            if (payload === undefined) return [];
            return [{ reference: named(payload, link), origin: releaseOrigin(release?.folder) }];
        });
    }

    /** `platform.release` by digest or tag; oc-mirror resolves a tag, so what is filed by digest may be it if it is alone. */
    #isRequested(link: TagLink): boolean {
        if (this.#desired === undefined || link.repository !== PAYLOADS) return false;
        if (this.#desired.digest !== undefined) return this.#desired.digest === link.digest;
        if (this.#desired.tag === link.tag) return true;
        const byDigest = [...this.#index.tags.values()].filter(
            ({ repository, tag, digest }) =>
                repository === PAYLOADS && digestOfTag(tag) === digest && this.#index.blobs.has(digest),
        );
        return byDigest.length === 1 && byDigest[0] === link;
    }

    #componentCandidates(release: HeldRelease, ownTag: string): Candidate[] {
        const payload = this.#index.tags.get(`${PAYLOADS}:${release.tag}`);
        const requested = payload !== undefined && this.#index.blobs.has(payload.digest);
        const of = (name: string, text: string, isRequested: boolean): Candidate[] => {
            const reference = mentionedReference(text);
            if (reference === undefined) return [];
            const tag = `${ownTag}-${name}`;
            const tagged = isTag(tag) ? { ...reference, tag } : reference;
            const cacheNames = [`${COMPONENTS}:${release.tag}-${name}`];
            const origin: Origin = { from: "release", where: release.folder };
            return [
                { reference: tagged, cacheNames, requested: isRequested, origin },
                // 4.16 and 4.17 file it under its own repository.
                { reference, cacheNames: formatCacheNames(toCacheName(text)), requested: false, origin },
            ];
        };
        return [
            ...[...release.components].flatMap(([name, text]) => of(name, text, requested)),
            ...[...release.kubeVirt].flatMap(([architecture, text]) => [
                ...of("kube-virt-container", text, false),
                ...of(`kube-virt-container-${architecture}`, text, false),
            ]),
        ];
    }
}

function releaseOrigin(where: string | undefined): Origin {
    return { from: "release", ...(where === undefined ? {} : { where }) };
}

/** The name of a tag's image in a repository; a tag that only repeats the digest is none of its own. */
function named({ registry, repository, tag }: Reference, link: TagLink): Reference {
    const own = tag ?? (digestOfTag(link.tag) === undefined ? link.tag : undefined);
    return { registry, repository, ...(own === undefined ? {} : { tag: own }), digest: link.digest };
}
