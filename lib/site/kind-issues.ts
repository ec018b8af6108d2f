import type { MirrorBase } from "../mirror/mirror-reference";
import { registryAdmin } from "../registries";
import type { ConfigIssue, SiteDocument } from "./schema";

/** The first component must be a project or organization: those have no `__` and no runs of `-`. */
const NAMESPACE = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

/** What is asked of a kind of registry that it does not have, and a mirror base that it cannot hold. */
export function kindIssues(site: SiteDocument, base: MirrorBase | undefined): ConfigIssue[] {
    const { type, adopt, quota } = site.registry;
    const { namespaces, quota: hasQuota, robotAccounts, robotExpiry } = registryAdmin(type).capabilities;
    const fix = "leave it out";
    const issues: ConfigIssue[] = [];
    if (adopt !== undefined && namespaces === undefined) {
        issues.push({ key: "site.registry.adopt", problem: `${type} has no projects to adopt`, fix });
    }
    if (quota !== undefined && !hasQuota) {
        issues.push({ key: "site.registry.quota", problem: `${type} has no quota`, fix });
    }
    if (site.robots !== undefined && !robotAccounts) {
        issues.push({ key: "site.robots", problem: `${type} has no robot accounts`, fix });
    }
    const { maxAge, overlap = 0 } = site.robots?.puller ?? {};
    if (robotExpiry && maxAge !== undefined && overlap > longestOverlap(maxAge)) {
        issues.push({
            key: "site.robots.puller.overlap",
            problem: `the account ends ${longestOverlap(maxAge)} days after it was replaced (a third of its maxAge of ${maxAge}d), and ${overlap}d are more`,
            fix: `write at most ${longestOverlap(maxAge)}d, or a longer maxAge`,
        });
    }
    if (namespaces !== undefined && base !== undefined && (!NAMESPACE.test(base.prefix) || base.prefix.length < 2)) {
        issues.push({
            key: "site.registry.mirrorBase",
            problem: `${type} keeps repositories in a${namespaces === "organization" ? "n" : ""} ${namespaces}, and ${JSON.stringify(base.prefix)} is no name of one`,
            fix: `write ${base.host}/<${namespaces}>, as in ${base.host}/mirror: one component, letters and digits with single . _ - between them`,
        });
    }
    return issues;
}

/** Days for which an account can stay valid after it was replaced at two thirds of its `maxAge`, before it ends. */
export function longestOverlap(maxAge: number): number {
    return Math.floor(maxAge / 3);
}
