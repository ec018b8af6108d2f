import type { HttpResponse } from "../http/transport";
import type { RegistryCalls } from "./registry-calls";
import type { RegistryRequest } from "./registry-session";
import { pushScopes } from "./request-scopes";
import { withoutState } from "./upload-url";

/** Shorter than the time that the engine leaves an interrupted provider. */
const CANCEL_MS = 2000;
const CANCEL_TRIES = 5;

/** How far an upload has got. */
export interface UploadStatus {
    /** Where it goes on. */
    readonly location: URL;
    /** Bytes that the registry has. */
    readonly offset: number;
}

/** Uploads that were begun and not ended (distribution-spec, "Resuming an interrupted upload", "Cancel a blob upload"). */
export class OpenUploads {
    constructor(private readonly calls: RegistryCalls) {}

    /**
     * How far an upload that broke has got, and where it goes on.
     * @returns undefined if the registry does not know, or keeps nothing of it
     */
    async status(repository: string, location: URL): Promise<UploadStatus | undefined> {
        const question = this.statusRequest(repository, location);
        return this.calls.run(question, async (response) => this.readStatus(response));
    }

    /**
     * Gives an upload up, so that the registry keeps nothing of it, also when the run was interrupted. Failing to is no
     * error: registries expire them.
     */
    async cancel(repository: string, location: URL): Promise<void> {
        const signal = AbortSignal.timeout(CANCEL_MS);
        await this.cancelWithin(signal, repository, location).catch(() => undefined);
    }

    private async cancelWithin(signal: AbortSignal, repository: string, location: URL): Promise<void> {
        const remove = { method: "DELETE" as const, operation: `DELETE ${repository}/blobs/uploads` };
        const question = this.statusRequest(repository, location);
        let place: URL | undefined = location;
        for (let tries = 0; place !== undefined && tries < CANCEL_TRIES; tries++) {
            const request: RegistryRequest = { ...remove, url: place, scopes: question.scopes };
            const response = await this.calls.session.send({ ...request, signal });
            await response.discard();
            // Bytes arrived after the registry named the place; more may arrive while it reads what was on its way.
            if (response.status !== 416) return;
            const now = await this.calls.session.send({ ...question, signal });
            place = (await this.readStatus(now))?.location;
        }
    }

    private statusRequest(repository: string, location: URL): RegistryRequest {
        const url = withoutState(location);
        return { method: "GET", url, operation: `GET ${repository}/blobs/uploads`, scopes: pushScopes(repository) };
    }

    private async readStatus(response: HttpResponse): Promise<UploadStatus | undefined> {
        await response.discard();
        const { location: next, range } = response.headers;
        const last = typeof range === "string" ? Number(/^(?:bytes=)?0-(\d+)$/.exec(range)?.[1] ?? NaN) : NaN;
        // "0-0" is also what a registry says that has nothing.
        if (response.status !== 204 || typeof next !== "string" || !(last > 0)) return undefined;
        const location = this.calls.session.namedUrl(response.context, "an upload URL", next, response.url);
        return { location, offset: last + 1 };
    }
}
