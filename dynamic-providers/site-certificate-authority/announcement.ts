import {
    type AuthorityPlan,
    type PlannedAuthority,
    isSameStep,
    issuingAuthority,
    rollReason,
    rollStage,
} from "../../lib/certificates/authority-plan";
import { dayOf, endsSoon, renewalTime } from "../../lib/certificates/renewal";
import type { SiteCertificateAuthorityInputs } from "./kind";

type Settings = Pick<SiteCertificateAuthorityInputs, "caLifetime" | "roll">;

/**
 * For a preview: the step that this `up` takes and why, or when it will begin to replace the CA.
 * @param before undefined: there is no CA yet
 */
export function planLines(
    before: AuthorityPlan | undefined,
    plan: AuthorityPlan,
    { caLifetime, roll }: Settings,
    now: number,
): string[] {
    const issuer = issuingAuthority(plan);
    if (before === undefined)
        return [`${describe(issuer)} is made; its private key is in the state of this stack, and nowhere else`];
    if (isSameStep(before, plan)) return upcomingLines(plan, caLifetime, now);
    const [former, latest] = [before.authorities[0] ?? issuer, plan.authorities.at(-1) ?? issuer];
    switch (rollStage(plan)) {
        case "trusting":
            return [
                `${describe(latest)} is made beside CA ${issuer.generation}: ` +
                    `${rollReason(before, { lifetime: caLifetime, roll }, now) ?? "it is replaced"}. Clusters get both; ` +
                    `a later \`up\` issues with CA ${latest.generation}, once every node has it`,
            ];
        case "leaving":
            return [
                `CA ${issuer.generation} issues from now on, and the registry's certificate is made again; ` +
                    `CA ${former.generation} stays trusted until the registry needs it no more`,
            ];
        case "steady":
            return [`CA ${former.generation} is trusted no more; CA ${issuer.generation} has taken its place`];
    }
}

function upcomingLines(plan: AuthorityPlan, caLifetime: number, now: number): string[] {
    const issuer = issuingAuthority(plan);
    const due = renewalTime(issuer, caLifetime);
    if (rollStage(plan) !== "steady" || !endsSoon(due, now)) return [];
    return [`CA ${issuer.generation}: the first \`up\` after ${dayOf(due)} begins to replace it`];
}

function describe({ generation, notAfter }: PlannedAuthority): string {
    return `CA ${generation} of the site (valid until ${dayOf(notAfter)})`;
}
