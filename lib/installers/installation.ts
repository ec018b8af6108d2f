import type { HostSession } from "../ssh";

/** The kinds of registries that come with an installer of their own. */
export const INSTALLED_KINDS = ["mirror-registry", "harbor"] as const;
export type InstalledKind = (typeof INSTALLED_KINDS)[number];

/** An offline installer, as its publisher packs it. */
export interface InstallerArchive {
    /** Path of the archive: on this machine, or on the host. */
    readonly path: string;
    readonly isOnHost: boolean;
    /** Hexadecimal. */
    readonly sha256: string;
    /** `2.0.11` */
    readonly version: string;
}

/** A registry as an installer is to set it up on a host. */
export interface Installation {
    readonly kind: InstalledKind;
    /** Project and stack that it belongs to: that of another one is left alone. */
    readonly owner: string;
    /** Folder on the host that holds all of it: configuration, accounts and content. Absolute, of plain characters. */
    readonly directory: string;
    /** Name or address by which clients reach it, without a port. */
    readonly host: string;
    /** TLS port on the host, by which clients reach it. */
    readonly port: number;
    /** Port that Harbor opens beside it, and redirects from. */
    readonly httpPort: number;
    readonly installer: InstallerArchive;
    /** PEM: the certificate for `host`, and its issuers. */
    readonly chain: string;
    /** Secret: its private key, PEM. */
    readonly key: string;
}

/** Secrets that an installation is made with: all of it is secret. */
export interface InstallationSecrets {
    /** The administrator's, as it is used. */
    readonly password: string;
    /** What an installer that takes a password as an argument is given: it is replaced right after. */
    readonly initial?: string | undefined;
    /** Of a database that the installer sets up. */
    readonly database?: string | undefined;
}

/** Where the parts of an installation are on the host. */
export interface InstallationPaths {
    /** Who installed what, without secrets. */
    readonly record: string;
    /** `InstallationSecrets`, for root only. */
    readonly secrets: string;
    readonly certificate: string;
    readonly key: string;
    /** Unpacked installers, each in a folder of its own. */
    readonly installers: string;
    /** Held (flock) by an installer that works. */
    readonly lock: string;
}

/** The user name of the administrator that an installer makes; in mirror-registry the only superuser's. */
export const ADMINISTRATOR = "admin";

/** Paths in the folder of an installation. */
export function installationPaths({ directory }: Pick<Installation, "directory">): InstallationPaths {
    return {
        record: `${directory}/installation.json`,
        secrets: `${directory}/secrets.json`,
        certificate: `${directory}/tls/registry.crt`,
        key: `${directory}/tls/registry.key`,
        installers: `${directory}/installers`,
        lock: `${directory}/.lock`,
    };
}

/** The folder that an installer is unpacked to. */
export function unpackedInstaller(
    installation: Pick<Installation, "directory">,
    { version, sha256 }: Pick<InstallerArchive, "version" | "sha256">,
): string {
    return `${installationPaths(installation).installers}/${version}-${sha256.slice(0, 12)}`;
}

/** A file that an offline installer has. */
export interface InstallerPart {
    /** In the archive. */
    readonly path: string;
    /** What the archive is without it: "an online installer, which pulls its images". */
    readonly otherwise: string;
}

/** A file that an installer has written. */
export interface InstalledFile {
    /** For people, and in the record of the installation. */
    readonly name: string;
    /** Its path, as a word of a shell. */
    readonly word: string;
    /** What is to be mended if somebody has changed it. */
    readonly part: Difference["part"];
}

/** Something that is not as it was installed. */
export interface Difference {
    /** What mends it: to start it, to write its configuration or its certificate, or to run the installer again. */
    readonly part: "service" | "configuration" | "certificate" | "installation";
    /** `quay-app.service is failed` */
    readonly text: string;
}

/** What a step on the host works with. */
export interface InstallerWork {
    readonly session: HostSession;
    readonly installation: Installation;
    readonly secrets: InstallationSecrets;
    /** Folder of the unpacked installer. */
    readonly unpacked: string;
    readonly signal?: AbortSignal | undefined;
    /** Told what the installer is doing. */
    readonly onProgress?: ((text: string) => void) | undefined;
}

/** What a kind's own installer does, as steps of this program. */
export interface InstallerSteps {
    /** What its archive has to have. */
    readonly parts: (installer: InstallerArchive) => readonly InstallerPart[];
    /**
     * Prints `foreign <what>` for each unit or container of such a registry that the host has, whoever has installed it. With
     * `set -e` it fails where that cannot be found out.
     */
    readonly foreign: string;
    /** What the host has to have. */
    readonly requirements: Requirements;
    /** What it writes that nobody else is to change. */
    readonly files: (installation: Installation) => readonly InstalledFile[];
    /** For the first time; also after one that was not completed, of which nothing is used yet. */
    install(work: InstallerWork): Promise<void>;
    /** To another version. Content, configuration and accounts stay. @param former the installer that was completed last */
    upgrade(work: InstallerWork, former: Pick<InstallerArchive, "version" | "sha256">): Promise<void>;
    /** Mends what is different, without touching content and accounts. */
    repair(work: InstallerWork, differences: readonly Difference[]): Promise<void>;
    /** Has it show the certificate that lies in the folder of the installation. */
    renewCertificate(work: InstallerWork): Promise<void>;
    /** What of its services and its certificate is not as it was installed. @throws if it cannot be found out */
    look(session: HostSession, installation: Installation): Promise<readonly Difference[]>;
    /** Stops it for good; everything else stays. */
    stop(session: HostSession, installation: Installation): Promise<void>;
    /** Removes it with its content. */
    uninstall(work: InstallerWork): Promise<void>;
}

/** What a host must have for an installation. */
export interface Requirements {
    /** In bytes. */
    readonly memory: number;
    /** In bytes, free in the folder of the installation. */
    readonly disk: number;
    /** TCP ports that it opens. */
    readonly ports: (installation: Installation) => readonly number[];
    /** Prints `missing <what>` for each thing that the installer needs and the host lacks, and ends with status 0. */
    readonly script: string;
}
