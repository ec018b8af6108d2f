import { X509Certificate, createPrivateKey } from "node:crypto";
import type { Credentials } from "../http/credentials";
import type { ClientCertificate } from "../http/secure-context";
import { certificateProblems } from "./kubeconfig-cluster";
import {
    type Entry,
    type Fields,
    type KubeconfigProblem,
    isFields,
    mappingField,
    textField,
} from "./kubeconfig-document";
import { type FileReader, readDataField } from "./kubeconfig-files";
import { type OidcConfig, readOidc } from "./kubeconfig-oidc";

/** A plugin that prints credentials (client.authentication.k8s.io, kind ExecCredential). */
export interface ExecPlugin {
    readonly apiVersion: string;
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    /** Whether it gets the cluster's URL and CA. */
    readonly provideClusterInfo: boolean;
    readonly installHint?: string;
}

/** How requests are logged in; all secret. */
export interface ClusterUser {
    readonly token?: string;
    readonly basic?: Credentials;
    readonly clientCertificate?: ClientCertificate;
    readonly exec?: ExecPlugin;
    /** The auth-provider `oidc`. */
    readonly oidc?: OidcConfig;
    /** Headers `Impersonate-…`. */
    readonly impersonation: Readonly<Record<string, string | readonly string[]>>;
    /** The entry of the kubeconfig, with the contents of files in place of their paths. */
    readonly fields: Fields;
}

interface UserReading {
    readonly user: ClusterUser;
    readonly problems: readonly KubeconfigProblem[];
}

const ANONYMOUS: ClusterUser = { impersonation: {}, fields: {} };
const EXEC_VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

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
    const problems = [
        ...[...certificate.problems, ...key.problems, ...token.problems],
        ...clientCertificateProblems(certificate.pem, key.pem, place),
        ...(exec === undefined ? [] : execProblems(exec, `${place}.exec`)),
        ...(provider?.problems ?? []),
    ];
    const found = { certificate: certificate.pem, key: key.pem, token: token.text, provider };
    return { user: problems.length > 0 ? ANONYMOUS : toUser(fields, found, files), problems };
}

interface FoundSecrets {
    readonly certificate: string | undefined;
    readonly key: string | undefined;
    readonly token: string | undefined;
    readonly provider: Pick<ReturnType<typeof readOidc>, "oidc" | "fields"> | undefined;
}

function toUser(fields: Fields, { certificate, key, token, provider }: FoundSecrets, files: FileReader): ClusterUser {
    const exec = mappingField(fields, "exec");
    const username = textField(fields, "username");
    const plugin = exec && toPlugin(exec, files);
    return {
        ...(token === undefined ? {} : { token }),
        ...(username === undefined ? {} : { basic: { username, password: textField(fields, "password") ?? "" } }),
        ...(certificate === undefined || key === undefined ? {} : { clientCertificate: { certificate, key } }),
        ...(plugin === undefined ? {} : { exec: plugin }),
        ...(provider === undefined ? {} : { oidc: provider.oidc }),
        impersonation: impersonationHeaders(fields),
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

function execProblems(exec: Fields, field: string): KubeconfigProblem[] {
    const apiVersion = textField(exec, "apiVersion") ?? "";
    const problems: KubeconfigProblem[] = [];
    if (textField(exec, "command") === undefined) {
        problems.push({ field: `${field}.command`, problem: "it is not set", fix: "name the plugin's program" });
    }
    if (!EXEC_VERSIONS.includes(apiVersion)) {
        const fix = `set it to ${EXEC_VERSIONS.join(" or ")}; update the plugin if it has neither`;
        problems.push({ field: `${field}.apiVersion`, problem: "it is not a version that kubectl supports", fix });
    }
    if (exec["interactiveMode"] === "Always") {
        const problem = "the plugin asks questions on a terminal, and this program has none";
        problems.push({
            field: `${field}.interactiveMode`,
            problem,
            fix: "use an account that logs in without questions: a service account's token, or a client certificate",
        });
    }
    return problems;
}

function toPlugin(exec: Fields, files: FileReader): ExecPlugin {
    const command = textField(exec, "command") ?? "";
    const installHint = textField(exec, "installHint");
    const env = ((Array.isArray(exec["env"]) ? exec["env"] : []) as unknown[]).filter(isFields);
    return {
        apiVersion: textField(exec, "apiVersion") ?? "",
        // Without a slash it is looked for on PATH.
        command: command.includes("/") ? files.absolute(command) : command,
        args: ((Array.isArray(exec["args"]) ? exec["args"] : []) as unknown[]).map(String),
        env: Object.fromEntries(env.map(({ name, value }) => [String(name), String(value ?? "")])),
        provideClusterInfo: exec["provideClusterInfo"] === true,
        ...(installHint === undefined ? {} : { installHint }),
    };
}

/** kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation */
function impersonationHeaders(fields: Fields): Record<string, string | readonly string[]> {
    const groups = fields["as-groups"];
    const extra = Object.entries(mappingField(fields, "as-user-extra") ?? {});
    const single = [
        ["Impersonate-User", textField(fields, "as")],
        ["Impersonate-Uid", textField(fields, "as-uid")],
    ] as const;
    return {
        ...Object.fromEntries(single.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
        ...(Array.isArray(groups) ? { "Impersonate-Group": groups.map(String) } : {}),
        ...Object.fromEntries(
            extra.flatMap(([name, values]) =>
                Array.isArray(values)
                    ? [[`Impersonate-Extra-${encodeURIComponent(name)}`, values.map(String)] as const]
                    : [],
            ),
        ),
    };
}
