import type { ClusterClient, NewObject } from "../../kubernetes/cluster-client";
import { PassthroughError } from "../../errors/errors";
import type { SignaturePolicy } from "../../signatures";
import { imagePolicies } from "../objects/image-policies";
import { type ClusterOwner, OWNER_ANNOTATION, isOwnObject, objectOwner } from "../objects/owner";
import { type WriteOptions, retryConflicts } from "../trust/conflict-retry";
import {
    type ExistingPolicy,
    type PolicyObject,
    isSamePolicy,
    policyName,
    policyPlace,
    policyTitle,
} from "./cluster-policies";

/** Whose policies are written. */
export interface PolicyWriter extends ClusterOwner {
    /** Policies of others that have a wanted name may be taken over. */
    readonly adopt: boolean;
}

/** What an update does with the policies of a cluster. */
export interface PolicyChanges {
    readonly added: readonly SignaturePolicy[];
    readonly changed: readonly SignaturePolicy[];
    /** Names. */
    readonly removed: readonly string[];
    /** Names of objects that belong to somebody else, each with who that is. */
    readonly foreign: readonly { readonly name: string; readonly by: string }[];
}

/** @param written names of those that earlier runs wrote */
export function comparePolicies(
    existing: readonly ExistingPolicy[],
    wanted: readonly SignaturePolicy[],
    written: readonly string[],
    writer: PolicyWriter,
): PolicyChanges {
    const found = new Map(existing.map((one) => [policyName(one.object), one]));
    const names = new Set(wanted.map(({ name }) => name));
    const isOwn = (one: ExistingPolicy) => isOwnObject(one.object, writer);
    return {
        added: wanted.filter(({ name }) => !found.has(name)),
        changed: wanted.filter((policy) => {
            const one = found.get(policy.name);
            if (one === undefined) return false;
            return objectOwner(one.object) !== writer.owner || !isSamePolicy(one, policy);
        }),
        removed: written.filter((name) => {
            const one = found.get(name);
            return !names.has(name) && one !== undefined && isOwn(one);
        }),
        foreign: writer.adopt
            ? []
            : wanted.flatMap(({ name }) => {
                  const one = found.get(name);
                  if (one === undefined || isOwn(one)) return [];
                  const owner = objectOwner(one.object);
                  return [{ name, by: owner === undefined ? "somebody else" : `stack ${owner}` }];
              }),
    };
}

/** @throws PassthroughError `CLUSTER_OBJECT_EXISTS` if a wanted policy belongs to somebody else */
export function requireOwnPolicies({ foreign }: PolicyChanges, { server }: Pick<ClusterClient, "server">): void {
    const [other] = foreign;
    if (other === undefined) return;
    throw new PassthroughError(`it exists already, of ${other.by}`, {
        code: "CLUSTER_OBJECT_EXISTS",
        thing: policyTitle(other.name),
        place: { cluster: server },
        fix: "set cluster.adopt: true to take it over, or give the policy in site.signatures another name",
    });
}

/**
 * Writes the policies that are missing or different; others are not touched.
 * @throws ClusterError
 */
export async function writePolicies(
    client: ClusterClient,
    { added, changed }: Pick<PolicyChanges, "added" | "changed">,
    { owner }: ClusterOwner,
    options: WriteOptions,
): Promise<void> {
    const annotations = { [OWNER_ANNOTATION]: owner };
    for (const { spec, ...object } of imagePolicies([...added, ...changed])) {
        const { path, object: name } = policyPlace(policyName(object));
        await retryConflicts(options, async () => {
            const existing = await client.get<PolicyObject>(path, name);
            if (existing === undefined) {
                const created: NewObject & Pick<PolicyObject, "spec"> = {
                    ...object,
                    metadata: { ...object.metadata, annotations },
                    spec,
                };
                await client.create(path, created);
                return;
            }
            const metadata = { resourceVersion: existing.metadata.resourceVersion ?? "", annotations };
            await client.patch(path, name, { metadata, spec: replacing(spec) });
        });
    }
}

/** The merge patch that leaves nothing of what another root of trust, or another identity, has. */
function replacing({ scopes, policy }: PolicyObject["spec"]): object {
    const { rootOfTrust, signedIdentity } = policy;
    const others = { fulcioCAWithRekor: null, pki: null };
    return {
        scopes,
        policy: {
            rootOfTrust: { ...rootOfTrust, ...others, publicKey: { rekorKeyData: null, ...rootOfTrust.publicKey } },
            signedIdentity: { exactRepository: null, remapIdentity: null, ...signedIdentity },
        },
    };
}

/** Removes policies of this stack; those that somebody else has taken over stay. */
export async function removePolicies(
    client: ClusterClient,
    names: readonly string[],
    writer: ClusterOwner,
    options: WriteOptions,
): Promise<void> {
    for (const { path, object: name } of names.map(policyPlace)) {
        await retryConflicts(options, async () => {
            const existing = await client.get<PolicyObject>(path, name);
            if (existing === undefined || !isOwnObject(existing, writer)) return;
            await client.remove(path, name, existing.metadata.resourceVersion ?? "");
        });
    }
}
