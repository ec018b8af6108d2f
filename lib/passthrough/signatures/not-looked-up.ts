import { z } from "zod";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { counted } from "../../errors/text";
import { ReferrerLookup } from "../../import";
import { parseBoundedJson } from "../../oci/bounded-json";
import type { Digest } from "../../oci/digest";
import type { Manifest } from "../../oci/manifest";
import { isIndexMediaType } from "../../oci/media-types";
import { countSignatures, readSignatures } from "../../signatures";

/** Types of signatures that are stored as referrers: sigstore's bundle, cosign's experimental one, notation's. */
const SIGNATURE_TYPE =
    /^application\/(vnd\.dev\.sigstore\.bundle(\.v0\.\d+\+json|\+json;version=0\.\d+)|vnd\.dev\.cosign\.artifact\.sig\.v1\+json|vnd\.cncf\.notary\.signature)$/;

const typed = z.object({
    artifactType: z.string().optional().catch(undefined),
    config: z.object({ mediaType: z.string() }).optional().catch(undefined),
});

/**
 * Signatures that nodes do not look up (go.podman.io/image up to 5.42 reads the tag `sha256-<hex>.sig` only), as
 * sentences: the reason that somebody who has signed the image looks for.
 * @param runnable the manifests that nodes run; of an index, its children
 */
export async function signaturesNotLookedUp(
    client: RegistryClient,
    repository: string,
    root: Manifest,
    runnable: readonly { readonly digest: Digest }[],
): Promise<string[]> {
    const digests = [...new Set([root.digest, ...runnable.map(({ digest }) => digest)])];
    const lists = await Promise.all(digests.map((digest) => signatureReferrers(client, repository, digest)));
    const count = lists.flat().length;
    const notes: string[] = [];
    if (count > 0) {
        const forms = [...new Set(lists.flat())].sort().join(", ");
        notes.push(`nodes do not look up its ${counted(count, "signature")} by referrer (${forms})`);
    }
    if (isIndexMediaType(root.mediaType) && (await hasSignature(client, repository, root.digest))) {
        notes.push(
            "its index is signed, but nodes check the manifest of their platform: sign with cosign sign --recursive",
        );
    }
    return notes;
}

async function hasSignature(client: RegistryClient, repository: string, digest: Digest): Promise<boolean> {
    const lookup = await readSignatures(client, repository, digest);
    return "signatures" in lookup && countSignatures(lookup.signatures) > 0;
}

/** @returns the type of each */
async function signatureReferrers(client: RegistryClient, repository: string, subject: Digest): Promise<string[]> {
    const listed = await new ReferrerLookup(client).list(repository, subject);
    const types = await Promise.all(
        [...listed].map(async (digest) => {
            const manifest = await client.manifestGet(repository, digest);
            if (manifest === undefined) return "";
            const { artifactType, config } = typed.parse(parseBoundedJson(manifest.bytes));
            return artifactType ?? config?.mediaType ?? "";
        }),
    );
    return types.filter((type) => SIGNATURE_TYPE.test(type));
}
