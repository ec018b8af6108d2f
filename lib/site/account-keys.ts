import { z } from "zod";
import type { Credentials } from "../http/credentials";
import type { AdminCredentials } from "../registries";

/** The command that sets a flat key, for a fix. */
export function setWith(key: string, isSecret = false, stack = "<stack>"): string {
    return `set it with: npm run pulumi -- config set${isSecret ? " --secret" : ""} ${key} --stack ${stack}`;
}

/** With the name of one of several clusters behind it. */
const CLUSTER_KUBECONFIG = "kubeconfig-";

/** Flat keys: each value is one text, most of them secret, so they are not part of the site's document. */
export const accountsSchema = z.strictObject({
    registryUsername: z
        .string()
        .optional()
        .meta({
            description:
                "User name of the configured account. Where the registry has no robot accounts, it pushes the images. Where it " +
                "has some, it only creates the project or organization, repositories and robot accounts",
            examples: ["pusher"],
            defaultText: "none: required, unless registryToken is set",
            fix: setWith("registryUsername"),
        }),
    registryPassword: z
        .string()
        .optional()
        .meta({
            description: "Password of registryUsername",
            defaultText: "none: required, unless registryToken is set",
            fix: setWith("registryPassword", true),
            isSecret: true,
        }),
    registryToken: z
        .string()
        .optional()
        .meta({
            description:
                "Token in place of user name and password. `quay`, `mirror-registry`: an OAuth token of an owner of the organization. " +
                "`jfrog`: an access token with the scope `applied-permissions/admin`",
            defaultText: "none",
            fix: setWith("registryToken", true),
            isSecret: true,
        }),
    superuserPassword: z
        .string()
        .optional()
        .meta({
            description:
                "Registers the superuser name `admin` with this password; the installer of mirror-registry leaves the name free. Only for `mirror-registry`",
            defaultText: "none: the name stays free",
            fix: setWith("superuserPassword", true),
            isSecret: true,
        }),
    pullerUsername: z
        .string()
        .optional()
        .meta({
            description:
                "User name of the account that clusters pull with and that the validation uses. Not for registries with robot accounts",
            examples: ["reader"],
            defaultText: "registryUsername",
            fix: setWith("pullerUsername"),
        }),
    pullerPassword: z
        .string()
        .optional()
        .meta({
            description: "Password of pullerUsername",
            defaultText: "registryPassword",
            fix: setWith("pullerPassword", true),
            isSecret: true,
        }),
    clientKey: z
        .string()
        .optional()
        .meta({
            description:
                "Private key of `site.registry.clientCertificate`: the text of a PEM file, not encrypted. `config set` reads it " +
                "from standard input",
            defaultText: "none: required with a client certificate, unless it names a keyFile",
            fix: `${setWith("clientKey", true)} < client.key`,
            isSecret: true,
        }),
    registryCertificateKey: z
        .string()
        .optional()
        .meta({
            description:
                "Private key of the certificate in `site.registry.certificate.chainFile`: the text of a PEM file, not encrypted. " +
                "`config set` reads it from standard input",
            defaultText: "none: required with chainFile",
            fix: `${setWith("registryCertificateKey", true)} < registry.key`,
            isSecret: true,
        }),
    acmeMacKey: z
        .string()
        .optional()
        .meta({
            description: "Key for `site.registry.certificate.acme.keyId`, as the server's operator gave it (base64url)",
            defaultText: "none: required with keyId",
            fix: setWith("acmeMacKey", true),
            isSecret: true,
        }),
    storageAccessKey: z
        .string()
        .optional()
        .meta({
            description: "Name of the account (access key) of the bucket in `site.registry.deploy.cluster.storage.s3`",
            defaultText: "none: required with s3",
            fix: setWith("storageAccessKey", true),
            isSecret: true,
        }),
    storageSecretKey: z
        .string()
        .optional()
        .meta({
            description: "Secret key of that account",
            defaultText: "none: required with s3",
            fix: setWith("storageSecretKey", true),
            isSecret: true,
        }),
    hostPrivateKey: z
        .string()
        .optional()
        .meta({
            description:
                "Private key that the users of `site.registry.deploy.host`, `deploy.installer.host` and `site.content[].at.host` log " +
                "in with, where a host names no `privateKeyFile`: the text of a file of ssh-keygen. `config set` reads it from " +
                "standard input",
            defaultText: "none: required with such a host, unless it names a privateKeyFile",
            fix: `${setWith("hostPrivateKey", true)} < id_ed25519`,
            isSecret: true,
        }),
    hostPassphrase: z
        .string()
        .optional()
        .meta({
            description: "Passphrase of the private keys of hosts that are encrypted, also of those in files",
            defaultText: "none: the key is not encrypted",
            fix: setWith("hostPassphrase", true),
            isSecret: true,
        }),
    kubeconfig: z
        .string()
        .optional()
        .meta({
            description:
                "Kubeconfig of `site.cluster`: the text, without paths of other files. That of the cluster `east` of `site.clusters` " +
                "is `kubeconfig-east`. `config set` reads it from standard input",
            defaultText: "none: required with `apply`, unless it names a kubeconfigFile",
            fix: `kubectl config view --flatten --minify --raw | npm run -s pulumi -- config set --secret kubeconfig --stack <stack>`,
            isSecret: true,
        }),
    proxyUsername: z
        .string()
        .optional()
        .meta({
            description: "User name at the HTTP proxy (`site.registry.proxy`), for Basic authentication",
            examples: ["mirror"],
            defaultText: "none, or that in the URL of the environment's variable",
            fix: setWith("proxyUsername"),
        }),
    proxyPassword: z
        .string()
        .optional()
        .meta({
            description: "Password of proxyUsername",
            defaultText: "none",
            fix: setWith("proxyPassword", true),
            isSecret: true,
        }),
});

export type AccountKey = keyof z.infer<typeof accountsSchema>;
export const ACCOUNT_KEYS = Object.keys(accountsSchema.shape) as AccountKey[];

/**
 * The command that sets a secret flat key, also the kubeconfig of one of several clusters.
 * @returns undefined for any other key
 */
export function secretCommand(key: string, stack: string): string | undefined {
    const known = key.startsWith(CLUSTER_KUBECONFIG) ? "kubeconfig" : ACCOUNT_KEYS.find((name) => name === key);
    const { isSecret, fix } = (known && accountsSchema.shape[known].meta()) ?? {};
    if (known === undefined || isSecret !== true) return undefined;
    return String(fix).replace("set it with: ", "").replace("<stack>", stack).replace(` ${known} `, ` ${key} `);
}

/** Gives the text of a flat key; undefined if it is not set. */
export type ReadAccountKey = (key: AccountKey) => string | undefined;

/** The accounts in a stack's configuration; incomplete ones are absent. */
export interface ConfiguredAccounts {
    /** Administers the registry, where it has robot accounts. */
    readonly admin?: AdminCredentials;
    /** Pushes, where the registry has no robot accounts. */
    readonly importer?: Credentials;
    /** What clusters pull with, where the registry has no robot accounts. */
    readonly puller?: Credentials;
    readonly superuserPassword?: string;
    /** PEM, as it is configured. */
    readonly clientKey?: string;
    /** PEM, as it is configured: of the certificate that the registry shows. */
    readonly registryCertificateKey?: string;
    /** As it is configured: of the users who log in to hosts. */
    readonly hostPrivateKey?: string;
    readonly hostPassphrase?: string;
    /** Account of the HTTP proxy. */
    readonly proxy?: Credentials;
}

/** Reads the accounts from the flat keys. */
export function readAccounts(read: ReadAccountKey): ConfiguredAccounts {
    const importer = login(read("registryUsername"), read("registryPassword"));
    const puller = login(read("pullerUsername"), read("pullerPassword")) ?? importer;
    const token = read("registryToken");
    const admin = token === undefined ? importer : { token };
    const superuserPassword = read("superuserPassword");
    const clientKey = read("clientKey");
    const registryCertificateKey = read("registryCertificateKey");
    const hostPrivateKey = read("hostPrivateKey");
    const hostPassphrase = read("hostPassphrase");
    const proxy = login(read("proxyUsername"), read("proxyPassword"));
    return {
        ...(admin === undefined ? {} : { admin }),
        ...(importer === undefined ? {} : { importer }),
        ...(puller === undefined ? {} : { puller }),
        ...(superuserPassword === undefined ? {} : { superuserPassword }),
        ...(clientKey === undefined ? {} : { clientKey }),
        ...(registryCertificateKey === undefined ? {} : { registryCertificateKey }),
        ...(hostPrivateKey === undefined ? {} : { hostPrivateKey }),
        ...(hostPassphrase === undefined ? {} : { hostPassphrase }),
        ...(proxy === undefined ? {} : { proxy }),
    };
}

function login(username: string | undefined, password: string | undefined): Credentials | undefined {
    return username === undefined || password === undefined ? undefined : { username, password };
}
