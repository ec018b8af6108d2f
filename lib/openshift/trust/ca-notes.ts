import { X509Certificate } from "node:crypto";
import { PassthroughError } from "../../errors/errors";
import { certificateBlocks } from "../../http/certificates";

const DAY_MS = 24 * 3600 * 1000;
const NOTICE_DAYS = 30;

/**
 * What people should know about the CAs that a cluster is to trust.
 * @param pem one or more certificates
 * @throws PassthroughError `TLS` if there is none, one cannot be read, or all have expired
 */
export function caNotes(pem: string, now = new Date()): string[] {
    const ends = certificateBlocks(pem).map(expiry);
    const last = Math.max(...ends.map((end) => end.getTime()));
    if (ends.length === 0) throw invalidCa("it has no certificate");
    if (last <= now.getTime()) throw invalidCa(`it expired on ${new Date(last).toISOString().slice(0, 10)}`);
    if (last - now.getTime() > NOTICE_DAYS * DAY_MS) return [];
    return [`the CA in site.registry.ca expires on ${new Date(last).toISOString().slice(0, 10)}; renew it before`];
}

function expiry(block: string): Date {
    try {
        return new Date(new X509Certificate(block).validTo);
    } catch (cause) {
        throw invalidCa("it has a certificate that cannot be read", cause);
    }
}

function invalidCa(problem: string, cause?: unknown): PassthroughError {
    return new PassthroughError(problem, {
        code: "TLS",
        thing: "site.registry.ca",
        fix: "give the CA that issued the registry's certificate, as PEM",
        cause,
    });
}
