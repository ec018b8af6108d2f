import { debug } from "../../debug/debug";
import { RegistryError } from "../../errors/errors";
import type { Digest } from "../../oci/digest";
import { isBusy, isUnreachable } from "../limits/retry";
import { StallWatch } from "../http/stall-watch";
import { readBegunUpload } from "./begun-upload";
import type { RegistryCalls } from "./registry-calls";
import { pushScopes } from "./request-scopes";
import { responseError } from "./response-errors";

/** Bytes of the largest blob that is sent so: what is rejected is sent again from its start. */
const LARGEST = 1024 * 1024;
/** Bytes of the largest blob that finds out whether a host takes it: where it does not, they were sent in vain. */
const LARGEST_TRIAL = 16 * 1024;

/** What a host is known to do with the bytes of a POST. */
interface Host {
    state: "unknown" | "being tried" | "takes them" | "leaves them";
}

/** By origin, for the whole process. */
const hosts = new Map<string, Host>();

/** One small blob. */
export interface SmallBlob {
    readonly repository: string;
    readonly digest: Digest;
    /** Bytes. */
    readonly size: number;
    /** Made anew for each attempt. */
    readonly body: () => AsyncIterable<Uint8Array>;
}

/** An upload whose bytes are still to be sent, or that there is none: the registry has the blob. */
export type PostOutcome = { readonly isStored: true } | { readonly isStored: false; readonly location: URL };

/**
 * Small blobs in one request: with the POST that begins an upload otherwise (distribution-spec, "Pushing a blob
 * monolithically", "Single POST"). Quay and zot take the bytes. distribution and Harbor leave them and begin an upload, which
 * the specification allows; it is gone on with. Each host shows by its first answer which of them it is; that it has the
 * first blob is asked for, since something in front of it may answer 201 to any POST.
 */
export class SinglePosts {
    private readonly host: Host;

    constructor(
        private readonly calls: RegistryCalls,
        /** Milliseconds until a piece of a body has to be taken. */
        private readonly pieceTimeout: number | undefined,
    ) {
        const { origin } = calls.session.origin;
        this.host = hosts.get(origin) ?? { state: "unknown" };
        hosts.set(origin, this.host);
    }

    /** True if a blob of so many bytes is to be sent so, for all that is known. */
    mayTake(size: number): boolean {
        if (this.host.state === "takes them") return size <= LARGEST;
        return this.host.state === "unknown" && size <= LARGEST_TRIAL;
    }

    /**
     * Not retried: who calls decides how to go on.
     * @returns undefined if an upload is to be begun as usual: this is nothing for the host, or another blob is finding out
     * @throws RegistryError; whatever the body's iterator threw
     */
    async send(blob: SmallBlob): Promise<PostOutcome | undefined> {
        if (!this.mayTake(blob.size)) return undefined;
        const { host } = this;
        const before = host.state;
        if (before === "unknown") host.state = "being tried";
        try {
            const outcome = await this.post(blob, before === "unknown");
            host.state = outcome?.isStored === true ? "takes them" : "leaves them";
            if (before !== host.state) {
                debug("transfer", () => `${this.calls.session.host} ${host.state}: the bytes of a blob with its POST`);
            }
            return outcome;
        } catch (error) {
            host.state = isAbout(error, before) ? "leaves them" : before;
            if (!(error instanceof RegistryError) || isBusy(error) || isUnreachable(error)) throw error;
            // The usual way may do, and its error is the one to show if it does not.
            return undefined;
        }
    }

    private async post(blob: SmallBlob, isTrial: boolean): Promise<PostOutcome | undefined> {
        const { repository, digest, size, body } = blob;
        const request = this.calls.write("POST", repository, `blobs/uploads/?digest=${encodeURIComponent(digest)}`);
        const context = { operation: request.operation, method: "POST", registry: this.calls.session.host };
        const watch = new StallWatch(context, this.calls.signal, this.pieceTimeout);
        const response = await this.calls.session.send({
            ...request,
            scopes: pushScopes(repository),
            signal: watch.signal,
            headers: { "content-type": "application/octet-stream", "content-length": String(size) },
            ...(size === 0 ? {} : { body: () => watch.chunks(body()) }),
            blobBytes: size,
            storedBytes: size,
        });
        const text = await response.text();
        if (response.status === 201) {
            const { "docker-content-digest": named = digest } = response.headers;
            const isStored = named === digest && (!isTrial || (await this.isThere(blob)));
            return isStored ? { isStored } : undefined;
        }
        if (response.status !== 202) throw responseError(response, text);
        return { isStored: false, location: readBegunUpload(this.calls, response, text).location };
    }

    private async isThere({ repository, digest, size }: SmallBlob): Promise<boolean> {
        const question = this.calls.read("HEAD", repository, `blobs/${digest}`);
        const response = await this.calls.session.send({ ...question, signal: this.calls.signal });
        await response.discard();
        return response.status === 200 && response.headers["content-length"] === String(size);
    }
}

/** True if an error speaks against this way of sending blobs. */
function isAbout(error: unknown, before: Host["state"]): boolean {
    // An archive that is torn.
    if (!(error instanceof RegistryError)) return false;
    const { status, code } = error;
    // One that is asked too much would refuse anything.
    if (status === 429 || code === "DATABASE_LOCKED") return false;
    const isKnown = before === "takes them";
    // An account without the right to this repository; a registry that restarts.
    return !(isKnown && (status === 401 || status === 403 || isBusy(error) || isUnreachable(error)));
}
