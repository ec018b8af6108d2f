import { mapLimited } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { PassthroughError } from "../../errors/errors";
import { type ImageProblem, imageProblem } from "../../import";
import type { Digest } from "../../oci/digest";
import type { Manifest } from "../../oci/manifest";
import { isIndexMediaType } from "../../oci/media-types";
import {
    type SignatureLookup,
    type SignaturePolicy,
    type SignatureReader,
    type SignedName,
    countSignatures,
    decidingPolicies,
    isSignedBy,
    policiesOf,
    readSignatures,
    refusal,
} from "../../signatures";
import { signaturesNotLookedUp } from "./not-looked-up";
import type { SignaturePull } from "./signature-pulls";

/** Why nodes refuse an image. */
export interface SignatureRefusal {
    /** `linux/arm64`; absent: of an image for one platform. */
    readonly platform?: string;
    /** Name with digest or tag, as a pod asks for it. */
    readonly pulled: SignedName;
    readonly policy: string;
    /** The scope by which the policy decides. */
    readonly scope: string;
    readonly reason: string;
}

/** What nodes make of the signatures of one image. */
export interface ImageSignatures {
    readonly source: string;
    readonly digest: Digest;
    /** Nodes find a signature for each manifest that they may run. */
    readonly signed: boolean;
    /** Policies whose key made one of the signatures of each manifest. */
    readonly signedBy: readonly string[];
    /** Policies that decide about the image; empty: nodes ask for no signature. */
    readonly required: readonly string[];
    /** Empty: nodes accept it. */
    readonly refusals: readonly SignatureRefusal[];
    /** Signatures in forms that nodes do not look up, as sentences; looked for only where nodes refuse the image. */
    readonly notLookedUp: readonly string[];
}

export interface SignatureReport {
    readonly images: readonly ImageSignatures[];
    /** Images whose signatures could not be read: nodes may accept them or not. */
    readonly unread: readonly ImageProblem[];
}

/** Images looked at together. */
const IMAGES_AT_ONCE = 8;

/**
 * Looks up signatures in the mirror and judges them, as nodes of OpenShift 4.20 and later do when they pull: of an index,
 * the signature of the manifest for a platform counts, and not that of the index.
 * @returns no entry for what is no image (a referrer), and for images that the mirror lacks, which the proof names
 * An image that the registry answers with an error, or with bytes that are no manifest, is `unread`.
 * @throws RegistryError if the registry cannot be reached
 */
export async function checkSignatures(
    client: RegistryClient,
    pulls: readonly SignaturePull[],
    policies: readonly SignaturePolicy[],
    onProgress: (images: number) => void = () => undefined,
): Promise<SignatureReport> {
    client.willRead(pulls.map(({ repository }) => repository));
    const notLookedUp = signaturesNotLookedUp.bind(undefined, client);
    return judgePulls(client, pulls, policies, { onProgress, notLookedUp });
}

interface JudgeOptions {
    readonly onProgress?: (images: number) => void;
    /** Finds signatures in other forms, for images that are refused; absent: nobody looks for them. */
    readonly notLookedUp?: (repository: string, root: Manifest, runnable: readonly Runnable[]) => Promise<string[]>;
}

/**
 * The same for any place that images and signatures are read from.
 * @throws what the reader throws that is not about one image
 */
export async function judgePulls(
    reader: SignatureReader,
    pulls: readonly SignaturePull[],
    policies: readonly SignaturePolicy[],
    { onProgress, notLookedUp }: JudgeOptions = {},
): Promise<SignatureReport> {
    let done = 0;
    const results = await mapLimited(pulls, IMAGES_AT_ONCE, async (pull) => {
        const result = await checkImage(reader, pull, policies, notLookedUp).catch((error: unknown) => {
            if (!isAboutImage(error)) throw error;
            return { unread: imageProblem(pull.source, error) };
        });
        onProgress?.(++done);
        return result;
    });
    return {
        images: results.flatMap((result) => (result === undefined || "unread" in result ? [] : [result])),
        unread: results.flatMap((result) => (result !== undefined && "unread" in result ? [result.unread] : [])),
    };
}

const ABOUT_IMAGE: readonly string[] = ["MANIFEST_INVALID", "EARLIER_CONTENT_MISSING", "ARCHIVE_NOT_FOUND"];

function isAboutImage(error: unknown): boolean {
    return error instanceof PassthroughError && (error.status !== undefined || ABOUT_IMAGE.includes(error.code));
}

/** A manifest that a node may run. */
interface Runnable {
    readonly platform?: string;
    readonly digest: Digest;
    readonly manifest: Manifest;
    readonly lookup: SignatureLookup;
}

async function checkImage(
    reader: SignatureReader,
    { source, digest, repository, names }: SignaturePull,
    policies: readonly SignaturePolicy[],
    notLookedUp: JudgeOptions["notLookedUp"],
): Promise<ImageSignatures | undefined> {
    const root = await reader.manifestGet(repository, digest);
    if (root === undefined || root.subject !== undefined) return undefined;
    const runnable = await readRunnable(reader, repository, root);
    if (runnable.length === 0) return undefined;
    const refusals = runnable.flatMap((one) => names.flatMap((pulled) => refusalsOf(one, pulled, policies)));
    const deciding = names.flatMap((pulled) => policiesOf(policies, pulled).map(({ name }) => name));
    return {
        source,
        digest,
        signed: runnable.every(({ lookup }) => countSignatures(storedOf(lookup)) > 0),
        signedBy: policies
            .filter((policy) => runnable.every(({ lookup }) => isSignedBy(policy, storedOf(lookup))))
            .map(({ name }) => name),
        required: [...new Set(deciding)],
        refusals,
        notLookedUp: refusals.length === 0 ? [] : ((await notLookedUp?.(repository, root, runnable)) ?? []),
    };
}

function storedOf(lookup: SignatureLookup) {
    return "signatures" in lookup ? lookup.signatures : [];
}

/** Children that the mirror does not have are no content: an index may leave out platforms. */
async function readRunnable(client: SignatureReader, repository: string, root: Manifest): Promise<Runnable[]> {
    if (!isIndexMediaType(root.mediaType)) {
        const lookup = await readSignatures(client, repository, root.digest);
        return [{ digest: root.digest, manifest: root, lookup }];
    }
    const children = root.manifests.filter(({ platform }) => platform === undefined || platform.os === "linux");
    const read = await Promise.all(
        children.map(async ({ digest, platform }): Promise<Runnable[]> => {
            const manifest = await client.manifestGet(repository, digest);
            if (manifest === undefined) return [];
            const lookup = await readSignatures(client, repository, digest);
            return [
                { digest, manifest, lookup, ...(platform === undefined ? {} : { platform: platformName(platform) }) },
            ];
        }),
    );
    return read.flat();
}

function platformName({ os, architecture, variant }: { os: string; architecture: string; variant?: string }): string {
    return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

function refusalsOf(
    { platform, manifest, lookup }: Runnable,
    pulled: SignedName,
    policies: readonly SignaturePolicy[],
): SignatureRefusal[] {
    return decidingPolicies(policies, pulled).flatMap(({ policy, scope }) => {
        const reason =
            "unusable" in lookup
                ? lookup.unusable
                : refusal(policy, { pulled, manifest: manifest.bytes }, lookup.signatures);
        if (reason === undefined) return [];
        return [{ ...(platform === undefined ? {} : { platform }), pulled, policy: policy.name, scope, reason }];
    });
}
