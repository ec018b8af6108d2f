import { RegistryError } from "../../errors/errors";
import { Limiter } from "../../concurrency/limiter";

/** A request that uploads the bytes of a blob. */
interface BlobRequest {
    /** "PUT mirror/quay.io/org/app/blobs/uploads" */
    readonly operation: string;
    /** Size of the blob that is the body; absent: the body is none. */
    readonly blobBytes?: number;
}

/** The outcome of sending a blob's bytes once. */
interface Sent {
    readonly response: { readonly status: number };
}

/** A body of this size may be rejected several times, as a small request may. */
const LIGHT = 1024 * 1024;

/**
 * Stops sending blobs to a registry that lets uploads begin and then rejects all their bytes (401): each rejection costs
 * a whole blob, and a set has hundreds.
 *
 * Known cases: a proxy that keeps a body until the token that came with it has expired, as nginx does unless
 * `proxy_request_buffering` is off (moby/moby#33558, cesanta/docker_auth#240: a blob of 14 GB, tokens of 15 minutes), and
 * a proxy that does not pass the Authorization header of a PUT on. A single blob may outlast its token too, so a rejection
 * counts for the others only while no blob was accepted.
 */
export class BodyRefusals {
    private hasAccepted = false;
    /** The first operation whose bytes were rejected. */
    private refused: string | undefined;
    private readonly oneByOne = new Limiter(1);

    /** @param host `host[:port]`, for errors */
    constructor(private readonly host: string) {}

    /**
     * Sends a blob's bytes. Until some were accepted, new tokens are tried with one blob at a time.
     * @param isFresh the request was rejected before, so its token is new
     * @throws RegistryError `UPLOADS_REFUSED` if all bytes so far were rejected
     */
    async send<T extends Sent>(request: BlobRequest, isFresh: boolean, attempt: () => Promise<T>): Promise<T> {
        const guarded = async () => {
            this.check(request);
            const sent = await attempt();
            const { status } = sent.response;
            if (status < 400) this.hasAccepted = true;
            if (status === 401 && isFresh && isHeavy(request)) this.refuse(request);
            return sent;
        };
        return isFresh && !this.hasAccepted ? this.oneByOne.run(guarded) : guarded();
    }

    /** The registry's 401 is final. */
    refuse({ operation }: BlobRequest): void {
        this.refused ??= operation;
    }

    private check({ operation }: BlobRequest): void {
        if (this.hasAccepted || this.refused === undefined) return;
        throw new RegistryError(`not sent, since the registry rejected the bytes of another blob (${this.refused})`, {
            operation,
            registry: this.host,
            code: "UPLOADS_REFUSED",
            status: 401,
            fix: BODY_FIX,
        });
    }
}

/** True for bytes that are too many to be rejected several times. */
export function isHeavy({ blobBytes = 0 }: Pick<BlobRequest, "blobBytes">): boolean {
    return blobBytes > LIGHT;
}

/** What to change if an upload may begin and its bytes are rejected. */
export const BODY_FIX =
    "the account may begin uploads, so check that what stands in front of the registry passes PUT and the Authorization " +
    "header on (nginx: proxy_request_buffering off), and that tokens live longer than the largest blob takes";
