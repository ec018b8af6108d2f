import { parseChallenges } from "../auth/challenge";
import type { Digest } from "../../oci/digest";
import type { HttpResponse } from "../http/transport";
import { type BegunUpload, readBegunUpload, uploadRequest } from "./begun-upload";
import type { RegistryCalls } from "./registry-calls";
import { pushScopes } from "./request-scopes";
import { rejectPage, responseError } from "./response-errors";

/** Single requests for checks: nothing is repeated, and what the response looks like is the result. */
export class RegistryProbe {
    constructor(private readonly calls: RegistryCalls) {}

    /** The registry's own origin. */
    get origin(): URL {
        return this.calls.session.origin;
    }

    /** The next request asks the token service again. */
    forgetTokens(): void {
        this.calls.session.forgetTokens();
    }

    /**
     * `GET /v2/` with the client's account, if it has one.
     * @returns status 200 or 401, and the URL of the token service if the registry has one
     * @throws RegistryError `NOT_A_REGISTRY`, `TLS` if the token service has no TLS, and others
     */
    async greeting(): Promise<{ readonly status: number; readonly asked: URL; readonly realm?: URL }> {
        const { session, signal } = this.calls;
        const response = await session.send({ method: "GET", url: "/v2/", operation: "GET /v2/", scopes: [], signal });
        const text = await response.text();
        rejectPage(response, text);
        const { status, url: asked, context, headers } = response;
        if (status !== 200 && status !== 401) throw responseError(response, text);
        const challenges = parseChallenges(headers["www-authenticate"]);
        const realm = challenges.find(({ scheme }) => scheme === "bearer")?.parameters.realm;
        return {
            status,
            asked,
            ...(realm === undefined ? {} : { realm: session.namedUrl(context, "a token endpoint", realm) }),
        };
    }

    /** Begins an upload without a digest to mount. @throws RegistryError */
    async beginUpload(repository: string): Promise<BegunUpload> {
        const response = await this.send(uploadRequest(this.calls, repository));
        return readBegunUpload(this.calls, response, await response.text());
    }

    /** Gives an upload up. @returns the status @throws RegistryError if there is no response of a registry */
    async cancelUpload(repository: string, location: URL): Promise<number> {
        const operation = `DELETE ${repository}/blobs/uploads`;
        const scopes = pushScopes(repository);
        const response = await this.send({ method: "DELETE", url: location, operation, scopes });
        rejectPage(response, await response.text());
        return response.status;
    }

    /** HEAD or GET of a blob: the caller reads the body. @throws RegistryError if the status is not 200 */
    async blob(method: "GET" | "HEAD", repository: string, digest: Digest): Promise<HttpResponse> {
        const response = await this.send(this.calls.read(method, repository, `blobs/${digest}`));
        if (response.status !== 200) throw responseError(response, await response.text());
        return response;
    }

    /** False if the registry's 404 for this manifest says that it does not know the repository (NAME_UNKNOWN). */
    async knowsRepository(repository: string, reference: string): Promise<boolean> {
        const response = await this.send(this.calls.read("GET", repository, `manifests/${reference}`));
        const text = await response.text();
        return response.status !== 404 || responseError(response, text).code !== "NAME_UNKNOWN";
    }

    private send(request: Parameters<RegistryCalls["session"]["send"]>[0]): Promise<HttpResponse> {
        return this.calls.session.send({ ...request, signal: this.calls.signal });
    }
}
