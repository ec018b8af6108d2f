import * as pulumi from "@pulumi/pulumi";
import type { AdminCredentials } from "../../lib/registries";
import { type RegistryConnection, registryConnection } from "../../lib/site";

/** What every resource that talks to the registry is given. */
export interface RegistryArgs {
    readonly registry: RegistryConnection;
    /** Secret; `account` says which of the stack's accounts it is, so that a rotated one is used at once. */
    readonly credentials: pulumi.Output<{ username: string; password: string }>;
    readonly account: "importer" | "puller";
}

/** What every resource that administers the registry is given. */
export interface AdminArgs {
    readonly registry: RegistryConnection;
    /** Secret. */
    readonly credentials: pulumi.Output<AdminCredentials>;
    readonly account: "importer" | "admin";
}

const MODULE = "registry-passthrough";

/**
 * The base of our dynamic resources: their type token, their own URN as an input, what state must keep secret, and the
 * way to their code.
 *
 * `__provider` is the text that a provider process evaluates for each call. `pulumi.dynamic.Resource` would serialize a
 * whole provider object into it, twice per resource; this one line finds the compiled entry from the project's root,
 * where the engine starts provider processes. State holds no code then: refresh and destroy always run today's.
 */
export abstract class RegistryResource extends pulumi.CustomResource {
    /**
     * @param kind the name that `entry.ts` exports
     * @param outputs names of outputs that are no inputs
     * @param secretOutputs those of them that are secret
     */
    protected constructor(
        kind: string,
        name: string,
        args: RegistryArgs | AdminArgs,
        outputs: readonly string[],
        opts: pulumi.CustomResourceOptions,
        secretOutputs: readonly string[] = [],
    ) {
        const type = `pulumi-nodejs:dynamic/${MODULE}:${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
        const urn = pulumi.createUrn(name, type, opts.parent);
        // As an Output it would depend on the parent, and so on all its children, and so on this resource.
        const selfUrn = new Promise<string>((resolve) => {
            urn.apply(resolve);
        });
        const declared = Object.fromEntries(outputs.map((output) => [output, undefined]));
        super(
            type,
            name,
            {
                ...declared,
                ...args,
                registry: storedConnection(args.registry),
                credentials: pulumi.secret<AdminCredentials>(args.credentials),
                selfUrn,
                __provider: `exports.handler=()=>require("./dist/dynamic-providers/entry").${kind}`,
            },
            pulumi.mergeOptions(opts, { additionalSecretOutputs: ["credentials", ...secretOutputs] }),
        );
    }
}

/** What state stores of a connection: a site's registry has more. */
function storedConnection(registry: RegistryConnection): pulumi.Inputs {
    const names = Object.keys(registryConnection.shape);
    return Object.fromEntries(Object.entries(registry).filter(([name]) => names.includes(name)));
}
