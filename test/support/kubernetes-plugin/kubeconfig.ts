import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";

/** How a kubeconfig reaches one cluster. */
export interface ClusterAccess {
    readonly server: string;
    readonly namespace: string;
    readonly headers: Readonly<Record<string, string>>;
    /** Options of a TLS connection. */
    readonly tls: {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
        readonly servername?: string;
    };
}

type Fields = Readonly<Record<string, string | undefined>>;
interface KubeconfigFile {
    readonly "current-context"?: string;
    readonly contexts?: readonly { readonly name: string; readonly context: Fields }[];
    readonly clusters?: readonly { readonly name: string; readonly cluster: Fields }[];
    readonly users?: readonly { readonly name: string; readonly user: Fields }[];
}

/** What would need more than headers and certificates. */
const UNSUPPORTED = ["insecure-skip-tls-verify", "proxy-url", "exec", "auth-provider", "tokenFile"];

/**
 * Reads a kubeconfig without the project's own reader, which the tests are about.
 * @param kubeconfig YAML text or a path
 * @param context undefined: its `current-context`
 */
export function readAccess(kubeconfig: string, context: string | undefined): ClusterAccess {
    const file = (parse(isFile(kubeconfig) ? readFileSync(kubeconfig, "utf8") : kubeconfig) ?? {}) as KubeconfigFile;
    const name = context ?? file["current-context"];
    const chosen = file.contexts?.find((one) => one.name === name)?.context;
    const cluster = file.clusters?.find((one) => one.name === chosen?.["cluster"])?.cluster;
    if (chosen === undefined || cluster === undefined) throw new Error(`the kubeconfig has no context "${name}"`);
    const user = file.users?.find((one) => one.name === chosen["user"])?.user ?? {};
    const unsupported = UNSUPPORTED.find((field) => cluster[field] || user[field]);
    if (unsupported !== undefined) throw new Error(`${unsupported} is not supported by this stand-in`);
    const { server = "" } = cluster;
    if (!server.startsWith("https:")) throw new Error(`${server} must be an https URL`);
    const folder = isFile(kubeconfig) ? dirname(kubeconfig) : ".";
    const servername = cluster["tls-server-name"];
    return {
        server,
        namespace: chosen["namespace"] ?? "default",
        headers: loginHeaders(user),
        tls: {
            ca: readPem(cluster, "certificate-authority", folder),
            cert: readPem(user, "client-certificate", folder),
            key: readPem(user, "client-key", folder),
            ...(servername === undefined ? {} : { servername }),
        },
    };
}

function loginHeaders({ token, username, password = "" }: Fields): Record<string, string> {
    if (token !== undefined) return { authorization: `Bearer ${token}` };
    if (username === undefined) return {};
    return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}

/** `<name>-data` in base64, or the file that `<name>` is the path of. */
function readPem(fields: Fields, name: string, folder: string): string | undefined {
    const { [`${name}-data`]: data, [name]: path } = fields;
    if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
    return path === undefined ? undefined : readFileSync(resolve(folder, path), "utf8");
}

/** A whole kubeconfig as text is no path: too long for one, or without such a file. */
export function isFile(text: string): boolean {
    try {
        return statSync(text).isFile();
    } catch {
        return false;
    }
}
