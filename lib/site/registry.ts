import { z } from "zod";
import type { ProxySettings } from "../distribution/http/proxy-settings";
import type { RegistryEndpoint } from "../distribution/http/transport";
import { type MirrorBase, parseMirrorBase } from "../mirror/mirror-reference";
import { REGISTRY_KINDS } from "../registries";

/** How a resource reaches its registry, as it stores it in state: the names are an ABI. Credentials stand beside it. */
export const registryConnection = z.object({
    type: z.enum(REGISTRY_KINDS),
    /** `host[:port]/path` */
    mirrorBase: z.string(),
    /** `host[:port]` that takes what is pushed, below the same repositories; absent: that of the mirror base. */
    pushHost: z.string().optional(),
    /** PEM of the issuing CA; absent: a public one. */
    ca: z.string().optional(),
    /** PEM of the client certificate, with its issuers; absent: none is shown. Its key stands beside the connection. */
    clientCertificate: z.string().optional(),
    /** URL of an HTTP proxy, or `environment`; absent: connections are direct. */
    proxy: z.string().optional(),
    /** HTTP without TLS, on loopback only. */
    plainHttp: z.boolean().optional(),
    /** How long one request may keep failing before it is given up. */
    retrySeconds: z.number(),
    /** Requests in flight to the host, over all resources; absent: by the number of blobs in flight. */
    requests: z.number().int().positive().optional(),
    /** Bytes of the largest request body that is accepted; absent: not known. */
    maxBody: z.number().int().positive().optional(),
});

export type RegistryConnection = Readonly<z.infer<typeof registryConnection>>;

/** What connections to the registry need beside an account: secret. The names are an ABI, as those of the connection. */
export const connectionSecrets = z.object({
    /** PEM of the private key of the client certificate. */
    clientKey: z.string().optional(),
    /** Account of the HTTP proxy. */
    proxy: z.object({ username: z.string(), password: z.string() }).optional(),
});

export type ConnectionSecrets = Readonly<z.infer<typeof connectionSecrets>>;

/** A connection with its mirror base parsed. */
export interface SiteRegistry extends RegistryConnection {
    readonly mirror: MirrorBase;
    /** File with the private key of the client certificate; absent: the key is a secret of the stack. */
    readonly clientKeyFile?: string;
    /** Absent in what `readSite` returns. */
    readonly secrets?: ConnectionSecrets;
}

/**
 * Parses the mirror base of a connection.
 * @throws PassthroughError `MIRROR_BASE_INVALID`
 */
export function parseConnection(connection: RegistryConnection): SiteRegistry {
    return { ...connection, mirror: parseMirrorBase(connection.mirrorBase) };
}

/** Which of a site's accounts works with the registry: the one that pushes, that clusters pull with, or that administers. */
export type AccountRole = "importer" | "puller" | "admin";

/**
 * The `host[:port]` that an account is used at: what pushes, and reads again what it pushed, does so at the push address;
 * everything else sees the registry as clusters do.
 */
export function roleHost({ mirror, pushHost }: Pick<SiteRegistry, "mirror" | "pushHost">, role: AccountRole): string {
    return role === "importer" ? (pushHost ?? mirror.host) : mirror.host;
}

type EndpointParts = "mirror" | "pushHost" | "ca" | "plainHttp" | "clientCertificate" | "proxy" | "secrets";

/** Where HTTP requests with an account go, and how connections to it are opened. */
export function registryEndpoint(registry: Pick<SiteRegistry, EndpointParts>, role: AccountRole): RegistryEndpoint {
    const { ca, plainHttp, clientCertificate: certificate, proxy, secrets } = registry;
    const key = secrets?.clientKey;
    return {
        host: roleHost(registry, role),
        ...(ca === undefined ? {} : { ca }),
        ...(certificate === undefined || key === undefined ? {} : { clientCertificate: { certificate, key } }),
        ...(proxy === undefined ? {} : { proxy: { url: proxy, ...proxyAccount(secrets) } }),
        ...(plainHttp === undefined ? {} : { plainHttp }),
    };
}

/** Every address of the registry: that for pulls, and that for pushes, if it has one of its own. */
export function registryEndpoints(registry: Pick<SiteRegistry, EndpointParts>): RegistryEndpoint[] {
    const roles: readonly AccountRole[] = registry.pushHost === undefined ? ["puller"] : ["puller", "importer"];
    return roles.map((role) => registryEndpoint(registry, role));
}

function proxyAccount(secrets: ConnectionSecrets | undefined): Pick<ProxySettings, "credentials"> {
    return secrets?.proxy === undefined ? {} : { credentials: secrets.proxy };
}
