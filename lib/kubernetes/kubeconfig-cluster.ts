import { X509Certificate } from "node:crypto";
import { isLoopback } from "../http/loopback";
import { type Entry, type Fields, type KubeconfigProblem, isFields, textField } from "./kubeconfig-document";
import { type FileReader, readDataField } from "./kubeconfig-files";
import { PROXY_PROTOCOLS } from "./proxy-url";

/** How the API of a cluster is reached. */
export interface ClusterEndpoint {
    /** URL without a slash at its end; it may have a path. */
    readonly server: string;
    /** PEM of the only CAs that are trusted; absent: the public ones. */
    readonly ca?: string;
    /** The name in the server's certificate, if not that in the URL. */
    readonly tlsServerName?: string;
    readonly proxyUrl?: string;
    /** What the extension `client.authentication.k8s.io/exec` has for a login plugin. */
    readonly execConfig?: unknown;
}

interface EndpointReading {
    readonly endpoint: ClusterEndpoint;
    readonly problems: readonly KubeconfigProblem[];
}

/** Checks an entry of `clusters`. */
export function readEndpoint({ name, fields }: Entry, files: FileReader): EndpointReading {
    const place = `clusters[${name}]`;
    const server = (textField(fields, "server") ?? "").replace(/\/+$/, "");
    const { pem: ca, problems: caProblems } = readDataField(fields, "certificate-authority", place, files);
    const tlsServerName = textField(fields, "tls-server-name");
    const proxyUrl = textField(fields, "proxy-url");
    const problems = [
        ...serverProblems(server, `${place}.server`),
        ...caProblems,
        ...(ca === undefined ? [] : certificateProblems(ca, `${place}.certificate-authority`)),
        ...verificationProblems(fields["insecure-skip-tls-verify"] ?? false, `${place}.insecure-skip-tls-verify`),
        ...tlsNameProblems(tlsServerName, `${place}.tls-server-name`),
        ...(proxyUrl === undefined ? [] : proxyProblems(proxyUrl, `${place}.proxy-url`)),
    ];
    const endpoint = {
        server,
        ...(ca === undefined ? {} : { ca }),
        ...(tlsServerName === undefined ? {} : { tlsServerName }),
        ...(proxyUrl === undefined ? {} : { proxyUrl }),
        ...execConfig(fields),
    };
    return { endpoint, problems };
}

/** kubernetes.io/docs/reference/config-api/client-authentication.v1, Cluster.config */
export const EXEC_EXTENSION = "client.authentication.k8s.io/exec";

function execConfig(fields: Fields): { execConfig?: unknown } {
    const extensions = Array.isArray(fields["extensions"]) ? fields["extensions"] : [];
    const found = extensions.filter(isFields).find(({ name }) => name === EXEC_EXTENSION);
    return found?.["extension"] === undefined ? {} : { execConfig: found["extension"] };
}

function serverProblems(server: string, field: string): KubeconfigProblem[] {
    const fix = "write https://<host>:<port>, such as https://api.cluster.example:6443";
    const url = URL.canParse(server) ? new URL(server) : undefined;
    if (url === undefined || !["https:", "http:"].includes(url.protocol)) {
        return [{ field, problem: server === "" ? "it is not set" : "it is not the URL of an API server", fix }];
    }
    if (/[@?#]/.test(server)) {
        return [{ field, problem: "it has an account or a query, which URLs of API servers do not have", fix }];
    }
    if (!/^[!-~]+$/.test(server) || !server.toLowerCase().startsWith(`${url.protocol}//${url.hostname}`)) {
        return [
            {
                field,
                problem: `connections would read its host as ${url.hostname}`,
                fix: `write that, if meant: ${fix}`,
            },
        ];
    }
    if (url.protocol === "http:" && !isLoopback(url.host)) {
        const problem = "it is plain HTTP, which would send the login without encryption: only loopback may have it";
        return [{ field, problem, fix }];
    }
    return [];
}

/** kubectl also takes yes, on and y for true (YAML 1.1), which are texts here. */
function verificationProblems(skips: unknown, field: string): KubeconfigProblem[] {
    if (skips === false) return [];
    const problem =
        skips === true ? "it switches TLS verification off" : "it is not false, and kubectl may take it for true";
    const fix =
        "remove it, and set certificate-authority-data to the CA that issued the API server's certificate (base64 of its PEM)";
    return [{ field, problem, fix }];
}

function tlsNameProblems(name: string | undefined, field: string): KubeconfigProblem[] {
    if (name === undefined || /^[A-Za-z0-9._:-]{1,253}$/.test(name)) return [];
    const fix = "write a name of the API server's certificate, in ASCII, as kubernetes.default.svc";
    return [{ field, problem: "it is not the name of a host", fix }];
}

function proxyProblems(proxyUrl: string, field: string): KubeconfigProblem[] {
    const url = URL.canParse(proxyUrl) ? new URL(proxyUrl) : undefined;
    return /^[!-~]+$/.test(proxyUrl) &&
        url !== undefined &&
        PROXY_PROTOCOLS.includes(url.protocol) &&
        url.hostname !== ""
        ? []
        : [
              {
                  field,
                  problem: "it is not the URL of a proxy",
                  fix: "write http://, https:// or socks5://<host>:<port>",
              },
          ];
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What is wrong with the PEM of certificates. */
export function certificateProblems(pem: string, field: string): KubeconfigProblem[] {
    const found = pem.match(CERTIFICATE) ?? [];
    if (found.length > 0 && found.every(isCertificate)) return [];
    return [{ field, problem: "it is not a PEM file with certificates", fix: "give the certificate as PEM" }];
}

function isCertificate(pem: string): boolean {
    try {
        return new X509Certificate(pem).raw.length > 0;
    } catch {
        return false;
    }
}
