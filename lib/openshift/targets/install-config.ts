import {
    type Route,
    type TargetFiles,
    type TargetInput,
    digestRoutes,
    formatYaml,
    isSince,
    tagNotes,
    targetVersion,
    withUsage,
} from "./target";

/** openshift/installer#6235 */
const DIGEST_SOURCES_SINCE = 14;
/** openshift/installer#10050 */
const SOURCE_POLICY_SINCE = 21;

const USAGE: readonly string[] = [
    "Add these keys to install-config.yaml (also that of the agent-based installer), and the registry's account",
    "(stack output pullSecret) to its pullSecret.",
];

/**
 * What install-config.yaml needs of a mirror, for clusters that are yet to be installed (openshift/installer,
 * pkg/types/installconfig.go): `imageDigestSources` from 4.14, `imageContentSources` before; the registry's CA.
 */
export function installConfigFiles(input: TargetInput): TargetFiles {
    const version = targetVersion(input);
    const routes = digestRoutes(input);
    const isNever = routes.some((route) => route.isNever);
    const withPolicy = isNever && isSince(version, SOURCE_POLICY_SINCE);
    const key = isSince(version, DIGEST_SOURCES_SINCE) ? "imageDigestSources" : "imageContentSources";
    const fragment = {
        ...(input.ca === "" ? {} : { additionalTrustBundle: input.ca, additionalTrustBundlePolicy: "Always" }),
        [key]: routes.map((route) => toSource(route, withPolicy)),
    };
    return {
        files: { "install-config.mirror.yaml": withUsage(USAGE, formatYaml(fragment)) },
        notes: [
            ...tagNotes(input.objects, "an installation").map(
                (note) => `${note} until mirror-rules.yaml is applied to the new cluster`,
            ),
            ...(isNever && !withPolicy ? [policyNote(version === undefined ? "" : (input.version ?? ""))] : []),
        ],
    };
}

function toSource({ source, mirrors, isNever }: Route, withPolicy: boolean): object {
    return { source, mirrors, ...(withPolicy && isNever ? { sourcePolicy: "NeverContactSource" } : {}) };
}

function policyNote(version: string): string {
    return (
        `install-config.yaml of ${version} cannot say contactSource: never. The installer's own IDMS image-digest-mirror ` +
        "then allows contacting the source, which conflicts with mirror-rules.yaml: delete it from the new cluster when " +
        "mirror-rules.yaml is applied"
    );
}
