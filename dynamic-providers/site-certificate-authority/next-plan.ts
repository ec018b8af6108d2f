import {
    type AuthorityPlan,
    endRoll,
    firstAuthority,
    issuingAuthority,
    isOverlapOver,
    moveIssuer,
    rollReason,
    rollStage,
    startRoll,
} from "../../lib/certificates/authority-plan";
import { newSerialNumber } from "../../lib/certificates/issue";
import { isOfFuture } from "../../lib/certificates/renewal";
import { PassthroughError } from "../../lib/errors/errors";
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

/**
 * The next step of a roll if it may be taken, else the plan as it is; what it waits for is logged.
 * @throws PassthroughError `CONFIG_INVALID` if the CA that issues is not valid yet: nothing can connect with it
 */
export async function nextPlan(olds: Partial<Inputs>, news: Inputs, context: RegistryContext): Promise<AuthorityPlan> {
    const now = context.process.clock.now();
    const { caLifetime: lifetime, roll, overlap } = news;
    const plan = planOf(olds);
    if (plan === undefined) return firstAuthority({ lifetime, roll }, newSerialNumber(), now);
    const stage = rollStage(plan);
    const isUseless = isOfFuture(issuingAuthority(plan), now);
    if (stage === "steady") {
        const isDue = rollReason(plan, { lifetime, roll }, now) !== undefined;
        if (isUseless && !isDue) throw futureError(plan);
        if (!isDue) return plan;
        const rolled = startRoll(plan, { lifetime, roll }, newSerialNumber(), now);
        // Nothing that trusts it alone can connect, so there is nothing to wait for.
        return isUseless ? moveIssuer(rolled, now) : rolled;
    }
    if (isUseless) throw futureError(plan);
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

/** Nobody can tell which clock is wrong, and a CA that was made by the right one must not be replaced. */
function futureError(plan: AuthorityPlan): PassthroughError {
    const { generation, notBefore } = issuingAuthority(plan);
    return new PassthroughError(
        `CA ${generation} of the site is not valid before ${notBefore}: the clock of the machine that made it was ahead, or that of ` +
            "this one is behind",
        {
            code: "CONFIG_INVALID",
            thing: "site.registry.certificate.siteCa",
            fix:
                "set the clock of this machine right (date -u); if it is, nothing can connect before then: wait, or write another text " +
                "to siteCa.roll, which has another CA issue at once",
        },
    );
}

function overlapText({ since }: AuthorityPlan, overlap: number): string {
    const until = new Date(Date.parse(since) + overlap * 24 * 3600 * 1000).toISOString();
    return `what is done by hand has time until ${until.slice(0, 10)} (site.registry.certificate.siteCa.overlap)`;
}
