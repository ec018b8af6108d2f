import { once } from "../../concurrency/once";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError } from "../../errors/errors";
import type { Digest } from "../../oci/digest";
import { referrersTag } from "../image-task";

/** Looks referrers up as verifiers do (cosign, notation, oras): by the API, or by the tag where the registry has none. */
export class ReferrerLookup {
    private readonly lists = new Map<string, Promise<ReadonlySet<Digest>>>();

    constructor(private readonly client: RegistryClient) {}

    /** True if clients that look for referrers of the subject find this manifest. */
    async finds(repository: string, subject: Digest, digest: Digest): Promise<boolean> {
        return (await this.list(repository, subject)).has(digest);
    }

    /** The referrers of a manifest. */
    list(repository: string, subject: Digest): Promise<ReadonlySet<Digest>> {
        return once(this.lists, `${repository} ${subject}`, () => this.read(repository, subject));
    }

    private async read(repository: string, subject: Digest): Promise<ReadonlySet<Digest>> {
        const api = await this.client.referrers(repository, subject).catch(withoutApi);
        if (api !== undefined) return new Set(api);
        const stored = await this.client.manifestGet(repository, referrersTag(subject));
        return new Set(stored?.manifests.map(({ digest }) => digest));
    }
}

/** A proxy may have a page of its own for a path that the registry does not have. */
function withoutApi(error: unknown): undefined {
    if (error instanceof RegistryError && [404, 405, 501].includes(error.status ?? 0)) return undefined;
    throw error;
}
