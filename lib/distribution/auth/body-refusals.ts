import { RegistryError } from "../../errors/errors";
import { Limiter } from "../../concurrency/limiter";
import type { RegistryRequest } from "../client/registry-session";

/** What came of sending a blob's bytes once. */
interface Sent {
    readonly response: { readonly status: number };
}

/** Bytes of a body that may be refused several times, as a small request may. */
const LIGHT = 1024 * 1024;

/**
 * Which blobs are still worth sending to a registry that lets uploads begin and answers their bytes with 401, as a proxy
 * does that keeps a body until its token has ended. A refusal costs the whole blob, so bytes that were refused with a new
 * token speak for all blobs with these scopes until one of them is let in; and while none ever was, for all.
 */
export class BodyRefusals {
    /** By scopes: what was refused, and nothing was let in since. */
    private readonly refused = new Map<string, string>();
    private hasLetIn = false;
    private readonly oneByOne = new Limiter(1);

    /** @param host `host[:port]`, for errors */
    constructor(private readonly host: string) {}

    /**
     * Sends a blob's bytes, unless bytes like them were refused. While none was ever let in, new tokens are tried with
     * one blob at a time.
     * @param isFresh the request was refused before, so its token is a new one
     * @throws RegistryError `UNAUTHORIZED`, or `UPLOADS_REFUSED` if nothing that follows can get in
     */
    async send<T extends Sent>(request: RegistryRequest, isFresh: boolean, attempt: () => Promise<T>): Promise<T> {
        const guarded = async () => {
            this.check(request);
            const sent = await attempt();
            const { status } = sent.response;
            if (status < 400) this.letIn(request.scopes);
            if (status === 401 && isFresh && isHeavy(request)) this.refuse(request);
            return sent;
        };
        return isFresh && !this.hasLetIn ? this.oneByOne.run(guarded) : guarded();
    }

    /** Its 401 is the last word. */
    refuse({ scopes, operation }: RegistryRequest): void {
        this.refused.set(scopes.join(" "), operation);
    }

    private letIn(scopes: readonly string[]): void {
        if (this.hasLetIn) this.refused.delete(scopes.join(" "));
        else this.refused.clear();
        this.hasLetIn = true;
    }

    private check({ scopes, operation }: RegistryRequest): void {
        const [anything] = this.refused.values();
        const before = this.hasLetIn ? this.refused.get(scopes.join(" ")) : anything;
        if (before === undefined) return;
        throw new RegistryError(`not sent, since the registry rejected the bytes of another blob (${before})`, {
            operation,
            registry: this.host,
            code: this.hasLetIn ? "UNAUTHORIZED" : "UPLOADS_REFUSED",
            status: 401,
            fix: BODY_FIX,
        });
    }
}

/** True for bytes that are too many to be refused again and again. */
export function isHeavy({ blobBytes = 0 }: Pick<RegistryRequest, "blobBytes">): boolean {
    return blobBytes > LIGHT;
}

/** What to change if an upload may begin and its bytes are refused. */
export const BODY_FIX =
    "the account may begin uploads, so check that what stands in front of the registry passes PUT and the Authorization " +
    "header on (nginx: proxy_request_buffering off), and that tokens live longer than the largest blob takes";
