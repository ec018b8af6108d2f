import * as pulumi from "@pulumi/pulumi";
import type { Credentials } from "../lib/http/credentials";
import { requireSafeEnvironment } from "../lib/distribution/http/tls-environment";
import { errorMessage } from "../lib/errors/errors";
import { errorCodes } from "../lib/errors/failure-kind";
import { logFailure } from "../lib/errors/failure-log";
import { readTextFile } from "../lib/files/text-file";
import type { BucketAccount } from "../lib/openshift/deployed-registry";
import { type AdminCredentials, registryAdmin } from "../lib/registries";
import {
    type ConfiguredSite,
    type ConnectionSecrets,
    type HostLogin,
    type Site,
    accountIssues,
    acmeKeyIssues,
    clientKeyIssues,
    hostLogin,
    hostLoginIssues,
    proxyAccountIssues,
    issuesCode,
    issuesText,
    parseJson,
    privateKeyIn,
    plainSecretIssues,
    readAccounts,
    registryKeyIssues,
    readConnectionSecrets,
    readStorageAccount,
    storageAccountIssues,
    readConfiguredSite,
    readKubeconfigs,
    readSite,
    unknownKeyIssues,
} from "../lib/site";

/** An account of the registry; secret. */
export type SecretCredentials = pulumi.Output<Credentials>;

/** The account that administers the registry; secret. */
export type SecretAdmin = pulumi.Output<AdminCredentials>;

/** What connections to the registry need beside an account; secret. */
export type SecretConnection = pulumi.Output<ConnectionSecrets>;

/** Name of a cluster -> its kubeconfig, which needs no other file; secret. Of clusters with `apply`. */
export type SecretKubeconfigs = Readonly<Record<string, pulumi.Output<string>>>;

/** A site and its accounts: given ones, or the one that creates robot accounts. */
export type LoadedSite =
    | {
          readonly site: Site;
          readonly kubeconfigs: SecretKubeconfigs;
          /** Private key of the certificate that the site brings along. */
          readonly certificateKey?: pulumi.Output<string>;
          /** Of the external account at the ACME server. */
          readonly acmeMacKey?: pulumi.Output<string>;
          /** The account that pushes. Absent, as the next: the program runs the registry, and makes them. */
          readonly importer?: SecretCredentials;
          /** The account that clusters pull with, and that the validation uses. */
          readonly puller?: SecretCredentials;
          readonly connectionSecrets?: SecretConnection;
          /** Of the bucket that the registry has its content in, if the program runs it. */
          readonly storageAccount?: pulumi.Output<BucketAccount>;
          /** What the user of the host that the registry runs on logs in with. */
          readonly hostLogin?: pulumi.Output<HostLogin>;
          readonly admin?: undefined;
      }
    | {
          readonly site: Site;
          readonly kubeconfigs: SecretKubeconfigs;
          readonly certificateKey?: pulumi.Output<string>;
          readonly acmeMacKey?: pulumi.Output<string>;
          /** Absent: the program installs the registry, and makes it. */
          readonly admin?: SecretAdmin;
          /** What the host is logged in to with that the registry is installed on. */
          readonly hostLogin?: pulumi.Output<HostLogin>;
          readonly connectionSecrets?: SecretConnection;
          /** Registers the superuser's name that the registry leaves free. */
          readonly superuserPassword?: pulumi.Output<string>;
      };

/**
 * Reads the stack's configuration: `site` over `defaults`, and the flat keys.
 * @throws pulumi.RunError that lists every issue by its key with its fix, or if the environment is not
 * safe; no resource has been touched then.
 */
export function loadSite(config = new pulumi.Config("registry-passthrough")): LoadedSite {
    checkEnvironment();
    const stack = pulumi.getStack();
    const [document, defaults] = [config.getObject("site"), config.getObject("defaults")];
    const { site, issues } = readSite(document, defaults, { read: readTextFile, now: new Date(), stack });
    // Which secrets are needed depends on a few keys; the rest of the site may be wrong.
    const configured = readConfiguredSite({ value: document }, { value: defaults }, readTextFile);
    const { type, isDeployed, hasBucket, host, archiveHosts, clientCertificate, acmeKeyId } = configured;
    const { certificateChain, proxy, clusters } = configured;
    const kubeconfigs = readKubeconfigs(clusters?.value ?? [], (key) => config.get(key), stack);
    const values = pulumi.runtime.allConfig();
    const all = [
        ...issues,
        ...(type === undefined ? [] : accountIssues((key) => config.get(key), type.value, stack, isDeployed?.value)),
        ...(clientCertificate ? clientKeyIssues(clientCertificate.value, config.get("clientKey"), stack) : []),
        ...(certificateChain
            ? registryKeyIssues(certificateChain.value, config.get("registryCertificateKey"), stack)
            : []),
        ...(acmeKeyId ? acmeKeyIssues((key) => config.get(key), acmeKeyId.value, stack) : []),
        ...(hasBucket ? storageAccountIssues((key) => config.get(key), hasBucket.value, stack) : []),
        ...(host && archiveHosts
            ? hostLoginIssues(
                  [...(host.value === undefined ? [] : [host.value]), ...archiveHosts.value],
                  readAccounts((key) => config.get(key)),
                  stack,
              )
            : []),
        ...(proxy ? proxyAccountIssues((key) => config.get(key), proxy.value, stack) : []),
        ...(clusters === undefined ? [] : kubeconfigs.issues),
        ...unknownKeyIssues(
            Object.keys(values),
            clusters?.value.map(({ name }) => name),
            stack,
        ),
        ...plainSecretIssues(plainKeys(values), stack),
    ];
    if (site === undefined || all.length > 0) {
        logFailure([issuesCode(all)]);
        throw new pulumi.RunError(issuesText(all));
    }
    const texts = Object.entries(kubeconfigs.texts).map(([name, text]) => [name, pulumi.secret(text)] as const);
    return { ...withSecrets(site, configured, config), kubeconfigs: Object.fromEntries(texts) };
}

/**
 * The keys whose values are no secrets to Pulumi, with their namespaces, as the language host tells the program (and no
 * provider: `sdk/nodejs/runtime/config.ts` of Pulumi). None where a host does not tell: it might be wrong to refuse one.
 */
function plainKeys(values: Readonly<Record<string, unknown>>): string[] {
    const secret = parseJson(process.env["PULUMI_CONFIG_SECRET_KEYS"])?.value;
    if (!Array.isArray(secret)) return [];
    return Object.keys(values).filter((key) => !secret.includes(key) && values[key] !== "");
}

/** What `loadSite` returns beside the kubeconfigs. */
type Accounts<T = LoadedSite> = T extends unknown ? Omit<T, "kubeconfigs"> : never;

function withSecrets(site: Site, { clientCertificate, host, proxy }: ConfiguredSite, config: pulumi.Config): Accounts {
    const accounts = readAccounts((key) => config.get(key));
    const { admin, importer, puller, superuserPassword, registryCertificateKey } = accounts;
    const acmeMacKey = config.getSecret("acmeMacKey");
    const certificateKey = privateKeyIn(registryCertificateKey ?? "");
    const secrets = readConnectionSecrets({ certificate: clientCertificate?.value, proxy: proxy?.value }, accounts);
    const connection = {
        ...(secrets === undefined ? {} : { connectionSecrets: pulumi.secret(secrets) }),
        ...(certificateKey === undefined ? {} : { certificateKey: pulumi.secret(certificateKey) }),
        ...(acmeMacKey === undefined ? {} : { acmeMacKey }),
    };
    if (registryAdmin(site.registry.type).capabilities.robotAccounts && admin !== undefined) {
        return {
            site,
            admin: pulumi.secret(admin),
            ...connection,
            ...(superuserPassword === undefined ? {} : { superuserPassword: pulumi.secret(superuserPassword) }),
        };
    }
    const login = hostLogin(host?.value, accounts);
    const atHost = login === undefined ? {} : { hostLogin: pulumi.secret(login) };
    if (site.installation !== undefined) return { site, ...connection, ...atHost };
    if (site.deployment !== undefined) {
        const storageAccount = readStorageAccount((key) => config.get(key));
        return {
            site,
            ...connection,
            ...atHost,
            ...(storageAccount === undefined ? {} : { storageAccount: pulumi.secret(storageAccount) }),
        };
    }
    if (importer === undefined || puller === undefined) throw new Error("accountIssues overlooked a missing account");
    return { site, importer: pulumi.secret(importer), puller: pulumi.secret(puller), ...connection };
}

/** @throws pulumi.RunError, which Pulumi shows without a stack trace */
function checkEnvironment(): void {
    try {
        requireSafeEnvironment();
    } catch (error) {
        logFailure(errorCodes(error));
        throw new pulumi.RunError(errorMessage(error));
    }
}
