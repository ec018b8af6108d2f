import type { SignaturePolicy } from "../../signatures";
import { isNestedScope } from "../../oci/scope";
import { type RegistrySources } from "../rules/registry-sources";

/**
 * Why the operator would render nothing of the policies: with registrySources of `Image/cluster`, each scope must be
 * inside allowedRegistries, and none inside blockedRegistries (machine-config-operator,
 * pkg/controller/container-runtime-config, validateImagePolicyWithAllowedBlockedRegistries). Mirror rules are not
 * rendered then either.
 */
export function policyScopeConflicts(
    policies: readonly SignaturePolicy[],
    { allowedRegistries = [], blockedRegistries = [] }: RegistrySources = {},
): string[] {
    const isIn = (scope: string, list: readonly string[]) => list.some((outer) => isNestedScope(scope, outer));
    return policies.flatMap(({ name, scopes }) =>
        scopes.flatMap((scope) => [
            ...(allowedRegistries.length > 0 && !isIn(scope, allowedRegistries)
                ? [`policy ${name}: ${scope} is not inside allowedRegistries of Image cluster`]
                : []),
            ...(isIn(scope, blockedRegistries)
                ? [`policy ${name}: ${scope} is inside blockedRegistries of Image cluster`]
                : []),
        ]),
    );
}
