import { explainForeignLayers } from "./foreign-layers";
import { BlobUploads } from "./blob-uploads";
import { type Digest, isDigest } from "../../oci/digest";
import { RegistryError } from "../../errors/errors";
import { printable } from "../../errors/text";
import type { Manifest } from "../../oci/manifest";
import { isIndexMediaType } from "../../oci/media-types";
import { readManifest } from "./manifest-body";
import { announcesSparseIndexes, ping } from "./greeting";
import { deletionError, foreignAbsence, isForeignAbsence, provesAbsence, responseError } from "./response-errors";
import { type ReferrersPage, endlessReferrers, readReferrersPage } from "./referrers-page";
import { RegistryProbe } from "./registry-probe";
import { listRepositories } from "./repository-list";
import { type Absence, RegistryCalls, type RegistryClientOptions, type Wait } from "./registry-calls";
import type { RegistryRequest } from "./registry-session";
import { deleteScopes, pullScopes, pushScopes } from "./request-scopes";
import { FIRST_TAG_PAGE, MAX_TAGS, invalidList, readTagPage, tooManyTags } from "./tag-page";
import type { HttpResponse } from "../http/transport";

export { type RegistryClientOptions, type Wait, requestsFor } from "./registry-calls";

/**
 * The distribution API of one registry (opencontainers/distribution-spec). Every operation is idempotent and retried
 * by the client's policy; "not there" is `undefined`, everything else that is not success throws a RegistryError.
 */
export class RegistryClient {
    readonly uploads: BlobUploads;
    /** Single requests for checks, with their whole response. */
    readonly probe: RegistryProbe;
    private readonly calls: RegistryCalls;

    constructor(private readonly options: RegistryClientOptions) {
        this.calls = new RegistryCalls(options);
        this.probe = new RegistryProbe(this.calls);
        this.uploads = new BlobUploads(this.calls, options.endpoint.timeouts?.piece, options.maxBody);
    }

    /** `host[:port]`, for errors. */
    get host(): string {
        return this.options.endpoint.host;
    }

    /** Host of the token service that gets the account too, where it is not the registry's; known after a first request. */
    get foreignTokenHost(): string | undefined {
        return this.calls.session.foreignTokenHost;
    }

    /** Aborted when the run that the client works for is interrupted. */
    get signal(): AbortSignal | undefined {
        return this.options.signal;
    }

    /** True if the run that the client works for was interrupted. */
    get isInterrupted(): boolean {
        return this.options.signal?.aborted === true;
    }

    /** Seconds for which no request to the host got a response; 0 if the last one did. */
    get silentSeconds(): number {
        return this.calls.hostLimiter.silentFor / 1000;
    }

    /** Blobs that may be sent to the host at the same time now, over all clients of the process. */
    get blobsAtOnce(): number {
        return this.calls.hostLimiter.bodies;
    }

    /** How long an operation may keep failing before it gives up. */
    get retrySeconds(): number {
        return this.calls.retry.seconds;
    }

    /** Reports every wait from now on, by whichever operation. @returns a function that ends the reports */
    onWait(listener: (wait: Wait) => void): () => void {
        return this.calls.onWait(listener);
    }

    /** `GET /v2/`: the status with which the registry responds to these credentials: 200, 401 or 404 (no registry). */
    ping(): Promise<number> {
        return ping(this.calls);
    }

    /** True if `GET /v2/` announces that indexes may lack children (Quay >= 3.17: X-Sparse-Manifest-Support). */
    announcesSparseIndexes(): Promise<boolean> {
        return announcesSparseIndexes(this.calls);
    }

    /** The digest a tag or digest resolves to, as the registry says; undefined if it is not there. */
    async manifestHead(repository: string, reference: string, absence?: Absence): Promise<Digest | undefined> {
        const method = absence === "expected" ? "GET" : "HEAD";
        const request = this.calls.read(method, repository, `manifests/${reference}`);
        const readDigest = async (response: HttpResponse) => {
            await response.discard();
            const digest = response.headers["docker-content-digest"];
            // The header is optional in the spec; without it only the bytes show the digest.
            if (typeof digest === "string" && isDigest(digest)) return digest;
            return (await this.manifestGet(repository, reference))?.digest;
        };
        return this.calls.find(request, readDigest, absence);
    }

    /** The manifest with its bytes, its digest computed from them; undefined if it is not there. */
    async manifestGet(repository: string, reference: string): Promise<Manifest | undefined> {
        const request = this.calls.read("GET", repository, `manifests/${reference}`);
        return this.calls.find(request, async (response) => {
            const manifest = await readManifest(response);
            if (isDigest(reference) && manifest.digest !== reference) {
                throw new RegistryError(`the registry sent ${manifest.digest} instead`, {
                    ...response.context,
                    code: "DIGEST_MISMATCH",
                    status: 200,
                    fix: "the registry's storage is damaged: delete the manifest there and import again",
                });
            }
            return manifest;
        });
    }

    /**
     * Puts the exact bytes under a tag or their own digest. An image that is rejected for blobs that were just sent is put
     * again for a few seconds; an index is not, since its rejection is about platforms that it leaves out.
     * @returns whether the registry lists the manifest as a referrer of its subject itself (header OCI-Subject)
     */
    async manifestPut(
        repository: string,
        reference: string,
        manifest: Manifest,
    ): Promise<{ readonly isListed: boolean }> {
        const put = () => this.putOnce(repository, reference, manifest);
        return isIndexMediaType(manifest.mediaType) ? put() : this.calls.afterUploads(put);
    }

    private async putOnce(repository: string, reference: string, manifest: Manifest): Promise<{ isListed: boolean }> {
        const request: RegistryRequest = {
            ...this.calls.write("PUT", repository, `manifests/${reference}`),
            headers: { "content-type": manifest.mediaType, "content-length": String(manifest.bytes.length) },
            body: () => manifest.bytes,
        };
        return this.calls.run(request, async (response) => {
            const text = await response.text();
            if (response.status !== 201) throw explainForeignLayers(responseError(response, text), response, manifest);
            const stored = response.headers["docker-content-digest"];
            if (typeof stored === "string" && stored !== manifest.digest) {
                throw new RegistryError(`the registry stored ${printable(stored)}, not ${manifest.digest}`, {
                    ...response.context,
                    code: "DIGEST_MISMATCH",
                    status: 201,
                    fix: "check what stands in front of the registry: something changes manifests on their way",
                });
            }
            return { isListed: response.headers["oci-subject"] !== undefined };
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
        const tags = new Set<string>();
        const asked = new Set<string>();
        let next: string | undefined = FIRST_TAG_PAGE;
        while (next !== undefined) {
            const request: RegistryRequest = this.calls.read("GET", repository, next);
            const page = await this.calls.find(request, readTagPage);
            if (page === undefined) return undefined;
            const before = tags.size;
            for (const tag of page.tags) tags.add(tag);
            asked.add(next);
            // Registries without pages have sent all tags with the first response, and send them again.
            if (!page.isLinked && tags.size === before) break;
            const isEndless = page.next !== undefined && (asked.has(page.next) || asked.size === MAX_TAG_PAGES);
            if (isEndless) {
                throw invalidList(page.context, "the pages of the list of tags have no end");
            }
            if (tags.size > MAX_TAGS) throw tooManyTags(page.context, repository);
            next = page.next;
        }
        return [...tags];
    }

    /** The repositories that the registry names to the account. @throws RegistryError if it does not list them */
    repositoryList(): Promise<string[]> {
        return listRepositories(this.calls);
    }

    /** What refers to a manifest as its subject (distribution-spec, "Listing Referrers"); undefined without that API. */
    async referrers(repository: string, digest: Digest): Promise<Digest[] | undefined> {
        const path = `referrers/${digest}`;
        const found: Digest[] = [];
        const asked = new Set<string>();
        let next: string | undefined = path;
        while (next !== undefined) {
            const request: RegistryRequest = this.calls.read("GET", repository, next);
            const page: ReferrersPage | undefined = await this.referrersPage(request, repository, digest);
            if (page === undefined) return undefined;
            found.push(...page.referrers);
            asked.add(next);
            next = page.next === undefined ? undefined : `${path}?${page.next}`;
            if (next !== undefined && (asked.has(next) || asked.size === MAX_REFERRER_PAGES)) {
                throw endlessReferrers({ host: this.host, operation: request.operation });
            }
        }
        return found;
    }

    /**
     * Gitea's router has a 404 of its own for a route that it lacks, as gateways do for a registry that is down. It means
     * that there is no such API if the registry answers for the manifest, and 404 is the response to the same request again.
     */
    private async referrersPage(request: RegistryRequest, repository: string, digest: Digest) {
        const read = () => this.calls.run(request, readReferrersPage);
        return read().catch(async (error: unknown) => {
            if (!isForeignAbsence(error)) throw error;
            await this.manifestHead(repository, digest);
            return read().catch((again: unknown) => {
                if (!isForeignAbsence(again)) throw again;
                return undefined;
            });
        });
    }

    /** Bytes of the blob in this repository; undefined if it is not there. */
    async blobHead(repository: string, digest: Digest, absence?: Absence): Promise<number | undefined> {
        const request = this.calls.read("HEAD", repository, `blobs/${digest}`);
        const readSize = async (response: HttpResponse) => {
            await response.discard();
            const length = Number(response.headers["content-length"] ?? NaN);
            return Number.isInteger(length) ? length : this.blobSize(repository, digest);
        };
        return this.calls.find(request, readSize, absence);
    }

    /** The size by GET: RFC 9110 §9.3.2 lets a response to HEAD leave it out, as compressing proxies and CDNs do. */
    private async blobSize(repository: string, digest: Digest): Promise<number | undefined> {
        const request = { ...this.calls.read("GET", repository, `blobs/${digest}`), headers: { range: "bytes=0-0" } };
        return this.calls.run(request, async (response) => {
            const { status } = response;
            const ranged = /^bytes (?:0-0|\*)\/(\d+)$/.exec(String(response.headers["content-range"] ?? ""))?.[1];
            if ((status === 206 || status === 416) && ranged !== undefined) {
                await response.discard();
                return Number(ranged);
            }
            if (status !== 200) {
                const text = await response.text();
                if (status !== 404) throw responseError(response, text);
                if (provesAbsence(text)) return undefined;
                throw foreignAbsence(response.context);
            }
            let size = 0;
            for await (const chunk of response.bytes()) size += chunk.length;
            return size;
        });
    }

    /**
     * The blob's bytes as the registry sends them, not yet checked; undefined if it is not there.
     */
    blobGet(repository: string, digest: Digest): Promise<AsyncIterable<Buffer> | undefined> {
        const request = { ...this.calls.read("GET", repository, `blobs/${digest}`), readsBlob: true };
        return this.calls.find(request, (response) => Promise.resolve(response.bytes()));
    }

    /**
     * As `blobGet`, while an upload to this registry waits for the bytes: it may have the only place at the host, so the
     * request goes beside it.
     * @param signal ends the waiting for the response
     * @throws the signal's reason
     */
    async blobGetForUpload(
        repository: string,
        digest: Digest,
        signal: AbortSignal,
    ): Promise<AsyncIterable<Buffer> | undefined> {
        const request = { ...this.calls.read("GET", repository, `blobs/${digest}`), storedBytes: 0, signal };
        const release = this.calls.hostLimiter.reserve();
        try {
            return await this.calls.find(request, (response) => Promise.resolve(response.bytes()));
        } finally {
            release();
        }
    }

    /** Deletes a blob, where the registry offers that. What is not there is deleted already. */
    async blobDelete(repository: string, digest: Digest): Promise<void> {
        await this.delete(repository, `blobs/${digest}`);
    }

    /** These repositories are about to be read: they share tokens, where the registry wants tokens. */
    willRead(repositories: Iterable<string>): void {
        this.calls.session.shareTokens([...new Set(repositories)].map((repository) => pullScopes(repository)));
    }

    /**
     * These repositories are about to be written to: they share tokens, where the registry wants tokens.
     * @param mountsFrom by repository, those that blobs are mounted from
     */
    willWrite(mountsFrom: ReadonlyMap<string, Iterable<string>>): void {
        const requests = [...mountsFrom].map(([repository, sources]) => [
            ...pushScopes(repository),
            ...[...sources].flatMap((source) => pullScopes(source)),
        ]);
        this.calls.session.shareTokens(requests);
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
            if (response.status === 404 && provesAbsence(text)) return;
            if (response.status === 404) throw foreignAbsence(response.context);
            throw deletionError(response, text);
        };
        await this.calls.run(request, take).catch((error: unknown) => {
            const isScope = error instanceof RegistryError && error.code === "INVALID_REQUEST" && error.status === 400;
            if (!isScope) throw error;
            return this.calls.run({ ...request, scopes: pushScopes(repository) }, take);
        });
    }
}

/** A page is a manifest of up to 4 MiB. */
const MAX_REFERRER_PAGES = 100;
/** Registries give a page of 50 tags or more. */
const MAX_TAG_PAGES = 10_000;
