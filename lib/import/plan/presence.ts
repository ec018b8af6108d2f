import { debug } from "../../debug/debug";
import type { Digest } from "../../oci/digest";
import { once } from "../../concurrency/once";
import type { Absence } from "../../distribution/client/registry-calls";
import type { ImageSet } from "../../mirror/image-set";
import type { RegistryQuestions } from "./registry-outlook";

/** Questions that are asked at once while planning: how many of them are in flight, the limiter of the host decides. */
export const QUESTIONS = 64;

/** What is at the registry, each question asked once. */
export class Presence {
    private readonly responses = new Map<string, Promise<boolean>>();
    private readonly sizes = new Map<string, Promise<number | undefined>>();

    /** @param set what the archive has: if the registry lacks it, it is sent */
    constructor(
        private readonly client: RegistryQuestions,
        private readonly set: Pick<ImageSet, "manifests" | "blobs">,
    ) {}

    /** Is the manifest in this repository? @throws RegistryError if that cannot be found out. */
    manifest(repository: string, digest: Digest): Promise<boolean> {
        return once(this.responses, `manifest ${repository} ${digest}`, async () => {
            const found = await this.client.manifestHead(repository, digest, absence(this.set.manifests[digest]));
            debug("plan", () => `HEAD ${repository}/manifests/${digest}: ${presenceText(found)}`);
            return found !== undefined;
        });
    }

    /**
     * Is the blob in this repository, whole if its size is given?
     * @throws RegistryError if that cannot be found out.
     */
    async blob(repository: string, digest: Digest, size?: number): Promise<boolean> {
        const found = await once(this.sizes, `${repository} ${digest}`, async () => {
            const bytes = await this.client.blobHead(repository, digest, absence(this.set.blobs[digest]));
            debug("plan", () => `HEAD ${repository}/blobs/${digest}: ${presenceText(bytes)}`);
            return bytes;
        });
        return found !== undefined && (size === undefined || found === size);
    }
}

/** Of what no archive can send, a wrong absence would stop an import. */
function absence(inArchive: unknown): Absence {
    return inArchive === undefined ? "confirmed" : "assumed";
}

function presenceText(found: Digest | number | undefined): string {
    if (found === undefined) return "absent";
    return typeof found === "number" ? `present, ${found} bytes` : "present";
}
