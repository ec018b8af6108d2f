import type * as pulumi from "@pulumi/pulumi";
import type { Credentials } from "../lib/oci/auth";
import type { Robot } from "../lib/registries";
import { type AdminArgs, RegistryResource } from "./registry-resource";

export interface RobotAccountArgs extends AdminArgs {
    /** `mirror` */
    readonly namespace: string;
    readonly role: "importer" | "puller";
    readonly stack: string;
    /** `RegistryAccess.instance`. */
    readonly owner: pulumi.Output<string>;
    /** Days. */
    readonly maxAge: number;
    /** It removes images that nobody wants any more, and needs a right for it. */
    readonly removes?: true;
}

/** A robot account of the registry; every generation of it is a resource of its own. */
export class RobotAccount extends RegistryResource {
    /** Secret. */
    declare readonly login: pulumi.Output<Credentials>;
    declare readonly robot: pulumi.Output<Robot>;

    constructor(name: string, args: RobotAccountArgs, opts: pulumi.CustomResourceOptions = {}) {
        super("robotAccount", name, args, ["generation", "name", "robot", "login", "differences"], opts, ["login"]);
    }
}
