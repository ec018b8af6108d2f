import { certificateChangeLines, compareCertificates } from "../../lib/http/certificates";
import { isSameMirrorBase } from "../../lib/mirror/mirror-reference";
import { registryAdmin } from "../../lib/registries";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryAccessInputs } from "./kind";

/**
 * For a preview, what a change of the configuration means for the site as a whole: another registry, CA or account, each a
 * text of its own. What it means for one resource is on the row of that resource.
 */
export function siteChanges(olds: Partial<RegistryAccessInputs>, news: RegistryAccessInputs): string[] {
    const { registry } = olds;
    if (registry === undefined || hasUnknown(news.registry)) return [];
    const isMoved = !isSameMirrorBase(registry.mirrorBase, news.registry.mirrorBase);
    return [
        ...(isMoved ? [moveText(registry.mirrorBase, news)] : []),
        ...caText(registry.ca, news),
        ...accountText(olds, news),
    ];
}

function moveText(former: string, { registry: { mirrorBase: current, type } }: RegistryAccessInputs): string {
    const hasRobots = registryAdmin(type).capabilities.robotAccounts;
    const accounts = hasRobots ? "robot accounts are created, " : "";
    return [
        `the registry moves from ${former} to ${current}, in this order:`,
        `1. at ${current}: ${accounts}images that it lacks are sent, and every image is proven`,
        `2. clusters with apply get CA and account of ${current} beside the former ones, and then its mirror rules`,
        `3. CA and account of the former registry leave a cluster when no node has rules for it any more`,
        hasRobots
            ? `nothing is deleted at ${former} but the importer's account, at the end; the puller's account stays`
            : `nothing is deleted at ${former}`,
    ].join("\n    ");
}

function caText(before: string | undefined, { registry: { ca } }: RegistryAccessInputs): string[] {
    const lines = certificateChangeLines(compareCertificates(before, ca));
    if (lines.length === 0) return [];
    const title = "site.registry.ca changes for connections, clusters, the output registryCa and rendered files:";
    return [[title, ...lines, "no image is sent again, and no account or mirror rule changes for it"].join("\n    ")];
}

function accountText({ credentials: before }: Partial<RegistryAccessInputs>, news: RegistryAccessInputs): string[] {
    const { credentials: after, account } = news;
    if (before === undefined || hasUnknown(after)) return [];
    const keys = changedKeys(before, after);
    if (keys.length === 0) return [];
    const changed = `${keys.join(" and ")}: the stored credentials change`;
    if (account === "admin") return [`${changed}, and nothing else for it: no robot account, image or mirror rule`];
    return [`${changed}, and no image is sent again; clusters that pull with this account get it in their pull secret`];
}

type Credentials = RegistryAccessInputs["credentials"];

/** The configuration keys whose values differ. */
function changedKeys(before: Credentials, after: Credentials): string[] {
    if ("token" in after) return "token" in before && before.token === after.token ? [] : ["registryToken"];
    const { username, password } = "token" in before ? { username: "", password: "" } : before;
    return [
        ...(username === after.username ? [] : ["registryUsername"]),
        ...(password === after.password ? [] : ["registryPassword"]),
    ];
}
