import * as pulumi from "@pulumi/pulumi";
import { RegistryAccess } from "../dynamic-providers/registry-access/resource";
import { RegistrySuperuser } from "../dynamic-providers/registry-superuser/resource";
import { RobotRetirement } from "../dynamic-providers/robot-retirement/resource";
import type { RegistryConnectionArgs } from "../dynamic-providers/registry/registry-kind";
import type { Credentials } from "../lib/http/credentials";
import { type AdminCredentials, registryAdmin } from "../lib/registries";
import { IMPORTER_REPOSITORY } from "../lib/remote-import/repository";
import { SITE_DEFAULTS, type SiteCluster } from "../lib/site";
import { type ResourcesByName, accountUsers } from "./account-users";
import { childName } from "./child-name";
import { applyKnown } from "./known";
import type { PassthroughSiteArgs } from "./site-args";
import { RepositoryStructure } from "./repository-structure";
import { type RobotSummaries, STOCK_SITE, summarizeRobots } from "./site-outputs";

/** The accounts that images are pushed and pulled with, and what must exist before they are used. */
export interface SiteAccounts {
    readonly importer: pulumi.Output<Credentials>;
    readonly puller: pulumi.Output<Credentials>;
    readonly ready: pulumi.Resource;
    readonly robots: pulumi.Output<RobotSummaries>;
    /**
     * Declares what deletes earlier pullers, after everything that logs in with the puller. Absent: no account is replaced.
     */
    readonly retire?: (users: ResourcesByName) => void;
}

/** A registry that the program runs, and the accounts that it has made for it. */
export interface DeployedRegistry {
    readonly up: pulumi.Resource;
    /** Secret. */
    readonly importer: pulumi.Output<Credentials>;
    /** Secret. */
    readonly puller: pulumi.Output<Credentials>;
}

/** A registry that the program has installed, with the administrator that it has made. */
export interface InstalledRegistry {
    readonly up: pulumi.Resource;
    /** Secret. */
    readonly admin: pulumi.Output<Credentials>;
}

export type SiteWithRegistry = PassthroughSiteArgs & { readonly registry: RegistryConnectionArgs };

/**
 * The accounts of a site: robot accounts that are created where the registry has some, given ones elsewhere.
 * @param name of the site, whose child resources they are
 * @param images source references of all images
 * @param deployed the registry, if the program runs it or has installed it
 * @throws pulumi.RunError if the account that is needed is not given
 */
export function siteAccounts(
    name: string,
    args: SiteWithRegistry,
    images: readonly string[],
    parent: pulumi.ComponentResource,
    deployed?: DeployedRegistry | InstalledRegistry,
): SiteAccounts {
    const { robotAccounts } = registryAdmin(args.registry.type).capabilities;
    const [run, installed] =
        deployed === undefined || "admin" in deployed ? [undefined, deployed] : [deployed, undefined];
    return robotAccounts ? createAccounts(name, args, images, parent, installed) : useAccounts(name, args, parent, run);
}

/** How the resources of a site reach its registry. */
export function connectionArgs({ registry, connectionSecrets }: SiteWithRegistry) {
    return { registry, ...(connectionSecrets === undefined ? {} : { connectionSecrets }) };
}

/** A registry without robot accounts: both accounts are given, or made with the registry itself. */
function useAccounts(
    name: string,
    args: SiteWithRegistry,
    parent: pulumi.ComponentResource,
    deployed: DeployedRegistry | undefined,
): SiteAccounts {
    const importer = deployed?.importer ?? requireAccount(name, args, "importer");
    const puller = deployed?.puller ?? (args.puller === undefined ? importer : pulumi.secret(args.puller));
    const ready = new RegistryAccess(
        childName(name, STOCK_SITE, "registry"),
        { ...connectionArgs(args), credentials: importer, account: "importer" },
        { parent, dependsOn: deployed === undefined ? [] : [deployed.up] },
    );
    return { importer, puller, ready, robots: pulumi.output<RobotSummaries>({}) };
}

/** A registry with robot accounts: the given account creates them, and does nothing else. */
function createAccounts(
    name: string,
    args: SiteWithRegistry,
    images: readonly string[],
    parent: pulumi.ComponentResource,
    installed: InstalledRegistry | undefined,
): SiteAccounts {
    const credentials = installed?.admin ?? requireAccount(name, args, "admin");
    const admin = { ...connectionArgs(args), credentials, account: "admin" } as const;
    const access = new RegistryAccess(childName(name, STOCK_SITE, "registry"), admin, {
        parent,
        dependsOn: installed === undefined ? [] : [installed.up],
    });
    const options = { parent, dependsOn: [access] };
    const { superuserPassword, quota, robots = SITE_DEFAULTS.robots, clusters = SITE_DEFAULTS.clusters } = args;
    if (superuserPassword !== undefined) {
        new RegistrySuperuser(childName(name, STOCK_SITE, "superuser"), { ...admin, superuserPassword }, options);
    }
    const structure = new RepositoryStructure(
        childName(name, STOCK_SITE, "structure"),
        {
            ...admin,
            images,
            moreRepositories: args.content.some(({ at }) => at !== undefined && "claim" in at)
                ? [IMPORTER_REPOSITORY]
                : [],
            owner: access.instance,
            robots,
            byHand: clusters.flatMap(({ name: cluster, apply }) => (apply ? [] : [cluster])),
            targets: clusters.flatMap(({ targets = [] }) => targets),
            adopt: args.adopt ?? false,
            quota,
            onRemove: args.onRemove ?? SITE_DEFAULTS.onRemove,
        },
        options,
    );
    const { importer, puller } = structure.robots;
    const summaries = summarizeRobots(importer, puller, robots.puller.overlap);
    const retire = (users: ResourcesByName) => {
        new RobotRetirement(
            childName(name, STOCK_SITE, "puller-retirement"),
            {
                ...admin,
                namespace: structure.namespace,
                current: applyKnown(puller.robot, ({ username }) => username),
                retired: puller.retiredRobots.apply((earlier) => earlier ?? []),
                overlap: robots.puller.overlap,
                users: accountUsers(users),
                ...(clusters.some(isByHand) ? { byHand: true as const } : {}),
            },
            { parent, dependsOn: users.map(([, resource]) => resource) },
        );
    };
    return { importer: importer.login, puller: puller.login, ready: structure, robots: summaries, retire };
}

/** True if somebody gives the account to what pulls: to a cluster that is not written to, or to the hosts of a target. */
function isByHand({ apply, targets = [] }: SiteCluster): boolean {
    return apply === undefined || targets.length > 0;
}

function requireAccount<Role extends "importer" | "admin">(
    name: string,
    args: SiteWithRegistry,
    role: Role,
): pulumi.Output<Role extends "importer" ? Credentials : AdminCredentials> {
    const account = args[role];
    if (account !== undefined) return pulumi.secret(account) as never;
    const why = role === "admin" ? "it has robot accounts, which this account creates" : "it has no robot accounts";
    throw new pulumi.RunError(`site ${name}: a registry of type ${args.registry.type} needs ${role}: ${why}`);
}
