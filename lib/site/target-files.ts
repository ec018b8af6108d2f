import { type MirrorBase, mirrorReference } from "../mirror/mirror-reference";
import { formatReference, parseSourceKey, repositoryName } from "../oci/reference";
import { type ReleaseImage, type TargetFiles, renderTargets } from "../openshift";
import { mergeFacts } from "./cluster-objects";
import { type Content, allImages } from "./content";
import { type MirroredContent, mirrorPolicy } from "./mirror-policy";

/** What the files of other targets say of the registry. */
export interface TargetRegistry {
    readonly mirror: MirrorBase;
    /** PEM; absent if a public CA issued its certificate. */
    readonly ca?: string | undefined;
    readonly plainHttp?: boolean | undefined;
}

/**
 * The files for `cluster.targets`, each below a folder named after its target, and what the targets cannot express.
 * @throws PassthroughError as `mirrorPolicy` and `renderTargets` do
 */
export function targetFiles(site: MirroredContent, { mirror, ca, plainHttp }: TargetRegistry): TargetFiles {
    const { targets = [], version } = site.cluster;
    if (targets.length === 0) return { files: {}, notes: [] };
    const { objects, registriesConf } = mirrorPolicy(site, mirror);
    return renderTargets(targets, {
        objects,
        registriesConf,
        registryHost: mirror.host,
        plainHttp: plainHttp ?? false,
        ca: ca ?? "",
        version,
        signatures: site.signatures ?? [],
        releases: releaseImages(site.content, mirror),
    });
}

function releaseImages(content: readonly Content[], mirror: MirrorBase): ReleaseImage[] {
    const images = allImages(content);
    return Object.entries(mergeFacts(content).releases).flatMap(([source, version]) => {
        const digest = images[source];
        if (digest === undefined) return [];
        const reference = parseSourceKey(source);
        const { registry, repository } = mirrorReference(mirror, reference);
        return [
            { version, source: repositoryName(reference), mirror: formatReference({ registry, repository, digest }) },
        ];
    });
}
