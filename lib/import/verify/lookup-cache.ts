import type { Digest } from "../../oci/digest";
import type { Descriptor } from "../../oci/manifest";
import type { RegistryClient } from "../../distribution/client/registry-client";

/** What is remembered of a descriptor: there may be hundreds of thousands of them. */
export type SeenBlob = Pick<Descriptor, "mediaType" | "digest" | "size">;

/** A manifest that was read whole, its digest computed from its bytes; without the bytes. */
export interface SeenManifest {
    readonly mediaType: string;
    /** Bytes. */
    readonly size: number;
    readonly manifests: readonly Digest[];
    readonly blobs: readonly SeenBlob[];
    readonly subject?: Digest;
}

/**
 * What was seen at one registry with one account, so that walks of one operation ask for the same thing once. Only what
 * was found is kept: what was absent, and what could not be found out, is asked for again by everybody.
 */
export class LookupCache {
    private readonly tags = new Map<string, Promise<Digest | undefined>>();
    private readonly manifests = new Map<string, Promise<SeenManifest | undefined>>();
    private readonly blobs = new Map<string, Promise<number | undefined>>();
    private readonly mediaTypes = new Map<string, string>();

    /** As `RegistryClient.manifestHead` of a tag. */
    tag(client: RegistryClient, repository: string, tag: string): Promise<Digest | undefined> {
        return seen(this.tags, `${repository} ${tag}`, () => client.manifestHead(repository, tag));
    }

    /** As `RegistryClient.manifestGet`. */
    manifest(client: RegistryClient, repository: string, digest: Digest): Promise<SeenManifest | undefined> {
        return seen(this.manifests, `${repository} ${digest}`, async () => {
            const manifest = await client.manifestGet(repository, digest);
            if (manifest === undefined) return undefined;
            const { mediaType, bytes, manifests, blobs, subject } = manifest;
            const about = subject === undefined ? {} : { subject: subject.digest };
            return {
                mediaType: this.mediaType(mediaType),
                size: bytes.length,
                manifests: manifests.map((child) => child.digest),
                blobs: blobs.map(({ mediaType, digest, size }) => ({
                    mediaType: this.mediaType(mediaType),
                    digest,
                    size,
                })),
                ...about,
            };
        });
    }

    /** As `RegistryClient.blobHead`. */
    blob(client: RegistryClient, repository: string, digest: Digest): Promise<number | undefined> {
        return seen(this.blobs, `${repository} ${digest}`, () => client.blobHead(repository, digest));
    }

    /** Something was written, or may have been: nothing that was seen counts any more. */
    forget(): void {
        for (const responses of [this.tags, this.manifests, this.blobs]) responses.clear();
    }

    /** The same text, in the memory of the first one that read like it. */
    private mediaType(text: string): string {
        const known = this.mediaTypes.get(text);
        if (known === undefined) this.mediaTypes.set(text, text);
        return known ?? text;
    }
}

async function seen<T>(
    responses: Map<string, Promise<T | undefined>>,
    question: string,
    ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
    const asked = responses.get(question);
    // Whoever asked before may have been given up, and its client with it: that says nothing to us.
    const before = asked === undefined ? undefined : await asked.catch(() => undefined);
    if (before !== undefined) return before;
    const response = ask();
    responses.set(question, response);
    return response;
}
