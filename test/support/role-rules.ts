import { parseAllDocuments } from "yaml";
import { type ClusterFunction, renderRoles } from "../../lib/openshift";
import type { PolicyRule } from "./api-server";

interface RoleObject {
    readonly kind: string;
    readonly metadata: { readonly namespace?: string };
    readonly rules?: readonly Omit<PolicyRule, "namespace">[];
}

/** The rules of the roles that `passthrough render` writes for these functions. */
export function roleRules(
    functions: readonly ClusterFunction[],
    version?: string,
    namespaces: Parameters<typeof renderRoles>[2] = {},
): PolicyRule[] {
    const files = Object.values(renderRoles(functions, version, namespaces));
    const objects = files.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as RoleObject));
    return objects.flatMap(({ metadata: { namespace }, rules = [] }) =>
        rules.map((rule) => ({ ...(namespace === undefined ? {} : { namespace }), ...rule })),
    );
}
