import type { Digest } from "../../oci/digest";
import { once } from "../../concurrency/once";
import type { RegistryQuestions } from "./registry-outlook";

/** What is at the registry, each question asked once. */
export class Presence {
    private readonly responses = new Map<string, Promise<boolean>>();
    private readonly sizes = new Map<string, Promise<number | undefined>>();

    constructor(private readonly client: RegistryQuestions) {}

    /** Is the manifest in this repository? @throws RegistryError if that cannot be found out. */
    manifest(repository: string, digest: Digest): Promise<boolean> {
        return once(
            this.responses,
            `manifest ${repository} ${digest}`,
            async () => (await this.client.manifestHead(repository, digest)) !== undefined,
        );
    }

    /**
     * Is the blob in this repository, whole if its size is given?
     * @throws RegistryError if that cannot be found out.
     */
    async blob(repository: string, digest: Digest, size?: number): Promise<boolean> {
        const found = await once(this.sizes, `${repository} ${digest}`, () => this.client.blobHead(repository, digest));
        return found !== undefined && (size === undefined || found === size);
    }
}
