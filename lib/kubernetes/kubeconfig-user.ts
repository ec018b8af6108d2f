import { X509Certificate, createPrivateKey } from "node:crypto";
import type { Credentials } from "../http/credentials";
import type { ClientCertificate } from "../http/secure-context";
import { certificateProblems } from "./kubeconfig-cluster";
import { type Entry, type Fields, type KubeconfigProblem, mappingField, textField } from "./kubeconfig-document";
import { type ExecPlugin, execProblems, toPlugin } from "./kubeconfig-exec";
import { type FileReader, readDataField } from "./kubeconfig-files";
import { type Headers, readImpersonation } from "./kubeconfig-impersonation";
import { type OidcConfig, readOidc } from "./kubeconfig-oidc";

/** How requests are logged in; all secret. */
export interface ClusterUser {
    readonly token?: string;
    readonly basic?: Credentials;
    readonly clientCertificate?: ClientCertificate;
    readonly exec?: ExecPlugin;
    /** The auth-provider `oidc`. */
    readonly oidc?: OidcConfig;
    /** Headers `Impersonate-…`. */
    readonly impersonation: Headers;
    /** The entry of the kubeconfig, with the contents of files in place of their paths. */
    readonly fields: Fields;
}

interface UserReading {
    readonly user: ClusterUser;
    readonly problems: readonly KubeconfigProblem[];
}

const ANONYMOUS: ClusterUser = { impersonation: {}, fields: {} };

/** Checks an entry of `users`. */
export function readUser(entry: Entry | undefined, files: FileReader): UserReading {
    if (entry === undefined) return { user: ANONYMOUS, problems: [] };
    const { fields } = entry;
    const place = `users[${entry.name}]`;
    const certificate = readDataField(fields, "client-certificate", place, files);
    const key = readDataField(fields, "client-key", place, files);
    const token = readToken(fields, place, files);
    const exec = mappingField(fields, "exec");
    const providerFields = mappingField(fields, "auth-provider");
    const provider = providerFields && readOidc(providerFields, `${place}.auth-provider`, files);
    const impersonation = readImpersonation(fields, place);
    const problems = [
        ...[...certificate.problems, ...key.problems, ...token.problems],
        ...clientCertificateProblems(certificate.pem, key.pem, place),
        ...(exec === undefined ? [] : execProblems(exec, `${place}.exec`)),
        ...(provider?.problems ?? []),
        ...impersonation.problems,
    ];
    const found = {
        ...{ certificate: certificate.pem, key: key.pem, token: token.text, provider },
        impersonation: impersonation.headers,
    };
    return { user: problems.length > 0 ? ANONYMOUS : toUser(fields, found, files), problems };
}

interface FoundSecrets {
    readonly certificate: string | undefined;
    readonly key: string | undefined;
    readonly token: string | undefined;
    readonly provider: Pick<ReturnType<typeof readOidc>, "oidc" | "fields"> | undefined;
    readonly impersonation: Headers;
}

function toUser(
    fields: Fields,
    { certificate, key, token, provider, impersonation }: FoundSecrets,
    files: FileReader,
): ClusterUser {
    const exec = mappingField(fields, "exec");
    const username = textField(fields, "username");
    const plugin = exec && toPlugin(exec, files);
    return {
        ...(token === undefined ? {} : { token }),
        ...(username === undefined ? {} : { basic: { username, password: textField(fields, "password") ?? "" } }),
        ...(certificate === undefined || key === undefined ? {} : { clientCertificate: { certificate, key } }),
        ...(plugin === undefined ? {} : { exec: plugin }),
        ...(provider === undefined ? {} : { oidc: provider.oidc }),
        impersonation,
        fields: {
            ...withoutFiles(fields),
            ...(token === undefined ? {} : { token }),
            ...(certificate === undefined ? {} : { "client-certificate-data": base64(certificate) }),
            ...(key === undefined ? {} : { "client-key-data": base64(key) }),
            ...(plugin === undefined ? {} : { exec: { ...exec, command: plugin.command } }),
            ...(provider === undefined ? {} : { "auth-provider": provider.fields }),
        },
    };
}

const FILE_FIELDS = ["client-certificate", "client-key", "tokenFile"];

function withoutFiles(fields: Fields): Fields {
    return Object.fromEntries(Object.entries(fields).filter(([name]) => !FILE_FIELDS.includes(name)));
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** The file wins, as with kubectl: whoever sets both renews the file. */
function readToken(fields: Fields, place: string, files: FileReader): { text?: string; problems: KubeconfigProblem[] } {
    const path = textField(fields, "tokenFile");
    const token = textField(fields, "token");
    if (path === undefined) return token === undefined ? { problems: [] } : checkToken(token, `${place}.token`);
    const found = files.read(path);
    const field = `${place}.tokenFile`;
    return "text" in found ? checkToken(found.text, field) : { problems: [{ field, ...found }] };
}

function checkToken(text: string, field: string): { text?: string; problems: KubeconfigProblem[] } {
    const token = text.trim();
    if (/^[\x21-\x7e]+$/.test(token)) return { text: token, problems: [] };
    const problem = "it is empty, or has characters that no token has";
    return { problems: [{ field, problem, fix: "give the token as it was issued, on one line" }] };
}

function clientCertificateProblems(
    certificate: string | undefined,
    key: string | undefined,
    place: string,
): KubeconfigProblem[] {
    const [certificateField, keyField] = [`${place}.client-certificate`, `${place}.client-key`];
    if (certificate === undefined && key === undefined) return [];
    // What could not be read has its own problem already; what is not set needs one.
    if (certificate === undefined || key === undefined) {
        const [field, other] = certificate === undefined ? ["certificate", "key"] : ["key", "certificate"];
        const problem = `the ${other} is set, and there is no ${field}`;
        return [{ field: `${place}.client-${field}`, problem, fix: "give the certificate and its key" }];
    }
    const invalid = certificateProblems(certificate, certificateField);
    return invalid.length > 0 ? invalid : keyProblems(certificate, key, keyField);
}

function keyProblems(certificate: string, key: string, field: string): KubeconfigProblem[] {
    try {
        const matches = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
        if (matches) return [];
        return [
            { field, problem: "it is not the key of the client certificate", fix: "give the key of this certificate" },
        ];
    } catch {
        // The reason of OpenSSL is not shown: it is none that helps, and the key is a secret.
        return [
            {
                field,
                problem: "it is not a PEM private key, or is encrypted",
                fix: "give the key as PEM, not encrypted",
            },
        ];
    }
}
