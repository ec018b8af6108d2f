import { isSameStep, issuingAuthority } from "../../lib/certificates/authority-plan";
import { createAuthority, serialNumberOf } from "../../lib/certificates/issue";
import { dayOf, endsSoon } from "../../lib/certificates/renewal";
import { storedInputs } from "../lifecycle/resource-kind";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { planLines } from "./announcement";
import {
    type SiteCertificateAuthorityInputs as Inputs,
    type SiteCertificateAuthorityOutputs as Outputs,
    type PlannedInputs,
    siteCertificateAuthorityKind as kind,
} from "./kind";
import { nextPlan, planOf } from "./next-plan";

/**
 * A CA whose private key is in state alone. It is replaced in three steps, each of an `up`: the next CA is trusted beside it
 * (clusters get both); the next one issues, when every node has it; the former one goes, when the registry does not need
 * it. A check decides on the step and the serial numbers and dates in it, so that a preview shows them; the update makes
 * keys and certificates.
 */
export const siteCertificateAuthorityProvider: RegistryProvider<Inputs, Outputs> = {
    ...kind,

    findInputs: async (olds, news, context) => {
        // State neither needs a connection nor a kubeconfig a second time: only a check asks registry and clusters.
        const { registry: _registry, connectionSecrets: _secrets, clusters: _clusters, ...kept } = news;
        const { certificates } = olds;
        const plan = await nextPlan(olds, news, context);
        return { ...kept, ...plan, ...(certificates === undefined ? {} : { certificates }) };
    },

    describesUnknown: true,

    describeChanges: async (olds, news, { log, process }) => {
        const plan = planOf(news);
        if (plan === undefined) return;
        for (const line of planLines(planOf(olds), plan, news, process.clock.now())) log.line("info", line);
    },

    compare: (olds, news) => ({ changes: !isSameStep(olds, news) }),

    create: async (inputs) => ({ id: inputs.owner, outs: await complete(inputs, undefined) }),

    update: (olds, news) => complete(news, olds),

    read: async (olds, context) => {
        warnOfEnd(olds, context);
        return { outs: olds, inputs: storedInputs<Inputs>(kind, olds) };
    },

    remove: async () => undefined,
};

/** Makes the keys and certificates that are planned and not there yet. */
async function complete(inputs: Inputs, olds: Outputs | undefined): Promise<Outputs> {
    const plan = planOf(inputs);
    if (plan === undefined) throw new Error("the check has planned no CA");
    const { owner } = inputs;
    const made = await Promise.all(
        plan.authorities.map(async (authority) => {
            const [certificate, key] = [olds?.certificates[authority.generation], olds?.keys[authority.generation]];
            const isMade = certificate !== undefined && serialNumberOf(certificate) === authority.serialNumber;
            const pair =
                isMade && key !== undefined ? { certificate, key } : await createAuthority({ ...authority, owner });
            return [authority.generation, pair] as const;
        }),
    );
    const issuer = made.find(([generation]) => generation === plan.issuer)?.[1];
    if (issuer === undefined) throw new Error(`there is no CA ${plan.issuer}`);
    return {
        ...(inputs as PlannedInputs),
        certificates: Object.fromEntries(made.map(([generation, { certificate }]) => [generation, certificate])),
        keys: Object.fromEntries(made.map(([generation, { key }]) => [generation, key])),
        trusted: made.map(([, { certificate }]) => certificate).join(""),
        issuerCertificate: issuer.certificate,
        issuerKey: issuer.key,
        issuerEnds: issuingAuthority(plan).notAfter,
    };
}

/** For a refresh, which replaces nothing: an end that is near, since no `up` has met it. */
function warnOfEnd(olds: Outputs, { log, process }: RegistryContext): void {
    const plan = planOf(olds);
    if (plan === undefined) return;
    const { generation, notAfter } = issuingAuthority(plan);
    if (!endsSoon(Date.parse(notAfter), process.clock.now())) return;
    log.line("warning", `CA ${generation} of the site expires on ${dayOf(notAfter)}, and every pull with it`);
}
