import { z } from "zod";
import { PassthroughError, errorMessage } from "../errors/errors";
import { type SingleResponse, sendSingleRequest } from "../http/https-request";
import { parseBoundedJson } from "../oci/bounded-json";
import { type Signer, signedBody } from "./jws";

/** Where an ACME server is. */
export interface AcmeServer {
    /** `https:` URL of its directory, RFC 8555 §7.1.1. */
    readonly directory: string;
    /** PEM of the CAs that issued its certificate, in addition to the public ones. */
    readonly ca?: string | undefined;
}

const directory = z.looseObject({
    newNonce: z.url(),
    newAccount: z.url(),
    newOrder: z.url(),
});

/** RFC 7807, as RFC 8555 §6.7 uses it. */
const problem = z.looseObject({
    type: z.string().optional(),
    detail: z.string().optional(),
    subproblems: z.array(z.looseObject({ detail: z.string().optional() })).optional(),
});
export type AcmeProblem = z.infer<typeof problem>;

/** What a request was answered with. */
export interface AcmeResponse {
    readonly text: string;
    /** Of the Location header; "" if there is none. */
    readonly location: string;
    /** Of the Link headers with `rel="alternate"`. */
    readonly alternates: readonly string[];
    /** Seconds of Retry-After; undefined: the server says none. */
    readonly retryAfter: number | undefined;
}

/** A nonce may be refused many times over, where several machines answer (RFC 8555 §6.5). */
const NONCES = 10;

/** A client of an ACME server (RFC 8555): signed requests, fresh nonces, problems as errors. */
export class AcmeClient {
    private nonce: string | undefined;

    private constructor(
        private readonly server: AcmeServer,
        readonly urls: z.infer<typeof directory>,
        private readonly signal: AbortSignal,
    ) {}

    /** @throws PassthroughError `ACME_UNREACHABLE`; the signal's reason */
    static async open(server: AcmeServer, signal: AbortSignal): Promise<AcmeClient> {
        const { status, text } = await send(server, { method: "GET", url: server.directory }, signal);
        const urls = status === 200 ? directory.safeParse(parseJson(text)).data : undefined;
        if (urls !== undefined) return new AcmeClient(server, urls, signal);
        throw unreachable(server, `the answer (${status}) is no directory of RFC 8555`);
    }

    /**
     * POST of a signed body.
     * @param payload undefined: POST-as-GET
     * @throws PassthroughError `ACME_REFUSED` in the server's words, `ACME_UNREACHABLE`; the signal's reason
     */
    async post(signer: Signer, url: string, payload?: object): Promise<AcmeResponse> {
        for (let attempt = 1; ; attempt++) {
            const body = signedBody(signer, url, await this.freshNonce(), payload);
            const response = await send(this.server, { method: "POST", url, body }, this.signal);
            this.nonce = header(response, "replay-nonce");
            if (response.status < 400) return readResponse(response);
            const found = problem.safeParse(parseJson(response.text)).data ?? {};
            if (found.type?.endsWith(":badNonce") === true && attempt < NONCES) continue;
            throw refused(this.server, found, response.status);
        }
    }

    private async freshNonce(): Promise<string> {
        const { nonce } = this;
        this.nonce = undefined;
        if (nonce !== undefined) return nonce;
        const response = await send(this.server, { method: "HEAD", url: this.urls.newNonce }, this.signal);
        const fresh = header(response, "replay-nonce");
        if (fresh === undefined) throw unreachable(this.server, `it gives no nonce (${response.status})`);
        return fresh;
    }
}

/** The error for what a server refuses. @param status of the response; undefined: an order or challenge has failed */
export function refused(server: AcmeServer, found: AcmeProblem, status?: number): PassthroughError {
    const details = [found.detail, ...(found.subproblems ?? []).map(({ detail }) => detail)].filter(Boolean);
    const said = [found.type?.replace("urn:ietf:params:acme:error:", ""), details.join("; ")]
        .filter(Boolean)
        .join(": ");
    return new PassthroughError(`the ACME server refuses it: ${said || `status ${status ?? "unknown"}`}`, {
        code: "ACME_REFUSED",
        thing: server.directory,
        ...(status === undefined ? {} : { status }),
        fix: found.type?.endsWith(":accountDoesNotExist")
            ? "it was installed anew: have it make the account again, with npm run up -- --replace and the URN of the AcmeAccount"
            : "do what it says; what each challenge needs: docs/how-to/registry-certificate.md#a-certificate-from-an-acme-server",
    });
}

function unreachable(server: AcmeServer, reason: string): PassthroughError {
    return new PassthroughError(`the ACME server cannot be used: ${reason}`, {
        code: "ACME_UNREACHABLE",
        thing: server.directory,
        fix:
            "check site.registry.certificate.acme.directory, that this machine reaches it, and that " +
            "site.registry.certificate.acme.ca has the CA that issued its certificate",
    });
}

interface Message {
    readonly method: "GET" | "HEAD" | "POST";
    readonly url: string;
    readonly body?: string;
}

async function send(server: AcmeServer, { method, url, body }: Message, signal: AbortSignal): Promise<SingleResponse> {
    const target = URL.canParse(url) ? new URL(url) : undefined;
    if (target?.protocol !== "https:") throw unreachable(server, `${url} is no https URL`);
    const headers = body === undefined ? {} : { "content-type": "application/jose+json" };
    const cas = { ca: server.ca, trust: "in addition" } as const;
    try {
        return await sendSingleRequest({ method, url: target, headers, ...(body && { body }), cas, signal });
    } catch (error) {
        signal.throwIfAborted();
        throw unreachable(server, `${target.host}: ${errorMessage(error)}`);
    }
}

function readResponse(response: SingleResponse): AcmeResponse {
    const retryAfter = Number(header(response, "retry-after"));
    const links = [response.headers.link ?? []].flat().flatMap((line) => line.split(/,\s*(?=<)/));
    const alternates = links.flatMap((link) => /^<([^>]+)>;.*\brel="alternate"/.exec(link)?.[1] ?? []);
    return {
        text: response.text,
        location: header(response, "location") ?? "",
        alternates,
        retryAfter: Number.isNaN(retryAfter) ? undefined : retryAfter,
    };
}

function header({ headers }: SingleResponse, name: string): string | undefined {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
}

/** @returns undefined for what is no JSON */
export function parseJson(text: string): unknown {
    try {
        return parseBoundedJson(text);
    } catch {
        return undefined;
    }
}
