import { counted, listed } from "../../lib/errors/text";
import { toImageMap } from "../../lib/import";
import {
    comparePolicies,
    describeNodeEffect,
    forecastNodeEffect,
    policyScopeConflicts,
    policyTitle,
    readExistingCluster,
    readPolicies,
} from "../../lib/openshift";
import { readPools } from "../../lib/openshift/rollout/check-nodes";
import { parseSignatureRules, policiesWithoutEffect } from "../../lib/signatures";
import { clusterLine } from "../cluster/cluster-name";
import { withReadableCluster } from "../cluster/connection";
import { poolSizes } from "../cluster/pool-sizes";
import type { RegistryContext } from "../registry/registry-process";
import { namespacesNotRead } from "./judge";
import type { ClusterSignaturesInputs } from "./kind";

const MAX_NAMES = 5;

/** Logs in the preview which policies change, what nodes do then, and what will stop the update. */
export async function describePolicies(
    olds: Partial<ClusterSignaturesInputs>,
    news: ClusterSignaturesInputs,
    context: RegistryContext,
): Promise<void> {
    const otherwise = "so what becomes of its signature policies is not known";
    const { policies } = parseSignatureRules(news.signatures);
    const before = olds.signatures === undefined ? [] : parseSignatureRules(olds.signatures).policies;
    const former = before.map(({ name }) => name);
    const found = await withReadableCluster(
        news,
        context,
        async (client) => ({
            existing: await readPolicies(client, policies),
            cluster: await readExistingCluster(client),
            pools: await readPools(client),
        }),
        { otherwise },
    );
    if (found === undefined) return;
    const { cluster, pools } = found;
    const { policies: existing, notRead } = found.existing;
    const { added, changed, removed, foreign } = comparePolicies(existing, policies, former, {
        ...news,
        formerOwners: olds.owner === undefined ? [] : [olds.owner],
    });
    const images = counted(Object.keys(toImageMap(news.images)).length, "image");
    const info = (text: string) => context.log.line("info", clusterLine(news, text));
    if (added.length + changed.length > 0) {
        const names = listed(
            [...added, ...changed].map(({ name }) => name),
            MAX_NAMES,
        );
        const empty = { registriesConf: {} };
        const effect = forecastNodeEffect(empty, { ...empty, imagePolicy: names }, cluster.version);
        const nodes = pools.filter(({ status }) => status?.machineCount !== 0);
        info(
            `signature policies: ${names}, written last, when the mirror has acceptable signatures of every image under ` +
                `them (${images}); ${describeNodeEffect(effect)} (${poolSizes(nodes)})`,
        );
    } else info(`signature policies stay; the signatures of ${images} under them are looked up again`);
    if (removed.length > 0)
        info(
            `signature policies to remove: ${listed(removed, MAX_NAMES)}; nodes ask for less then, and refuse no more images`,
        );
    const problems = [
        ...foreign.map(({ name, by }) => `${policyTitle(name)} exists already, of ${by}`),
        ...policyScopeConflicts(policies, cluster.registrySources),
    ];
    for (const problem of problems) {
        context.log.line("warning", clusterLine(news, `no signature policy will be written: ${problem}`));
    }
    const names = new Set([...policies.map(({ name }) => name), ...removed]);
    const others = existing
        .filter(({ object }) => object.metadata.namespace === undefined && !names.has(object.metadata.name))
        .map(({ object: { metadata, spec } }) => ({ name: metadata.name, scopes: spec.scopes }));
    const notes = [
        ...policiesWithoutEffect(policies, others),
        ...(notRead === undefined ? [] : [namespacesNotRead(notRead)]),
    ];
    for (const note of notes) context.log.line("warning", clusterLine(news, note));
}
