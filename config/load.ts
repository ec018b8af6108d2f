import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { issuesText, unknownKeyIssues } from "../lib/site/issues";
import { type ConfigIssue, mergeDocuments } from "../lib/site/schema";
import { type Site, readSite } from "../lib/site/site";
import { errorMessage } from "../lib/errors/errors";
import { requireTlsVerification } from "../lib/distribution/http/tls-environment";
import { type AdminCredentials, type RegistryKind, OFFERED_KINDS, registryAdmin } from "../lib/registries";

/** An account of the registry; its password is secret. */
export type SecretCredentials = pulumi.Output<{ username: string; password: string }>;

/** The account that administers the registry; secret. */
export type SecretAdmin = pulumi.Output<AdminCredentials>;

/** A site and its accounts: given ones, or the one that makes robot accounts. */
export type LoadedSite =
    | {
          readonly site: Site;
          /** The account that pushes. */
          readonly importer: SecretCredentials;
          /** The account that clusters pull with, and that proves what they will get. */
          readonly puller: SecretCredentials;
          readonly admin?: undefined;
      }
    | {
          readonly site: Site;
          readonly admin: SecretAdmin;
          /** What the superuser's name that the registry leaves free is taken with. */
          readonly superuserPassword?: pulumi.Output<string>;
      };

/**
 * Reads the stack's configuration: `site` over `defaults`, and the flat secret keys.
 * @throws pulumi.RunError that lists every fault by its key with its cure, or if the environment switches TLS
 * verification off; no resource has been touched then.
 */
export function loadSite(config = new pulumi.Config("registry-passthrough")): LoadedSite {
    requireSafeEnvironment();
    const read = (path: string) => readFileSync(path, "utf8");
    const context = { read, now: new Date(), stack: pulumi.getStack() };
    const { site, issues } = readSite(config.getObject("site"), config.getObject("defaults"), context);
    const kind = OFFERED_KINDS.find((offered) => offered === kindOf(config));
    const all = [
        ...issues,
        ...accountIssues(config, kind ?? "distribution"),
        ...unknownKeyIssues(Object.keys(pulumi.runtime.allConfig())),
    ];
    if (site === undefined || all.length > 0) throw new pulumi.RunError(issuesText(all));
    if (registryAdmin(site.registry.type).capabilities.robotAccounts) {
        const isSet = config.get(SUPERUSER) !== undefined;
        return {
            site,
            admin: adminOf(config),
            ...(isSet ? { superuserPassword: config.requireSecret(SUPERUSER) } : {}),
        };
    }
    const importer = credentials(config, "registry");
    return { site, importer, puller: hasAccount(config, "puller") ? credentials(config, "puller") : importer };
}

/** @throws pulumi.RunError, which Pulumi shows without a stack trace */
function requireSafeEnvironment(): void {
    try {
        requireTlsVerification();
    } catch (error) {
        throw new pulumi.RunError(errorMessage(error));
    }
}

/** What `site.registry.type` says, whether or not the rest of the site can be read: the accounts depend on it. */
function kindOf(config: pulumi.Config): unknown {
    const document = mergeDocuments(config.getObject("defaults"), config.getObject("site"));
    return (document as { registry?: { type?: unknown } } | undefined)?.registry?.type;
}

function adminOf(config: pulumi.Config): SecretAdmin {
    if (config.get("registryToken") === undefined) return credentials(config, "registry");
    return config.requireSecret("registryToken").apply((token) => ({ token }));
}

function hasAccount(config: pulumi.Config, prefix: string): boolean {
    return config.get(`${prefix}Username`) !== undefined && config.get(`${prefix}Password`) !== undefined;
}

function credentials(config: pulumi.Config, prefix: string): SecretCredentials {
    return pulumi
        .all([config.requireSecret(`${prefix}Username`), config.requireSecret(`${prefix}Password`)])
        .apply(([username, password]) => ({ username, password }));
}

const PARTS = ["Username", "Password"];
const ROBOTS_INSTEAD = "leave it out: the program makes a robot account that may only pull";

/** What is missing, half set, or of no use to a kind of registry, among the flat keys. */
function accountIssues(config: pulumi.Config, kind: RegistryKind): ConfigIssue[] {
    const { robotAccounts, tokenLogin } = registryAdmin(kind).capabilities;
    const isSet = (key: string) => config.get(key) !== undefined;
    const useless = (key: string, fix: string): ConfigIssue => ({ key, problem: `${kind} has no use for it`, fix });
    const pullerKeys = PARTS.map((part) => `puller${part}`).filter(isSet);
    const hasToken = isSet("registryToken");
    const needed = [
        ...(tokenLogin && hasToken ? [] : ["registry"]),
        // A puller of its own is optional, half of one is a mistake.
        ...(!robotAccounts && pullerKeys.length > 0 ? ["puller"] : []),
    ];
    return [
        ...needed.flatMap((prefix) => PARTS.map((part) => `${prefix}${part}`).flatMap((key) => missing(config, key))),
        ...(robotAccounts ? pullerKeys.map((key) => useless(key, ROBOTS_INSTEAD)) : []),
        ...(hasToken && !tokenLogin ? [useless("registryToken", "set registryUsername and registryPassword")] : []),
        ...(hasToken && tokenLogin && PARTS.some((part) => isSet(`registry${part}`)) ? [TWO_ADMINS] : []),
        ...(hasToken && config.get("registryToken") === "" ? missing(config, "registryToken") : []),
        ...superuserIssues(config.get(SUPERUSER), kind),
    ];
}

const SUPERUSER = "superuserPassword";

/** The registry would refuse such a password; that it holds no whitespace and 8 characters is Quay's rule. */
function superuserIssues(password: string | undefined, kind: RegistryKind): ConfigIssue[] {
    if (password === undefined) return [];
    const issue = (problem: string, fix: string) => [{ key: SUPERUSER, problem, fix }];
    if (registryAdmin(kind).superuser === undefined) return issue(`${kind} has no use for it`, "leave it out");
    if (password.length >= 8 && !/\s/.test(password)) return [];
    return issue("it is too short, or has blanks", "use 8 characters or more, without blanks");
}

const TWO_ADMINS: ConfigIssue = {
    key: "registryToken",
    problem: "registryUsername or registryPassword is set beside it",
    fix: "remove one of them with: npm run pulumi -- config rm …",
};

function missing(config: pulumi.Config, key: string): ConfigIssue[] {
    if ((config.get(key) ?? "") !== "") return [];
    const secret = key.endsWith("Username") ? "" : " --secret";
    const fix = `set it with: npm run pulumi -- config set${secret} ${key} --stack ${pulumi.getStack()}`;
    return [{ key, problem: "it is not set", fix }];
}
