import * as pulumi from "@pulumi/pulumi";
import type { AdminArgs } from "../dynamic-providers/registry/registry-kind";
import { RobotAccount } from "../dynamic-providers/robot-account/resource";
import type { OnRemove } from "../lib/mirror/on-remove";
import { registryAdmin } from "../lib/registries";
import { childName } from "./child-name";

/** When robot accounts are replaced: lifetimes in days, and texts that replace them whenever they change. */
export interface RobotLifetimes {
    /** Of both accounts. */
    readonly rotate?: pulumi.Input<string>;
    readonly importer: {
        readonly rotate?: pulumi.Input<string>;
        /** Default: each rotation creates a new generation. */
        readonly rotation?: "in-place";
        readonly maxAge: pulumi.Input<number>;
    };
    readonly puller: {
        readonly rotation?: "in-place";
        readonly rotate?: pulumi.Input<string>;
        readonly maxAge: pulumi.Input<number>;
        /** For which a puller that was replaced stays valid. */
        readonly overlap: pulumi.Input<number>;
    };
}

export interface RobotAccessArgs extends AdminArgs {
    /** The project or organization: `mirror`. */
    readonly namespace: pulumi.Input<string>;
    readonly robots: RobotLifetimes;
    /** Source references of images that a new generation is proven with. */
    readonly samples: readonly string[];
    /** Names of clusters that take the pull secret by hand, for previews of a rotation in place. */
    readonly byHand?: readonly string[] | undefined;
    /** Names of targets whose hosts take the pull secret by hand, for the same. */
    readonly targets?: readonly string[] | undefined;
    /** Whether images are removed, for which the importer may need a right of its own. Plain: it decides on that right. */
    readonly onRemove: OnRemove;
    /** `RegistryAccess.instance`. */
    readonly owner: pulumi.Input<string>;
}

const STOCK = "robots";

/** The two accounts that work with images: one pushes, one only pulls. Neither is the admin's. */
export class RobotAccess extends pulumi.ComponentResource {
    readonly importer: RobotAccount;
    readonly puller: RobotAccount;

    constructor(name: string, args: RobotAccessArgs, opts: pulumi.ComponentResourceOptions = {}) {
        super("registry-passthrough:registry:RobotAccess", name, {}, opts);
        const { robots, onRemove, byHand, targets = [], ...common } = args;
        const account = (role: "importer" | "puller") => ({
            ...common,
            role,
            stack: pulumi.getStack(),
            ...rotateTexts(robots, role),
            ...(robots[role].rotation === "in-place" ? { rotation: "in-place" as const } : {}),
        });
        // What a component waits for is not by itself what its children depend on.
        const options = { parent: this, dependsOn: opts.dependsOn ?? [] };
        const { removalNeedsRight } = registryAdmin(args.registry.type).capabilities;
        this.importer = new RobotAccount(
            childName(name, STOCK, "importer"),
            {
                ...account("importer"),
                maxAge: robots.importer.maxAge,
                ...(onRemove === "delete" && removalNeedsRight ? { removes: true } : {}),
            },
            options,
        );
        // Clusters have the puller's secret, and when the last one has received the new one is not known here.
        const { maxAge, overlap } = robots.puller;
        this.puller = new RobotAccount(
            childName(name, STOCK, "puller"),
            {
                ...account("puller"),
                ...(robots.puller.rotation === undefined || byHand === undefined ? {} : { byHand: [...byHand] }),
                ...(robots.puller.rotation === undefined || targets.length === 0 ? {} : { targets: [...targets] }),
                maxAge,
                overlap,
            },
            options,
        );
        this.registerOutputs({ importer: this.importer.robot, puller: this.puller.robot });
    }
}

/** By configuration key, the texts that replace the account whenever they change; nothing if there is none. */
function rotateTexts(robots: RobotLifetimes, role: "importer" | "puller") {
    const texts = { "site.robots.rotate": robots.rotate, [`site.robots.${role}.rotate`]: robots[role].rotate };
    const set = Object.entries(texts).flatMap(([key, text]) => (text === undefined ? [] : [[key, text] as const]));
    return set.length === 0 ? {} : { rotate: pulumi.output(Object.fromEntries(set)) };
}
