import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Credentials } from "../lib/distribution/auth/credentials";
import { requireSafeEnvironment } from "../lib/distribution/http/tls-environment";
import { errorMessage } from "../lib/errors/errors";
import { type AdminCredentials, registryAdmin } from "../lib/registries";
import {
    type Site,
    accountIssues,
    issuesText,
    readAccounts,
    readConfiguredSite,
    readSite,
    unknownKeyIssues,
} from "../lib/site";

/** An account of the registry; secret. */
export type SecretCredentials = pulumi.Output<Credentials>;

/** The account that administers the registry; secret. */
export type SecretAdmin = pulumi.Output<AdminCredentials>;

/** A site and its accounts: given ones, or the one that creates robot accounts. */
export type LoadedSite =
    | {
          readonly site: Site;
          /** The account that pushes. */
          readonly importer: SecretCredentials;
          /** The account that clusters pull with, and that the validation uses. */
          readonly puller: SecretCredentials;
          readonly admin?: undefined;
      }
    | {
          readonly site: Site;
          readonly admin: SecretAdmin;
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
    const read = (path: string) => readFileSync(path, "utf8");
    const [document, defaults] = [config.getObject("site"), config.getObject("defaults")];
    const { site, issues } = readSite(document, defaults, { read, now: new Date(), stack });
    // Which accounts are needed depends on the registry's type alone; the rest of the site may be wrong.
    const { type } = readConfiguredSite({ value: document }, { value: defaults }, () => "");
    const all = [
        ...issues,
        ...(type === undefined ? [] : accountIssues((key) => config.get(key), type.value, stack)),
        ...unknownKeyIssues(Object.keys(pulumi.runtime.allConfig())),
    ];
    if (site === undefined || all.length > 0) throw new pulumi.RunError(issuesText(all));
    return withAccounts(site, config);
}

function withAccounts(site: Site, config: pulumi.Config): LoadedSite {
    const { admin, importer, puller, superuserPassword } = readAccounts((key) => config.get(key));
    if (registryAdmin(site.registry.type).capabilities.robotAccounts && admin !== undefined) {
        return {
            site,
            admin: pulumi.secret(admin),
            ...(superuserPassword === undefined ? {} : { superuserPassword: pulumi.secret(superuserPassword) }),
        };
    }
    if (importer === undefined || puller === undefined) throw new Error("accountIssues overlooked a missing account");
    return { site, importer: pulumi.secret(importer), puller: pulumi.secret(puller) };
}

/** @throws pulumi.RunError, which Pulumi shows without a stack trace */
function checkEnvironment(): void {
    try {
        requireSafeEnvironment();
    } catch (error) {
        throw new pulumi.RunError(errorMessage(error));
    }
}
