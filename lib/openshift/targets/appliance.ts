import { parseClusterVersion } from "../versions";
import { type ReleaseImage, type TargetFiles, type TargetInput, formatYaml, withUsage } from "./target";

const USAGE: readonly string[] = [
    "Add these keys to appliance-config.yaml, and the registry's account (stack output pullSecret) to its pullSecret.",
    "To build from an oc-mirror workspace instead, use mirrorPath and leave ocpRelease.url out.",
];

/**
 * What appliance-config.yaml needs to take the release from the mirror (the page "Appliance Config"
 * of openshift/appliance). Never `imageRegistry.uri`: that is the image of the appliance's built-in registry.
 */
export function applianceFiles({ releases, registryHost, ca }: TargetInput): TargetFiles {
    const newest = releases.filter(hasVersion).sort(byVersion).at(-1);
    if (newest === undefined) {
        return {
            files: {},
            notes: ["appliance-config.yaml needs a release image, and no set has one: mirror the release payload"],
        };
    }
    const fragment = {
        apiVersion: "v1beta1",
        kind: "ApplianceConfig",
        ocpRelease: { version: newest.version, url: newest.mirror },
        enableDefaultSources: false,
    };
    const others = releases.filter(({ mirror }) => mirror !== newest.mirror).map(({ version }) => version);
    return {
        files: { "appliance-config.mirror.yaml": withUsage(USAGE, formatYaml(fragment)) },
        notes: [
            ...(ca === ""
                ? []
                : [
                      `appliance-config.yaml has no key for a CA: the machine that builds the appliance must trust the CA of ` +
                          `${registryHost} itself (ca.crt)`,
                  ]),
            ...(others.length === 0 ? [] : [`the newest release is used; the sets also have ${others.join(", ")}`]),
        ],
    };
}

function hasVersion({ version }: ReleaseImage): boolean {
    return /^\d+\.\d+\.\d+/.test(version);
}

function byVersion(one: ReleaseImage, other: ReleaseImage): number {
    const [a, b] = [parseClusterVersion(one.version), parseClusterVersion(other.version)];
    const difference = a.major - b.major || a.minor - b.minor || (a.patch ?? 0) - (b.patch ?? 0);
    return difference !== 0 ? difference : Number(!isPreRelease(one)) - Number(!isPreRelease(other));
}

function isPreRelease({ version }: ReleaseImage): boolean {
    return version.includes("-");
}
