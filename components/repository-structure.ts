import * as pulumi from "@pulumi/pulumi";
import { RegistryNamespace } from "../dynamic-providers/registry-namespace/resource";
import type { AdminArgs } from "../dynamic-providers/registry/registry-kind";
import { RepositorySet } from "../dynamic-providers/repository-set/resource";
import { type MirrorBase, mirrorRepository, parseMirrorBase } from "../lib/mirror/mirror-reference";
import type { OnRemove } from "../lib/mirror/on-remove";
import { parseSourceKey, repositoryName } from "../lib/oci/reference";
import { registryAdmin } from "../lib/registries";
import { childName } from "./child-name";
import { applyKnown } from "./known";
import { RobotAccess, type RobotLifetimes } from "./robot-access";

export interface RepositoryStructureArgs extends AdminArgs {
    /** Source references of all images that are imported. */
    readonly images: readonly string[];
    /** Repositories beside theirs, below the mirror base. */
    readonly moreRepositories?: readonly string[] | undefined;
    /** `RegistryAccess.instance`. */
    readonly owner: pulumi.Input<string>;
    readonly robots: RobotLifetimes;
    /** Names of clusters that take the pull secret by hand. */
    readonly byHand?: readonly string[] | undefined;
    /** Names of targets whose hosts take the pull secret by hand. */
    readonly targets?: readonly string[] | undefined;
    /** Whether a project or organization that already exists may be taken over. */
    readonly adopt: pulumi.Input<boolean>;
    /** Bytes; absent: what the registry grants. */
    readonly quota?: pulumi.Input<number> | undefined;
    readonly onRemove: OnRemove;
}

const STOCK = "structure";

/**
 * What a registry needs before images are pushed: the namespace, the robot accounts, and, where the one that pushes would
 * come to own them otherwise, the repositories.
 */
export class RepositoryStructure extends pulumi.ComponentResource {
    /** The project or organization. */
    readonly namespace: pulumi.Output<string>;
    readonly robots: RobotAccess;

    constructor(name: string, args: RepositoryStructureArgs, opts: pulumi.ComponentResourceOptions = {}) {
        super("registry-passthrough:registry:RepositoryStructure", name, {}, opts);
        const {
            images,
            moreRepositories = [],
            owner,
            robots,
            byHand,
            targets,
            adopt,
            quota,
            onRemove,
            ...admin
        } = args;
        const { mirrorBase, type } = args.registry;
        const mirror = pulumi.output(mirrorBase).apply(parseMirrorBase);
        this.namespace = mirror.apply(({ prefix }) => prefix);
        const common = { ...admin, namespace: this.namespace, onRemove };
        const child = (text: string) => childName(name, STOCK, text);
        const within = new RegistryNamespace(
            // In this project's program it is named by what it is at the registry.
            child(name === STOCK && typeof mirrorBase === "string" ? parseMirrorBase(mirrorBase).prefix : "namespace"),
            { ...common, adopt, ...(quota === undefined ? {} : { quota }) },
            { parent: this, dependsOn: opts.dependsOn ?? [] },
        );
        const options = { parent: this, dependsOn: [within] };
        this.robots = new RobotAccess(
            child("robots"),
            { ...common, owner, robots, byHand, targets, samples: sampleImages(images) },
            options,
        );
        if (registryAdmin(type).capabilities.repositoriesFirst) {
            const { importer, puller } = this.robots;
            new RepositorySet(
                child("repositories"),
                {
                    ...common,
                    repositories: mirror.apply((base) =>
                        [...repositoryNames(base, images), ...moreRepositories].sort(),
                    ),
                    importer: applyKnown(importer.robot, ({ username }) => username),
                    puller: applyKnown(puller.robot, ({ username }) => username),
                },
                options,
            );
        }
        this.registerOutputs({ namespace: this.namespace });
    }
}

/** How many images are tried for the proof of a robot account: the oldest, which are there if anything is. */
const SAMPLES = 3;

/** The first images of different repositories. */
function sampleImages(images: readonly string[]): string[] {
    const byRepository = new Map<string, string>();
    for (const source of images) {
        const name = repositoryName(parseSourceKey(source));
        if (!byRepository.has(name)) byRepository.set(name, source);
        if (byRepository.size === SAMPLES) break;
    }
    return [...byRepository.values()];
}

/** Names below the namespace: `quay.io/org/app`. */
function repositoryNames(mirror: MirrorBase, images: readonly string[]): string[] {
    const names = images.map((source) => mirrorRepository(mirror, repositoryName(parseSourceKey(source))));
    return [...new Set(names.map((name) => name.slice(mirror.prefix.length + 1)))].sort();
}
