import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import type { RegistryClient } from "../distribution/client/registry-client";
import { PassthroughError, RegistryError } from "../errors/errors";
import type { Manifest } from "../oci/manifest";

/** An image that is, or may be, at the registry. */
export interface ProofImage {
    readonly repository: string;
    /** Tag or digest. */
    readonly reference: string;
}

/**
 * Proves that an account may do what it is for: it pulls the manifest and the configuration of an image, and an account
 * that pushes also puts that manifest again under its own digest, which changes nothing.
 * @param client with the account
 * @param images candidates: the first that is there counts
 * @returns the repository; undefined if no image is there
 * @throws RegistryError if the registry rejects the account, or does not respond
 */
export async function proveAccount(
    client: RegistryClient,
    right: "push" | "pull",
    images: readonly ProofImage[],
): Promise<string | undefined> {
    for (const { repository, reference } of images) {
        const manifest = await readImage(client, repository, reference);
        if (manifest === undefined) continue;
        await readConfiguration(client, repository, manifest);
        if (right === "push") await putAgain(client, repository, manifest);
        return repository;
    }
    return undefined;
}

/** Responses about the content: the account was let in before. Quay rejects images that an older version has accepted. */
const ABOUT_CONTENT: readonly (number | undefined)[] = [400, 409, 412, 415, 422];

async function putAgain(client: RegistryClient, repository: string, manifest: Manifest): Promise<void> {
    try {
        await client.manifestPut(repository, manifest.digest, manifest);
    } catch (error) {
        if (!(error instanceof RegistryError) || !ABOUT_CONTENT.includes(error.status)) throw error;
    }
}

/** An image manifest: of an index that of a child, since an index whose other children are not there may be rejected. */
async function readImage(client: RegistryClient, repository: string, reference: string): Promise<Manifest | undefined> {
    const manifest = await client.manifestGet(repository, reference);
    if (manifest === undefined || manifest.manifests.length === 0) return manifest;
    for (const { digest } of manifest.manifests) {
        const child = await readImage(client, repository, digest);
        if (child !== undefined) return child;
    }
    return undefined;
}

async function readConfiguration(client: RegistryClient, repository: string, { blobs }: Manifest): Promise<void> {
    const [configuration] = blobs;
    if (configuration === undefined) return;
    await client.retrying(async () => {
        const stream = await client.blobGet(repository, configuration.digest);
        if (stream !== undefined) await finished(Readable.from(stream).resume());
    });
}

const STAGES = {
    "new account": {
        what: "the new account",
        fix: "nothing uses it yet, and the account before it stays: correct what is wrong at the registry, and run `npm run up` again",
    },
    "old secret": {
        what: "the account, which was to get a new secret,",
        fix: "nothing was changed, and its secret stays valid: correct what is wrong at the registry, and run `npm run up` again",
    },
    "new secret": {
        what: "the account with its new secret",
        fix:
            "state has the new secret, and the old one is not valid any more: correct what is wrong at the registry, and run " +
            "`npm run up` again at once, which proves the new one and gives it to whatever still has the old one",
    },
} as const;

/** What is proven: a new account in place of another, or one that gets a new secret, before that and after it. */
export type ProofStage = keyof typeof STAGES;

/**
 * The error of an account that could not be proven.
 * @param username of the account
 */
export function unprovenError(username: string, error: unknown, stage: ProofStage): unknown {
    if (!(error instanceof RegistryError)) return error;
    const isRejected = error.status === 401 || error.status === 403;
    const { what, fix } = STAGES[stage];
    return new PassthroughError(`${what} could not ${isRejected ? "be used" : "be proven"}: ${error.message}`, {
        code: "ROBOT_UNPROVEN",
        thing: `robot account ${username}`,
        fix,
        cause: error,
    });
}
