import type { MirrorBase } from "../mirror/mirror-reference";
import { type RegistryCapabilities, registryAdmin } from "../registries";
import type { ConfigIssue } from "./config-issue";
import type { SiteDocument } from "./schema";

/** The path must be a project or organization: their names have no `__` and no runs of `-`. */
const NAMESPACE = {
    pattern: /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/,
    text: "letters and digits with single . _ - between them",
};

/** Settings that a kind of registry does not support, and a mirror base that it cannot hold. */
export function kindIssues(site: SiteDocument, mirror: MirrorBase | undefined): ConfigIssue[] {
    const { type, quota, pushHost } = site.registry;
    const capabilities = registryAdmin(type).capabilities;
    const unsupported = (key: string, isSet: boolean, what: string): ConfigIssue[] =>
        isSet ? [{ key, problem: `${type} has no ${what}`, fix: "leave it out" }] : [];
    return [
        ...unsupported("site.registry.quota", quota !== undefined && !capabilities.quota, "quota"),
        ...(pushHost !== undefined && capabilities.separatesPushFromPull ? [pushHostIssue(type)] : []),
        ...unsupported("site.robots", site.robots !== undefined && !capabilities.robotAccounts, "robot accounts"),
        ...rotationIssues(site),
        ...(mirror === undefined ? [] : namespaceIssues(type, mirror, capabilities)),
    ];
}

function pushHostIssue(type: string): ConfigIssue {
    const problem = `${type} separates who may push from who may pull by its accounts, at one address`;
    return { key: "site.registry.pushHost", problem, fix: "leave it out" };
}

/** Without robot accounts, `site.robots` itself is the issue. */
function rotationIssues({ registry: { type }, robots }: SiteDocument): ConfigIssue[] {
    const { robotAccounts, secretRenewal } = registryAdmin(type).capabilities;
    if (robots === undefined || !robotAccounts || secretRenewal !== undefined) return [];
    const { rotation, importer, puller } = robots;
    const set = { rotation, "importer.rotation": importer.rotation, "puller.rotation": puller.rotation };
    return Object.entries(set).flatMap(([key, value]) =>
        value === "in-place"
            ? [
                  {
                      key: `site.robots.${key}`,
                      problem: `${type} cannot give an account a new secret in place: its secret is a token, and a new one is another token`,
                      fix: "write generations, or leave it out",
                  },
              ]
            : [],
    );
}

function namespaceIssues(
    type: string,
    { host, prefix }: MirrorBase,
    { namespaces, namespaceRule = NAMESPACE }: RegistryCapabilities,
): ConfigIssue[] {
    if (namespaces === undefined || (namespaceRule.pattern.test(prefix) && prefix.length >= 2)) return [];
    return [
        {
            key: "site.registry.mirrorBase",
            problem: `${JSON.stringify(prefix)} is not a valid name for the ${namespaces} that ${type} keeps all images in`,
            fix: `write ${host}/<${namespaces}>, as in ${host}/mirror: one component, ${namespaceRule.text}`,
        },
    ];
}
