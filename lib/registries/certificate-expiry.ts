import { createRequire } from "node:module";
import type { Certificate, DetailedPeerCertificate, TLSSocket } from "node:tls";
import type * as connectorModule from "../distribution/http/connector";
import type { RegistryEndpoint } from "../distribution/http/transport";
import { hostName } from "../http/hostname";

/** See lib/distribution/http/open-transport.ts. */
const load = createRequire(__filename);

const DAY_MS = 24 * 3600 * 1000;
/** So long before its end a certificate is worth a word. */
const NOTICE_DAYS = 30;
/** No chain of certificates has more. */
const LONGEST_CHAIN = 10;

/**
 * What is to say about the registry's TLS certificate, or that there is none. Never fails: that the certificate can be
 * trusted is proven by the requests themselves.
 */
export async function certificateNotes(endpoint: RegistryEndpoint, now = new Date()): Promise<string[]> {
    if (endpoint.plainHttp !== true) return expiryNotes(endpoint, now);
    return ["the registry is asked over plain HTTP: passwords travel in the clear; serve it with TLS and give its CA"];
}

/** That the certificate which the registry shows, or a CA between it and its root, ends within 30 days. Never fails. */
export async function expiryNotes(endpoint: RegistryEndpoint, now = new Date()): Promise<string[]> {
    if (endpoint.plainHttp === true) return [];
    const first = await firstToEnd(endpoint).catch(() => undefined);
    if (first === undefined || first.ends - now.getTime() > NOTICE_DAYS * DAY_MS) return [];
    const day = new Date(first.ends).toISOString().slice(0, 10);
    const what =
        first.ca === undefined
            ? `the registry's TLS certificate ends on ${day}`
            : `${first.ca}, a CA of the registry's TLS certificate, ends on ${day}`;
    return [
        `${what}, and every pull with it (${endpoint.host}, issued by ${first.issuer}); renew it before: ` +
            "docs/how-to/registry-certificate.md#when-a-certificate-expires",
    ];
}

interface CertificateEnd {
    /** Milliseconds since the epoch. */
    readonly ends: number;
    readonly issuer: string;
    /** Absent: it is the certificate of the registry itself. */
    readonly ca?: string;
}

/** Of the certificates that the registry shows, without the root, the one that ends first. */
async function firstToEnd(endpoint: RegistryEndpoint): Promise<CertificateEnd | undefined> {
    const socket = await connect(endpoint);
    try {
        return shownEnds(socket.getPeerCertificate(true)).reduce<CertificateEnd | undefined>(
            (first, next) => (first === undefined || next.ends < first.ends ? next : first),
            undefined,
        );
    } finally {
        socket.destroy();
    }
}

function shownEnds(server: DetailedPeerCertificate): CertificateEnd[] {
    const found: CertificateEnd[] = [];
    for (let next = server, depth = 0; depth < LONGEST_CHAIN; next = next.issuerCertificate, depth++) {
        const ends = Date.parse(next.valid_to);
        const isRoot = depth > 0 && next.issuerCertificate === next;
        if (Number.isNaN(ends) || isRoot) break;
        const ca = depth === 0 ? {} : { ca: nameOf(next.subject) };
        found.push({ ends, issuer: nameOf(next.issuer), ...ca });
        // OpenSSL did not find the issuer among what is shown and trusted.
        if ((next.issuerCertificate as DetailedPeerCertificate | undefined) === undefined) break;
    }
    return found;
}

function nameOf({ CN, O }: Partial<Certificate>): string {
    return JSON.stringify(CN ?? O ?? "no name");
}

async function connect(endpoint: RegistryEndpoint): Promise<TLSSocket> {
    const { createConnector } = load("../distribution/http/connector") as typeof connectorModule;
    const { host, ca, clientCertificate, proxy } = endpoint;
    const open = createConnector({ host, ca, clientCertificate, proxy, timeout: 5000 });
    const { port } = new URL(`https://${host}`);
    return new Promise<TLSSocket>((resolve, reject) =>
        open({ hostname: hostName(host), host, protocol: "https:", port }, (...[error, connected]) =>
            error === null ? resolve(connected as TLSSocket) : reject(error),
        ),
    );
}
