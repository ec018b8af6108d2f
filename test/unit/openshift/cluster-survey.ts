import {
    type ClusterRefusal,
    type ClusterWarning,
    type ExistingCluster,
    type MirrorObject,
    type PlannedRules,
    type RegistrySources,
    mirrorKinds,
    surveyCluster,
} from "../../../lib/openshift";
import { entry, icsp, idms, itms } from "./mirror-objects";

export const MIRROR = "reg.test:8443/mirror/quay.io";
export const RELEASE = "quay.io/openshift-release-dev/ocp-release";
const RELEASE_IMAGE = `${RELEASE}@sha256:${"a".repeat(64)}`;
export const NEVER = "NeverContactSource";
export const ALLOW = "AllowContactingSource";

export function named<T extends MirrorObject>(name: string, object: T): T {
    return { ...object, metadata: { name } };
}

/** Our pair for one source. */
export function pair(source = "quay.io", mirror = MIRROR, policy: typeof NEVER | typeof ALLOW = ALLOW): MirrorObject[] {
    const own = entry(source, [mirror], policy);
    return [named("passthrough-digest", idms(own)), named("passthrough-tag", itms(own))];
}

export const [CORP_DIGEST, CORP_TAG, CORP_POLICY] = [
    (...entries: Parameters<typeof idms>) => named("corp", idms(...entries)),
    (...entries: Parameters<typeof itms>) => named("corp", itms(...entries)),
    (...entries: Parameters<typeof icsp>) => named("corp", icsp(...entries)),
];

export interface Facts extends RegistrySources {
    readonly theirs?: readonly MirrorObject[];
    readonly ours?: readonly MirrorObject[];
    readonly version?: string;
    /** `cluster.version` of the site; default: the cluster's. */
    readonly site?: string | undefined;
    readonly servedKinds?: ExistingCluster["servedKinds"];
    readonly releaseImage?: string | undefined;
    readonly updatingTo?: string;
}

export function survey(facts: Facts) {
    const { theirs = [], ours = pair(), version = "4.18.20", servedKinds, releaseImage, updatingTo, ...rest } = facts;
    const { insecureRegistries, blockedRegistries, allowedRegistries, containerRuntimeSearchRegistries } = rest;
    const cluster: ExistingCluster = {
        objects: theirs,
        registrySources: {
            insecureRegistries,
            blockedRegistries,
            allowedRegistries,
            containerRuntimeSearchRegistries,
        },
        version,
        ...(updatingTo === undefined ? {} : { updatingTo }),
        servedKinds: servedKinds ?? ["ICSP", ...mirrorKinds(version).kinds],
        releaseImage: "releaseImage" in facts ? releaseImage : RELEASE_IMAGE,
    };
    const planned: PlannedRules = { objects: ours, version: "site" in facts ? facts.site : version };
    return surveyCluster(cluster, planned);
}

const line = ({ object, problem, fix }: ClusterRefusal | ClusterWarning) => `${object}: ${problem} -> ${fix}`;
/** "CODE object: problem -> fix" */
export const refusals = (facts: Facts) => survey(facts).refusals.map((refusal) => `${refusal.code} ${line(refusal)}`);
/** "object: problem -> fix" */
export const warnings = (facts: Facts) => survey(facts).warnings.map(line);
