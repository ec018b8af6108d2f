import * as pulumi from "@pulumi/pulumi";
import { RegistryInstallation } from "../dynamic-providers/registry-installation/resource";
import type { HostLogin, InstallerDeployment } from "../lib/site";
import { childName } from "./child-name";
import type { RegistryCertificate } from "./registry-certificate";
import { type InstalledRegistry, type SiteWithRegistry, connectionArgs } from "./site-accounts";
import { STOCK_SITE } from "./site-outputs";

/**
 * The registry of a site, set up on a host by its own installer.
 * @param name of the site
 * @param certificate what the registry shows
 * @throws pulumi.RunError if the site lacks the certificate, or what the host is logged in to with
 */
export function declareInstalledRegistry(
    name: string,
    args: SiteWithRegistry & { readonly hostLogin?: pulumi.Input<HostLogin> | undefined },
    { installer, host, ...rest }: InstallerDeployment,
    certificate: RegistryCertificate | undefined,
    parent: pulumi.ComponentResource,
): InstalledRegistry {
    if (certificate === undefined || args.hostLogin === undefined)
        throw new pulumi.RunError(`site ${name}: a registry that is installed needs certificate and hostLogin`);
    const stack = `${pulumi.getProject()}/${pulumi.getStack()}`;
    const up = new RegistryInstallation(
        childName(name, STOCK_SITE, "registry-installation"),
        {
            ...rest,
            ...connectionArgs(args),
            installer,
            host,
            login: args.hostLogin,
            owner: name === STOCK_SITE ? stack : `${stack}/${name}`,
            chain: certificate.chain,
            key: certificate.key,
        },
        { parent },
    );
    return { up, admin: pulumi.secret(up.admin) };
}
