import * as pulumi from "@pulumi/pulumi";
import type { Site } from "../lib/site";
import type { AdminArgs } from "../dynamic-providers/registry/registry-kind";
import { RegistryNamespace } from "../dynamic-providers/registry-namespace/resource";
import { RepositorySet } from "../dynamic-providers/repository-set/resource";
import { mirrorRepository } from "../lib/mirror/mirror-reference";
import { parseSourceKey, repositoryName } from "../lib/oci/reference";
import { registryAdmin } from "../lib/registries";
import { RobotAccess } from "./robot-access";

export interface RepositoryStructureArgs extends AdminArgs {
    readonly site: Site;
    /** Source references of everything that is imported. */
    readonly images: readonly string[];
    /** `RegistryAccess.instance`. */
    readonly owner: pulumi.Output<string>;
}

/**
 * What must be in a registry before images are: the namespace, the robot accounts, and, where the one that pushes would
 * come to own them otherwise, the repositories.
 */
export class RepositoryStructure extends pulumi.ComponentResource {
    readonly robots: RobotAccess;

    constructor(name: string, args: RepositoryStructureArgs, opts?: pulumi.ComponentResourceOptions) {
        super("registry-passthrough:registry:RepositoryStructure", name, {}, opts);
        const { site, images, owner, ...admin } = args;
        const { prefix: namespace } = site.registry.mirror;
        const { adopt, onRemove, quota } = site;
        const within = new RegistryNamespace(
            namespace,
            { ...admin, namespace, adopt, onRemove, ...(quota === undefined ? {} : { quota }) },
            { parent: this, dependsOn: opts?.dependsOn ?? [] },
        );
        this.robots = new RobotAccess(
            "robots",
            { ...admin, namespace, owner, robots: site.robots, onRemove },
            { parent: this, dependsOn: [within] },
        );
        if (registryAdmin(site.registry.type).capabilities.repositoriesFirst) {
            const { importer, puller } = this.robots;
            new RepositorySet(
                "repositories",
                {
                    ...admin,
                    namespace,
                    repositories: repositoryNames(site, images),
                    importer: importer.robot.apply(({ username }) => username),
                    puller: puller.robot.apply(({ username }) => username),
                    onRemove,
                },
                { parent: this, dependsOn: [within] },
            );
        }
        this.registerOutputs({ namespace });
    }
}

/** Names below the namespace: `quay.io/org/app`. */
function repositoryNames(site: Site, images: readonly string[]): string[] {
    const base = site.registry.mirror;
    const names = images.map((source) => mirrorRepository(base, repositoryName(parseSourceKey(source))));
    return [...new Set(names.map((name) => name.slice(base.prefix.length + 1)))].sort();
}
