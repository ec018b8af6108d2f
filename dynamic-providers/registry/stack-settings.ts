import { PassthroughError } from "../../lib/errors/errors";
import { certificatesIn, compareCertificates } from "../../lib/http/certificates";
import type { Credentials } from "../../lib/http/credentials";
import { readTextFile } from "../../lib/files/text-file";
import { isSameMirrorBase } from "../../lib/mirror/mirror-reference";
import type { OnRemove } from "../../lib/mirror/on-remove";
import type { Override } from "../../lib/mirror/override";
import { type AdminCredentials, registryAdmin } from "../../lib/registries";
import {
    type ConfiguredAccounts,
    type ConfiguredSite,
    type HostAddress,
    type HostLogin,
    type RegistryConnection,
    type SiteRegistry,
    UNKNOWN_SITE,
    hostLogin,
    isKeyOfCertificate,
    parseConnection,
    parseJson,
    privateKeyIn,
    readAccounts,
    readConfiguredSite,
    readConnectionSecrets,
} from "../../lib/site";
import type { HostConnection } from "../../lib/ssh";
import type { ReadConfig } from "../lifecycle/provider-process";
import { type AdminInputs, type RegistryInputs, accountTexts, connectionTexts } from "./registry-kind";

/** How a resource reaches its registry, as its inputs or its state have it. */
export type StoredConnection = Pick<RegistryInputs, "registry" | "connectionSecrets">;

/** How a resource reaches its host, as its inputs or its state have it. */
export interface StoredHost extends StoredConnection {
    readonly host: HostAddress;
    /** Secret. */
    readonly login: { readonly privateKey: string; readonly passphrase?: string | undefined };
}

const PREFIX = "registry-passthrough:";

/**
 * Today's configuration of the stack. State may still have values from before a change of it: a refresh or destroy with
 * those would fail after a rotated password or a renewed CA. What today's configuration does not say counts as in state.
 */
export class StackSettings {
    /** Nothing is configured. */
    static readonly UNKNOWN = new StackSettings(UNKNOWN_SITE, {});

    constructor(
        readonly site: ConfiguredSite,
        private readonly accounts: ConfiguredAccounts,
    ) {}

    static read(config: ReadConfig, readFile: (path: string) => string = readTextFile): StackSettings {
        const document = (key: string) => parseJson(config(`${PREFIX}${key}`));
        return new StackSettings(
            readConfiguredSite(document("site"), document("defaults"), readFile),
            readAccounts((key) => config(`${PREFIX}${key}`)),
        );
    }

    /** True if the site has another registry now: the resource is about to be replaced. */
    hasMoved({ mirrorBase }: RegistryConnection): boolean {
        return this.site.mirrorBase !== undefined && !isSameMirrorBase(this.site.mirrorBase.value, mirrorBase);
    }

    /** Those that are configured for the set with this lock file; undefined: not known. */
    overrides(lock: string): readonly Override[] | undefined {
        return this.site.overrides?.value.get(lock);
    }

    /**
     * What becomes of a resource's content when it is removed: today's rule, else that of its state. At a registry that the
     * site has left everything stays.
     */
    removalRule({
        registry,
        onRemove,
    }: {
        readonly registry: RegistryConnection;
        readonly onRemove?: OnRemove | undefined;
    }): OnRemove {
        return this.hasMoved(registry) ? "keep" : (this.site.onRemove?.value ?? onRemove ?? "keep");
    }

    /** Whether a rotation of a robot account gives it a new secret in place: by today's configuration, else by its state. */
    rotatesInPlace({
        role,
        rotation,
    }: {
        readonly role: "importer" | "puller";
        readonly rotation?: "in-place" | undefined;
    }): boolean {
        return (this.site.rotations?.value[role] ?? rotation) === "in-place";
    }

    /** A resource's registry, with today's push address, CA, client certificate, proxy and retry time. */
    registry({ registry: stored, connectionSecrets }: StoredConnection): SiteRegistry {
        const {
            ca: storedCa,
            clientCertificate: storedCertificate,
            proxy: storedProxy,
            pushHost: storedPushHost,
            ...connection
        } = parseConnection(stored);
        const hasMoved = this.hasMoved(stored);
        const ca = hasMoved || this.site.ca === undefined ? storedCa : this.trustedCas(storedCa, this.site.ca.value);
        const proxy = hasMoved || this.site.proxy === undefined ? storedProxy : this.site.proxy.value;
        const pushHost = hasMoved || this.site.pushHost === undefined ? storedPushHost : this.site.pushHost.value;
        const { clientCertificate, clientKey } =
            this.clientCertificate(stored) ??
            ({ clientCertificate: storedCertificate, clientKey: connectionSecrets?.clientKey } as const);
        const proxyAccount = (hasMoved ? undefined : this.accounts.proxy) ?? connectionSecrets?.proxy;
        const secrets = readConnectionSecrets(
            { certificate: clientCertificate === undefined ? undefined : { certificate: clientCertificate }, proxy },
            {
                ...(clientKey === undefined ? {} : { clientKey }),
                ...(proxyAccount === undefined ? {} : { proxy: proxyAccount }),
            },
        );
        return {
            ...connection,
            retrySeconds: this.site.retrySeconds?.value ?? connection.retrySeconds,
            ...(pushHost === undefined ? {} : { pushHost }),
            ...(ca === undefined ? {} : { ca }),
            ...(clientCertificate === undefined ? {} : { clientCertificate }),
            ...(proxy === undefined ? {} : { proxy }),
            ...(secrets === undefined ? {} : { secrets }),
        };
    }

    /** Today's CAs. Those that the program keeps are in state alone; the configured ones are trusted beside them. */
    private trustedCas(stored: string | undefined, configured: string | undefined): string | undefined {
        if (this.site.hasSiteCa?.value === false) return configured;
        const { added } = compareCertificates(stored, configured);
        return added.length === 0 ? stored : `${stored ?? ""}${added.map((block) => `${block}\n`).join("")}`;
    }

    /** Today's client certificate with its key, or none; undefined: what state has counts, never a part of each. */
    private clientCertificate(
        stored: RegistryConnection,
    ): { readonly clientCertificate?: string; readonly clientKey?: string } | undefined {
        const { clientCertificate: configured } = this.site;
        if (this.hasMoved(stored) || configured === undefined) return undefined;
        if (configured.value === undefined) return {};
        const clientKey = readConnectionSecrets({ certificate: configured.value }, this.accounts)?.clientKey;
        const clientCertificate = certificatesIn(configured.value.certificate);
        // Without the program, a provider has the secrets of the last `up`, while the file may be renewed.
        const isPair = clientKey !== undefined && isKeyOfCertificate(clientKey, clientCertificate);
        return isPair ? { clientCertificate, clientKey } : undefined;
    }

    /**
     * The credentials that a resource pushes or pulls with. Those of robot accounts are known to state alone, and a
     * registry that the site has left has its own: the configured account must not take their place.
     */
    credentials({ account, registry, credentials }: RegistryInputs): Credentials {
        const type = this.site.type?.value ?? registry.type;
        if (this.hasMoved(registry) || registryAdmin(type).capabilities.robotAccounts) return credentials;
        return this.accounts[account] ?? credentials;
    }

    /** The credentials that a resource administers its registry with. */
    adminCredentials({ account, registry, credentials, ...rest }: AdminInputs): AdminCredentials {
        if (this.hasMoved(registry)) return credentials;
        if (account === "admin") return this.accounts.admin ?? credentials;
        return "token" in credentials ? credentials : this.credentials({ ...rest, account, registry, credentials });
    }

    /** How the registry's host is reached: as it is configured today, else as state has it. */
    hostConnection({ registry, host, login }: StoredHost): HostConnection {
        const today = this.hasMoved(registry) ? undefined : this.site.host?.value;
        if (today === undefined) return { ...host, ...login };
        const { address, port, user, hostKey } = today;
        return { address, port, user, hostKey, ...(hostLogin(today, this.accounts) ?? login) };
    }

    /**
     * What the user of a host that an archive is on logs in with, as it is configured today.
     * @param file with the private key; undefined: it is a secret of the stack
     * @throws PassthroughError `SSH_KEY_INVALID` if there is none; errors of the file
     */
    archiveHostLogin(file: string | undefined): HostLogin {
        const host = file === undefined ? {} : { privateKeyFile: file, keyFileText: readTextFile(file) };
        const login = hostLogin(host, this.accounts);
        if (login !== undefined) return login;
        throw new PassthroughError(file === undefined ? "it is not set" : "it is empty", {
            code: "SSH_KEY_INVALID",
            thing: file === undefined ? "hostPrivateKey" : `private key ${file}`,
            fix: "set the secret hostPrivateKey, or privateKeyFile of the host",
        });
    }

    /** Every secret text of the configuration, to be removed from messages. */
    secretTexts(): string[] {
        const { superuserPassword, clientKey, registryCertificateKey, hostPrivateKey, hostPassphrase, ...logins } =
            this.accounts;
        const keys = [clientKey, registryCertificateKey, this.site.clientCertificate?.value?.keyFileText];
        const files = [this.site.host?.value, ...(this.site.archiveHosts?.value ?? [])].map((one) => one?.keyFileText);
        const host = [hostPrivateKey, hostPassphrase, ...files];
        return [
            ...Object.values(logins).flatMap(accountTexts),
            ...(superuserPassword ? [superuserPassword] : []),
            ...host.flatMap((text) => (text === undefined || text === "" ? [] : connectionTexts(text))),
            ...keys.flatMap((key) => connectionTexts(key && privateKeyIn(key))),
        ];
    }
}
