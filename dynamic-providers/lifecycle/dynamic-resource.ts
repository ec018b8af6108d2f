import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { handlerText } from "./entry-path";
import { followsPreview } from "./preceding-preview";
import { PREVIEWED, type ResourceKind } from "./resource-kind";

/** A resource's arguments: its inputs as the program gives them, without those that the provider derives. */
export type ResourceArgs<Args extends z.ZodObject> = {
    readonly [Name in keyof z.infer<Args>]: pulumi.Input<z.infer<Args>[Name]>;
};

const MODULE = "registry-passthrough";

/**
 * The base of all dynamic resources: their type token, their own URN as an input, what state must keep secret, and the
 * path to their code.
 *
 * `pulumi.dynamic.Resource` would serialize a whole provider object into `__provider`, twice per resource, with a
 * reference to this package's modules by value; `handlerText` is one line.
 */
export abstract class DynamicResource extends pulumi.CustomResource {
    protected constructor(
        kind: ResourceKind,
        name: string,
        args: pulumi.Inputs,
        opts: pulumi.CustomResourceOptions = {},
    ) {
        const type = `pulumi-nodejs:dynamic/${MODULE}:${kind.name.charAt(0).toUpperCase()}${kind.name.slice(1)}`;
        const secretNames = Object.keys(kind.secrets);
        const secretArgs = Object.entries(args)
            .filter(([arg, value]) => secretNames.includes(arg) && value !== undefined)
            .map(([arg, value]) => [arg, pulumi.secret(value)] as const);
        super(
            type,
            name,
            {
                ...Object.fromEntries(kind.outputs.map((output) => [output, undefined])),
                ...args,
                ...Object.fromEntries(secretArgs),
                ...(followsPreview() ? { [PREVIEWED]: true } : {}),
                selfUrn: ownUrn(name, type, opts.parent),
                __provider: handlerText(kind.name),
            },
            pulumi.mergeOptions(opts, { additionalSecretOutputs: secretNames }),
        );
    }
}

/** As an Output it would depend on the parent, and so on all its children, and so on the resource itself. */
function ownUrn(name: string, type: string, parent: pulumi.Resource | undefined): Promise<string> {
    return new Promise((resolve) => {
        pulumi.createUrn(name, type, parent).apply(resolve);
    });
}
