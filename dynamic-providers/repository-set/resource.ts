import type * as pulumi from "@pulumi/pulumi";
import type { OnRemove } from "../../lib/mirror/on-remove";
import { type AdminArgs, RegistryResource } from "../registry/registry-resource";

export interface RepositorySetArgs extends AdminArgs {
    /** `mirror` */
    readonly namespace: string;
    /** Names below the namespace, sorted. */
    readonly repositories: readonly string[];
    /** User names of the robot accounts. */
    readonly importer: pulumi.Output<string>;
    readonly puller: pulumi.Output<string>;
    readonly onRemove: OnRemove;
}

/** The repositories that an import needs, with the robot accounts' rights in them. */
export class RepositorySet extends RegistryResource {
    constructor(name: string, args: RepositorySetArgs, opts: pulumi.CustomResourceOptions = {}) {
        super("repositorySet", name, args, ["made", "missing", "differences"], opts);
    }
}
