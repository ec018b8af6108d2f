import type * as pulumi from "@pulumi/pulumi";

/**
 * `apply` for outputs of resources. Where the program runs in a refresh or destroy, a resource that state does not have
 * is not created, and the SDK (3.248) calls `apply` with undefined in place of each of its outputs: the result is
 * undefined then, as the output is.
 */
export function applyKnown<T, Result>(output: pulumi.Output<T>, use: (value: T) => Result): pulumi.Output<Result> {
    return output.apply((value) => {
        const values = Array.isArray(value) ? (value as readonly unknown[]) : [value];
        // The types have no such run: their outputs are those of resources that exist.
        return values.includes(undefined) ? (undefined as Result) : use(value);
    }) as pulumi.Output<Result>;
}
