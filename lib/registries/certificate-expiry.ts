import { createRequire } from "node:module";
import type { TLSSocket } from "node:tls";
import type * as connectorModule from "../distribution/http/connector";
import type { RegistryEndpoint } from "../distribution/http/transport";

/** See lib/distribution/http/open-transport.ts. */
const load = createRequire(__filename);

const DAY_MS = 24 * 3600 * 1000;
/** So long before its end a certificate is worth a word. */
const NOTICE_DAYS = 30;

/**
 * What is to say about the registry's TLS certificate, or that there is none. Never fails: that the certificate can be
 * trusted is proven by the requests themselves.
 */
export async function certificateNotes(endpoint: RegistryEndpoint, now = new Date()): Promise<string[]> {
    if (endpoint.plainHttp === true) {
        return [
            "the registry is asked over plain HTTP: passwords travel in the clear; serve it with TLS and give its CA",
        ];
    }
    const ends = await certificateEnd(endpoint).catch(() => undefined);
    if (ends === undefined || ends.getTime() - now.getTime() > NOTICE_DAYS * DAY_MS) return [];
    const day = ends.toISOString().slice(0, 10);
    return [`the registry's TLS certificate ends on ${day}, and every pull with it; renew it before`];
}

async function certificateEnd(endpoint: RegistryEndpoint): Promise<Date | undefined> {
    const { createConnector, hostName } = load("../distribution/http/connector") as typeof connectorModule;
    const { host, ca, clientCertificate, proxy } = endpoint;
    const connect = createConnector({ host, ca, clientCertificate, proxy, timeout: 5000 });
    const { port } = new URL(`https://${host}`);
    const socket = await new Promise<TLSSocket>((resolve, reject) =>
        connect({ hostname: hostName(host), host, protocol: "https:", port }, (...[error, connected]) =>
            error === null ? resolve(connected as TLSSocket) : reject(error),
        ),
    );
    try {
        const until = Date.parse(socket.getPeerCertificate().valid_to);
        return Number.isNaN(until) ? undefined : new Date(until);
    } finally {
        socket.destroy();
    }
}
