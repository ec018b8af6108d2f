import { isDeepStrictEqual } from "node:util";
import { type Lifetime, dayOf, isOver, newLifetime, renewalTime, rfc3339 } from "./renewal";

/** A CA of a site as it is planned, before there is a certificate of it. */
export interface PlannedAuthority extends Lifetime {
    readonly generation: number;
    /** Hexadecimal. */
    readonly serialNumber: string;
}

/** The CAs of a site: which are trusted, and which one issues. */
export interface AuthorityPlan {
    /** All that are to be trusted, the oldest first: one, or two while one takes the place of the other. */
    readonly authorities: readonly PlannedAuthority[];
    /** Generation of the one that issues. */
    readonly issuer: number;
    /** When a CA was added, began to issue or was taken out last; RFC 3339. */
    readonly since: string;
    /** The text that has started the last roll; absent: none was configured yet. */
    readonly rolled?: string | undefined;
}

/**
 * Where a roll is. `steady`: one CA. `trusting`: the next one is trusted beside it, and issues nothing yet. `leaving`: the
 * next one issues, and the former one is trusted for what it has issued.
 */
export type RollStage = "steady" | "trusting" | "leaving";

/** How CAs are to live, in days. */
export interface AuthoritySettings {
    readonly lifetime: number;
    /** Starts a roll whenever it differs from the last one. */
    readonly roll?: string | undefined;
}

export function rollStage({ authorities, issuer }: Pick<AuthorityPlan, "authorities" | "issuer">): RollStage {
    if (authorities.length < 2) return "steady";
    return authorities[0]?.generation === issuer ? "trusting" : "leaving";
}

/** Which CAs there are, and which one issues. */
interface Step {
    readonly authorities?: AuthorityPlan["authorities"] | undefined;
    readonly issuer?: number | undefined;
}

/** True if both have the same CAs, and the same one issues. */
export function isSameStep(a: Step, b: Step): boolean {
    return a.issuer === b.issuer && isDeepStrictEqual(a.authorities, b.authorities);
}

/** The CA that issues. */
export function issuingAuthority({ authorities, issuer }: AuthorityPlan): PlannedAuthority {
    const found = authorities.find(({ generation }) => generation === issuer);
    if (found === undefined) throw new Error(`there is no CA ${issuer}`);
    return found;
}

/** The first CA of a site. */
export function firstAuthority(settings: AuthoritySettings, serialNumber: string, now: number): AuthorityPlan {
    const { lifetime, roll } = settings;
    const authority = { generation: 1, serialNumber, ...newLifetime(now, lifetime) };
    return {
        authorities: [authority],
        issuer: 1,
        since: rfc3339(now),
        ...(roll === undefined ? {} : { rolled: roll }),
    };
}

/** Why a new CA is due; undefined: none is, or a roll is under way already. */
export function rollReason(
    plan: AuthorityPlan,
    { lifetime, roll }: AuthoritySettings,
    now: number,
): string | undefined {
    if (rollStage(plan) !== "steady") return undefined;
    if (roll !== undefined && roll !== plan.rolled) return "site.registry.certificate.siteCa.roll was changed";
    const { notAfter, ...from } = issuingAuthority(plan);
    if (renewalTime({ ...from, notAfter }, lifetime) > now) return undefined;
    return `two thirds of its life are over (it expires on ${dayOf(notAfter)})`;
}

/** The next CA beside the present one, which goes on issuing. */
export function startRoll(
    plan: AuthorityPlan,
    { lifetime, roll = plan.rolled }: AuthoritySettings,
    serialNumber: string,
    now: number,
): AuthorityPlan {
    const next = { generation: plan.issuer + 1, serialNumber, ...newLifetime(now, lifetime) };
    return {
        authorities: [...plan.authorities, next],
        issuer: plan.issuer,
        since: rfc3339(now),
        ...(roll === undefined ? {} : { rolled: roll }),
    };
}

/** The next CA issues from now on, and the former one is still trusted. */
export function moveIssuer(plan: AuthorityPlan, now: number): AuthorityPlan {
    return { ...plan, issuer: plan.authorities.at(-1)?.generation ?? plan.issuer, since: rfc3339(now) };
}

/** The former CA is not trusted any more. */
export function endRoll(plan: AuthorityPlan, now: number): AuthorityPlan {
    return { ...plan, authorities: [issuingAuthority(plan)], since: rfc3339(now) };
}

/** True if those who get the CAs by hand have had `overlap` days since the last stage began. */
export function isOverlapOver({ since }: AuthorityPlan, overlap: number, now: number): boolean {
    return isOver(since, overlap, now);
}
