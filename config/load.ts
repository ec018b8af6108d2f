import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { ConfigIssue } from "./schema";
import { type Site, readSite } from "./site";

/** An account of the registry; its password is secret. */
export type SecretCredentials = pulumi.Output<{ username: string; password: string }>;

export interface LoadedSite {
    readonly site: Site;
    /** The account that pushes. */
    readonly importer: SecretCredentials;
    /** The account that clusters pull with, and that proves what they will get. */
    readonly puller: SecretCredentials;
}

/**
 * Reads the stack's configuration: `site` over `defaults`, and the flat secret keys.
 * @throws pulumi.RunError that lists every fault by its key with its cure; no resource has been touched then.
 */
export function loadSite(config = new pulumi.Config("registry-passthrough")): LoadedSite {
    const read = (path: string) => readFileSync(path, "utf8");
    const surroundings = { read, now: new Date(), stack: pulumi.getStack() };
    const { site, issues } = readSite(config.getObject("site"), config.getObject("defaults"), surroundings);
    const all = [...issues, ...accountIssues(config), ...unknownKeys()];
    if (site === undefined || all.length > 0) throw new pulumi.RunError(issuesText(all));
    const importer = credentials(config, "registry");
    return { site, importer, puller: hasAccount(config, "puller") ? credentials(config, "puller") : importer };
}

function hasAccount(config: pulumi.Config, prefix: string): boolean {
    return config.get(`${prefix}Username`) !== undefined && config.get(`${prefix}Password`) !== undefined;
}

function credentials(config: pulumi.Config, prefix: string): SecretCredentials {
    return pulumi
        .all([config.requireSecret(`${prefix}Username`), config.requireSecret(`${prefix}Password`)])
        .apply(([username, password]) => ({ username, password }));
}

function accountIssues(config: pulumi.Config): ConfigIssue[] {
    const needed = (["registry", "puller"] as const).filter(
        // A puller of its own is optional, half of one is a mistake.
        (prefix) =>
            prefix === "registry" ||
            config.get("pullerUsername") !== undefined ||
            config.get("pullerPassword") !== undefined,
    );
    return needed.flatMap((prefix) =>
        ["Username", "Password"]
            .map((part) => `${prefix}${part}`)
            .filter((key) => (config.get(key) ?? "") === "")
            .map((key) => ({
                key,
                problem: "it is not set",
                cure: `set it with: npm run pulumi -- config set${key.endsWith("Password") ? " --secret" : ""} ${key} --stack ${pulumi.getStack()}`,
            })),
    );
}

const FLAT_KEYS = ["registryUsername", "registryPassword", "pullerUsername", "pullerPassword"];
const KEYS = ["site", "defaults", ...FLAT_KEYS];

/** A flat key with a typo would otherwise be ignored, and another account used than was meant. */
function unknownKeys(): ConfigIssue[] {
    return Object.keys(pulumi.runtime.allConfig())
        .filter((name) => name.startsWith("registry-passthrough:"))
        .map((name) => name.slice("registry-passthrough:".length))
        .filter((key) => !KEYS.includes(key))
        .map((key) => ({ key, problem: "there is no such key", cure: `use one of: ${KEYS.join(", ")}` }));
}

function issuesText(issues: readonly ConfigIssue[]): string {
    const lines = issues.map(({ key, problem, cure }) => `  ${key}: ${problem}${cure === "" ? "" : `; ${cure}`}`);
    const count = issues.length === 1 ? "1 problem" : `${issues.length} problems`;
    return [
        `${count} in the configuration of this stack (registry-passthrough:…); nothing was changed:`,
        ...lines,
    ].join("\n");
}
