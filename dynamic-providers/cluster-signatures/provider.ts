import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { errorCodes } from "../../lib/errors/failure-kind";
import { haveSameImages } from "../../lib/import";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import {
    comparePolicies,
    isSamePolicy,
    policyScopeConflicts,
    policyName,
    policyTitle,
    readExistingCluster,
    readPolicies,
    removePolicies,
    requireOwnPolicies,
    writePolicies,
} from "../../lib/openshift";
import { type SignatureRules, parseSignatureRules, policiesInForce } from "../../lib/signatures";
import { clusterLine, clusterName, namedError } from "../cluster/cluster-name";
import { withCluster, withReadableCluster } from "../cluster/connection";
import { showWait } from "../cluster/show-wait";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { PartialState } from "../lifecycle/resource-provider";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { clusterScopes, judge, namespacesNotRead, requireAccepted } from "./judge";
import { type ClusterSignaturesInputs, type ClusterSignaturesOutputs, clusterSignaturesKind as kind } from "./kind";
import { describePolicies } from "./preview";

/** How registry and cluster are reached, and how long nodes are waited for, changes nothing that they have. */
const COMPARED = comparedInputs(kind, [
    ...["images", "registry", "credentials", "account", "connectionSecrets", "kubeconfig", "context", "version"],
    ...["adopt", "minutes"],
]);

/**
 * The signature policies of a site, on every node of a cluster. A policy that comes before the signatures stops pulls, so
 * each write comes after a look at every image under the policies, in the same operation.
 */
export const clusterSignaturesProvider: RegistryProvider<ClusterSignaturesInputs, ClusterSignaturesOutputs> = {
    ...kind,

    describeChanges: async (olds, news, context) => {
        if (olds.images === undefined || hasNewInputs(olds as ClusterSignaturesInputs, news))
            await describePolicies(olds, news, context);
    },

    compare: (olds, news) => ({
        changes: hasNewInputs(olds, news) || olds.behind.length > 0 || olds.differences.length > 0,
    }),

    create: async (inputs, context) => ({ id: clusterName(inputs), outs: await apply(NOTHING, inputs, context) }),

    update: async (olds, news, context) => apply(olds, news, context),

    read: async (olds, context) => {
        const inputs = storedInputs<ClusterSignaturesInputs>(kind, olds);
        const found = await withReadableCluster(olds, context, (client) => findDifferences(client, olds), {
            otherwise: "its state stays as it is",
        });
        if (found === undefined) return { outs: olds, inputs };
        for (const difference of found)
            context.log.line("warning", clusterLine(olds, `${difference}; the next \`npm run up\` repairs it`));
        return { outs: { ...olds, differences: found }, inputs };
    },

    // Nodes ask for less then, so nothing has to be looked up or waited for.
    remove: (olds, context) =>
        withCluster(olds, context, (client) => removePolicies(client, olds.written, olds, writeOptions(context))),
};

function hasNewInputs(olds: ClusterSignaturesInputs, news: ClusterSignaturesInputs): boolean {
    return (
        changedInputs(olds, news, COMPARED).length > 0 ||
        !haveSameImages(olds.images, news.images) ||
        olds.registry.mirrorBase !== news.registry.mirrorBase
    );
}

/** What earlier runs have written, and for whom: a cluster may have got another name since. */
type Before = Pick<ClusterSignaturesOutputs, "written"> & Partial<Pick<ClusterSignaturesOutputs, "owner">>;

const NOTHING: Before = { written: [] };

/**
 * Looks up the signatures, writes the policies, and waits for the nodes.
 * @throws PartialState with what was written, if it failed after the first write
 */
async function apply(
    before: Before,
    inputs: ClusterSignaturesInputs,
    context: RegistryContext,
): Promise<ClusterSignaturesOutputs> {
    const rules = parseSignatureRules(inputs.signatures);
    const { policies } = rules;
    const writer = { ...inputs, formerOwners: before.owner === undefined ? [] : [before.owner] };
    return withCluster(inputs, context, async (client) => {
        const { policies: existing, notRead } = await readPolicies(client, policies);
        if (notRead !== undefined) context.log.line("warning", clusterLine(inputs, namespacesNotRead(notRead)));
        const changes = comparePolicies(existing, policies, before.written, writer);
        requireOwnPolicies(changes, client);
        await requireInsideSources(client, rules);
        const staying = existing.filter(({ object }) => !changes.removed.includes(policyName(object)));
        const judgement = await judge(inputs, rules, staying, context);
        requireAccepted(judgement, inputs, context);
        const acceptedAt = new Date(context.process.clock.now()).toISOString();
        const names = policies.map(({ name }) => name);
        const known = { written: names, accepted: judgement.accepted, acceptedAt, behind: [], differences: [] };
        try {
            await writePolicies(client, changes, writer, writeOptions(context));
            await removePolicies(client, changes.removed, writer, writeOptions(context));
            const expected = policiesInForce(policies, clusterScopes(staying, names));
            await showWait(client, { policies: expected }, { bounds: { totalMinutes: inputs.minutes } }, context);
        } catch (error) {
            const written = [...new Set([...before.written, ...names])];
            const partly = { ...known, written, behind: ["the nodes, when the last run ended"] };
            const reason = errorMessage(namedError(inputs, error));
            throw new PartialState(clusterName(inputs), partly, [reason], errorCodes(error));
        }
        return { ...inputs, ...known };
    });
}

/** @throws PassthroughError `REGISTRY_SOURCES_CONFLICT` if the operator would render nothing of the policies */
async function requireInsideSources(client: ClusterClient, { policies }: SignatureRules): Promise<void> {
    const { registrySources } = await readExistingCluster(client);
    const conflicts = policyScopeConflicts(policies, registrySources);
    if (conflicts.length === 0) return;
    throw new PassthroughError(`the operator would render no policy and no mirror rule: ${conflicts.join("; ")}`, {
        code: "REGISTRY_SOURCES_CONFLICT",
        place: { cluster: client.server },
        fix: "change registrySources of Image cluster, or the scopes in site.signatures",
    });
}

async function findDifferences(client: ClusterClient, olds: ClusterSignaturesOutputs): Promise<string[]> {
    const { policies } = parseSignatureRules(olds.signatures);
    const existing = await readPolicies(client, policies);
    const found = new Map(existing.policies.map((one) => [policyName(one.object), one]));
    return policies
        .filter(({ name }) => olds.written.includes(name))
        .flatMap((policy) => {
            const one = found.get(policy.name);
            if (one === undefined) return [`${policyTitle(policy.name)} does not exist any more`];
            return isSamePolicy(one, policy) ? [] : [`${policyTitle(policy.name)} has been changed`];
        });
}

function writeOptions({ process: { clock }, signal }: RegistryContext) {
    return { clock, signal };
}
