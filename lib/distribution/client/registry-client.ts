import { explainForeignLayers } from "./foreign-layers";
import { BlobUploads } from "./blob-uploads";
import { type Digest, isDigest } from "../../oci/digest";
import { PassthroughError, RegistryError } from "../../errors/errors";
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from "../../oci/manifest";
import { absenceOf, deletionRefused, inventedAbsence, responseError } from "./response-errors";
import { RegistryCalls, type RegistryClientOptions, type Wait } from "./registry-calls";
import { type RegistryRequest, deleteScopes, pushScopes } from "./registry-session";
import { noList, readTagPage } from "./tag-page";
import type { HttpResponse } from "../http/transport";

export { type RegistryClientOptions, type Wait, requestsFor } from "./registry-calls";

/**
 * The distribution API of one registry (opencontainers/distribution-spec). Every operation is idempotent and retried
 * by the client's policy; "not there" is `undefined`, everything else that is not success throws a RegistryError.
 */
export class RegistryClient {
    readonly uploads: BlobUploads;
    private readonly calls: RegistryCalls;

    constructor(private readonly options: RegistryClientOptions) {
        this.calls = new RegistryCalls(options);
        this.uploads = new BlobUploads(this.calls, options.endpoint.timeouts?.piece);
    }

    /** Seconds for which no request to the host got an answer; 0 if the last one did. */
    get silentSeconds(): number {
        return this.calls.hostLimiter.silentFor / 1000;
    }

    /** How long an operation may keep failing before it gives up. */
    get retrySeconds(): number {
        return this.calls.retry.seconds;
    }

    /** Tells of every wait from now on, by whichever operation. @returns what ends that */
    onWait(listener: (wait: Wait) => void): () => void {
        return this.calls.onWait(listener);
    }

    /** `GET /v2/`: the status with which the registry greets these credentials: 200, 401 or 404 (no registry). */
    async ping(): Promise<number> {
        const operation = `GET ${this.options.endpoint.host}/v2/`;
        return this.calls.run({ method: "GET", url: "/v2/", operation, scopes: [] }, async (response) => {
            const text = await response.text();
            if (![200, 401, 404].includes(response.status)) throw responseError(operation, response, text);
            return response.status;
        });
    }

    /** The digest a tag or digest resolves to, as the registry says; undefined if it is not there. */
    async manifestHead(repository: string, reference: string): Promise<Digest | undefined> {
        const request = this.calls.read("HEAD", repository, `manifests/${reference}`);
        return this.calls.find(request, async (response) => {
            await response.discard();
            const digest = response.headers["docker-content-digest"];
            // The header is optional in the spec; without it only the bytes tell.
            if (typeof digest === "string" && isDigest(digest)) return digest;
            return (await this.manifestGet(repository, reference))?.digest;
        });
    }

    /** The manifest with its bytes, its digest computed from them; undefined if it is not there. */
    async manifestGet(repository: string, reference: string): Promise<Manifest | undefined> {
        const request = this.calls.read("GET", repository, `manifests/${reference}`);
        return this.calls.find(request, async (response) => {
            const manifest = parseManifest(await bodyOf(response, request.operation), request.operation);
            if (isDigest(reference) && manifest.digest !== reference) {
                throw new RegistryError(request.operation, `the registry sent ${manifest.digest} instead`, {
                    code: "DIGEST_MISMATCH",
                    status: 200,
                    fix: "the registry's storage is damaged: delete the manifest there and import again",
                });
            }
            return manifest;
        });
    }

    /** Puts the exact bytes under a tag or their own digest. */
    async manifestPut(repository: string, reference: string, manifest: Manifest): Promise<void> {
        const request: RegistryRequest = {
            ...this.calls.write("PUT", repository, `manifests/${reference}`),
            headers: { "content-type": manifest.mediaType, "content-length": String(manifest.bytes.length) },
            body: () => manifest.bytes,
        };
        await this.calls.run(request, async (response) => {
            const text = await response.text();
            if (response.status !== 201)
                throw explainForeignLayers(responseError(request.operation, response, text), manifest);
            const stored = response.headers["docker-content-digest"];
            if (typeof stored === "string" && stored !== manifest.digest) {
                throw new RegistryError(request.operation, `the registry stored ${stored}, not ${manifest.digest}`, {
                    code: "DIGEST_MISMATCH",
                    status: 201,
                });
            }
        });
    }

    /**
     * Deletes a manifest by digest, and with it every tag that points to it; or a tag alone, where the registry offers
     * that. What is not there is deleted already.
     */
    async manifestDelete(repository: string, reference: string): Promise<void> {
        await this.delete(repository, `manifests/${reference}`);
    }

    /** The tags of a repository (distribution-spec, "Listing Tags"), page by page; undefined if it is not there. */
    async tagList(repository: string): Promise<string[] | undefined> {
        const tags: string[] = [];
        const asked = new Set<string>();
        let next: string | undefined = "tags/list?n=1000";
        while (next !== undefined) {
            const request: RegistryRequest = this.calls.read("GET", repository, next);
            const page = await this.calls.find(request, async (response) => readTagPage(response, request.operation));
            if (page === undefined) return undefined;
            tags.push(...page.tags);
            asked.add(next);
            if (page.next !== undefined && (asked.has(page.next) || asked.size === MAX_TAG_PAGES)) {
                throw noList(request.operation, "the pages of the list of tags have no end");
            }
            next = page.next;
        }
        return tags;
    }

    /** What refers to a manifest as its subject (distribution-spec, "Listing Referrers"); undefined without that API. */
    async referrers(repository: string, digest: Digest): Promise<Digest[] | undefined> {
        const request = this.calls.read("GET", repository, `referrers/${digest}`);
        return this.calls.run(request, async (response) => {
            // distribution has no such route; Quay answers 400 for a manifest that it does not know.
            if (response.status === 404 || response.status === 400) {
                await response.discard();
                if (response.status === 404 && absenceOf(response, undefined) !== "definite") {
                    throw inventedAbsence(request.operation);
                }
                return undefined;
            }
            if (response.status !== 200) throw responseError(request.operation, response, await response.text());
            return parseManifest(await bodyOf(response, request.operation), request.operation).manifests.map(
                (referrer) => referrer.digest,
            );
        });
    }

    /** Bytes of the blob in this repository; undefined if it is not there. */
    async blobHead(repository: string, digest: Digest): Promise<number | undefined> {
        const request = this.calls.read("HEAD", repository, `blobs/${digest}`);
        return this.calls.find(request, async (response) => {
            await response.discard();
            const length = Number(response.headers["content-length"] ?? NaN);
            if (Number.isInteger(length)) return length;
            throw new RegistryError(request.operation, "the registry does not say how long the blob is", {
                code: "UNEXPECTED_ANSWER",
                status: 200,
            });
        });
    }

    /** The blob's bytes as the registry sends them, not yet checked; undefined if it is not there. */
    async blobGet(repository: string, digest: Digest): Promise<AsyncIterable<Buffer> | undefined> {
        const request = this.calls.read("GET", repository, `blobs/${digest}`);
        return this.calls.find(request, (response) => Promise.resolve(response.bytes()));
    }

    /** Runs a whole transfer under the client's retry policy. */
    async retrying<T>(operation: (goneOn: () => void) => Promise<T>): Promise<T> {
        return this.calls.retrying(operation);
    }

    async close(): Promise<void> {
        await this.calls.session.close();
    }

    /** Token servers want the action `delete` for it; Quay refuses to read a scope that has it, and wants none. */
    private async delete(repository: string, path: string): Promise<void> {
        const request = { ...this.calls.write("DELETE", repository, path), scopes: deleteScopes(repository) };
        const take = async (response: HttpResponse) => {
            const text = await response.text();
            if (response.status === 202 || response.status === 200 || response.status === 204) return;
            if (response.status === 404 && absenceOf(response, text) === "definite") return;
            if (response.status === 404) throw inventedAbsence(request.operation);
            throw deletionRefused(responseError(request.operation, response, text));
        };
        await this.calls.run(request, take).catch((error: unknown) => {
            const isScope = error instanceof RegistryError && error.code === "INVALID_REQUEST" && error.status === 400;
            if (!isScope) throw error;
            return this.calls.run({ ...request, scopes: pushScopes(repository) }, take);
        });
    }
}

/** Registries give a page of 50 tags or more. */
const MAX_TAG_PAGES = 10_000;

async function bodyOf(response: HttpResponse, operation: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response.bytes()) {
        length += chunk.length;
        if (length > MAX_MANIFEST_BYTES) {
            throw new PassthroughError(`${operation}: the answer is longer than a manifest may be`, {
                code: "MANIFEST_INVALID",
            });
        }
        chunks.push(chunk);
    }
    return Buffer.concat(chunks);
}
