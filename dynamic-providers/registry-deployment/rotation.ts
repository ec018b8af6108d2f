import { type RegistryAccounts, accountsAfter } from "../../lib/openshift/deployed-registry";
import { hasUnknown } from "../lifecycle/unknown-value";

/** Whether both accounts are to be replaced. */
export function isRotation(
    { rotate: before }: { readonly rotate?: string | undefined },
    { rotate }: { readonly rotate?: string | undefined },
): boolean {
    return rotate !== undefined && !hasUnknown(rotate) && rotate !== before;
}

/**
 * For a preview: which accounts are made, stay valid and end.
 * @param wasTaken as `nextAccounts` has it
 * @param key that is changed for it: "site.registry.deploy.host.rotate"
 */
export function rotationLine(accounts: RegistryAccounts, wasTaken: boolean, key: string): string {
    const { made, kept, ended } = accountsAfter(accounts, wasTaken);
    const ends =
        ended.length === 0
            ? "none ends"
            : `${ended.join(", ")} end: a cluster that still has one of them, since it was left out, is given its files by hand, or ` +
              "was not reached by an up before, cannot pull any more until it has the new one";
    return `${key}: ${made.join(" and ")} are made, and clusters with apply get theirs; ${kept.join(", ")} stay valid; ${ends}`;
}
