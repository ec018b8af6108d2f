import {
    type AuthorityPlan,
    endRoll,
    firstAuthority,
    isOverlapOver,
    moveIssuer,
    rollReason,
    rollStage,
    startRoll,
} from "../../lib/certificates/authority-plan";
import { newSerialNumber } from "../../lib/certificates/issue";
import type { RegistryContext } from "../registry/registry-process";
import type { SiteCertificateAuthorityInputs } from "./kind";
import { needsFormerCa } from "./shown-certificate";
import { lacksAuthority } from "./trusting-clusters";

type Inputs = SiteCertificateAuthorityInputs;

/** The plan in inputs or state; undefined: there is none yet. */
export function planOf({ authorities, issuer, since, rolled }: Partial<Inputs>): AuthorityPlan | undefined {
    if (authorities === undefined || issuer === undefined || since === undefined) return undefined;
    return { authorities, issuer, since, ...(rolled === undefined ? {} : { rolled }) };
}

/** The next step of a roll if it may be taken, else the plan as it is; what it waits for is logged. */
export async function nextPlan(olds: Partial<Inputs>, news: Inputs, context: RegistryContext): Promise<AuthorityPlan> {
    const now = context.process.clock.now();
    const { caLifetime: lifetime, roll, overlap } = news;
    const plan = planOf(olds);
    if (plan === undefined) return firstAuthority({ lifetime, roll }, newSerialNumber(), now);
    const stage = rollStage(plan);
    if (stage === "steady") {
        const isDue = rollReason(plan, { lifetime, roll }, now) !== undefined;
        return isDue ? startRoll(plan, { lifetime, roll }, newSerialNumber(), now) : plan;
    }
    const waits = isOverlapOver(plan, overlap, now) ? [] : [overlapText(plan, overlap)];
    if (stage === "trusting") {
        const next = plan.authorities.at(-1);
        if (next !== undefined) waits.push(...(await lacksAuthority(next, news, context)));
        if (waits.length === 0) return moveIssuer(plan, now);
        context.log.line(
            "info",
            `CA ${next?.generation ?? ""} is trusted, and issues nothing yet: ${waits.join("; ")}`,
        );
        return plan;
    }
    const former = plan.authorities[0]?.generation ?? plan.issuer;
    if (waits.length === 0) waits.push(...(await needsFormerCa(plan, olds.certificates ?? {}, news, context)));
    if (waits.length === 0) return endRoll(plan, now);
    context.log.line("info", `CA ${former} stays trusted: ${waits.join("; ")}`);
    return plan;
}

function overlapText({ since }: AuthorityPlan, overlap: number): string {
    const until = new Date(Date.parse(since) + overlap * 24 * 3600 * 1000).toISOString();
    return `what is done by hand has time until ${until.slice(0, 10)} (site.registry.certificate.siteCa.overlap)`;
}
