// Not of their indexes: those load what connects to hosts.
import { INSTALLED_KINDS, type InstalledKind } from "../installers/installation";
import { splitHost } from "../openshift/access/network-access";
import { parseHostKey } from "../ssh/connection";
import type { RegistryKind } from "../registries";
import type { ConfigIssue } from "./config-issue";
import { collectIssue } from "./issues";
import type { SiteCertificate } from "./registry-certificate";
import type { SiteDocument } from "./schema";

/** A registry that the program sets up by the registry's own installer. */
export interface InstallerDeployment {
    readonly host: { readonly address: string; readonly port: number; readonly user: string; readonly hostKey: string };
    readonly directory: string;
    readonly installer: {
        readonly path: string;
        readonly isOnHost: boolean;
        readonly sha256: string;
        /** `2.0.11` */
        readonly version: string;
    };
    readonly httpPort: number;
    readonly deleteContent: boolean;
}

const KEY = "site.registry.deploy.installer";
/** Why this program runs no installer of the other kinds. */
const NO_INSTALLER: Readonly<Record<Exclude<RegistryKind, InstalledKind>, string>> = {
    distribution: "it has none: write deploy.cluster or deploy.host",
    quay: "Quay has an operator of its own",
    jfrog: "Artifactory has installers of its own, which depend on its licence and its database",
};
/** mirror-registry keeps its database in SQLite since 2.0; of Harbor this is the oldest that is known here. */
const OLDEST: Readonly<Record<InstalledKind, readonly [number, number]>> = {
    harbor: [2, 10],
    "mirror-registry": [2, 0],
};

/** @returns undefined: none is configured, or another way to deploy is */
export function readInstallation(
    { registry: { type, deploy, plainHttp, mirrorBase } }: SiteDocument,
    { certificate }: { readonly certificate: SiteCertificate | undefined },
    issues: ConfigIssue[],
): InstallerDeployment | undefined {
    const configured = deploy?.installer;
    if (configured === undefined) return undefined;
    if (type !== "harbor" && type !== "mirror-registry") {
        const fix = `leave it out, or set site.registry.type to one of: ${INSTALLED_KINDS.join(", ")}`;
        issues.push({ key: KEY, problem: `this program runs no installer of ${type}: ${NO_INSTALLER[type]}`, fix });
        return undefined;
    }
    const { directory, file, fileOnHost, sha256, httpPort, deleteContent } = configured;
    const version = configured.version.replace(/^v/, "");
    if (plainHttp === true)
        issues.push({ key: KEY, problem: "it always serves TLS, and plainHttp is set", fix: "leave out plainHttp" });
    if (certificate === undefined) {
        const fix = "write certificate: {chainFile: <PEM file>} or certificate: {siteCa: {}}";
        issues.push({ key: "site.registry.certificate", problem: `${KEY} needs it, and it is not set`, fix });
    }
    if ((file === undefined) === (fileOnHost === undefined)) {
        const problem = file === undefined ? "it names no archive" : "it names two archives";
        issues.push({ key: KEY, problem, fix: "write file (on this machine) or fileOnHost (on the host)" });
    }
    // Without privateKeyFile: state has no paths of one machine.
    const { address, port, user, hostKey } = configured.host;
    collectIssue(`${KEY}.host.hostKey`, issues, () => parseHostKey(hostKey));
    issues.push(...versionIssues(type, version), ...(type === "harbor" ? portIssues(mirrorBase, httpPort) : []));
    return {
        host: { address, port, user, hostKey: hostKey.trim() },
        ...{ directory, httpPort, deleteContent },
        installer: { path: file ?? fileOnHost ?? "", isOnHost: file === undefined, sha256, version },
    };
}

/** Harbor listens at both. */
function portIssues(mirrorBase: string, httpPort: number): ConfigIssue[] {
    if (splitHost(mirrorBase.split("/")[0] ?? "", 443).port !== httpPort) return [];
    const problem = `${httpPort} is the port of site.registry.mirrorBase, at which it serves TLS`;
    return [{ key: `${KEY}.httpPort`, problem, fix: "write another port, from which it redirects to that one" }];
}

function versionIssues(kind: InstalledKind, version: string): ConfigIssue[] {
    const [major = 0, minor = 0] = version.split(".").map(Number);
    const [oldestMajor, oldestMinor] = OLDEST[kind];
    if (major === oldestMajor && minor >= oldestMinor) return [];
    const problem = `this program installs ${kind} ${oldestMajor}.${oldestMinor} and newer of ${oldestMajor}, not ${version}`;
    return [{ key: `${KEY}.version`, problem, fix: "name a newer installer" }];
}
