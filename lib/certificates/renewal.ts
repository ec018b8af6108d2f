const DAY_MS = 24 * 3600 * 1000;
/** A certificate is replaced after this part of its life: the rest is for those who are late. */
const SPENT = 2 / 3;
/** Clocks of nodes may be behind that of the machine that issues. */
const BACKDATED_MS = 3600 * 1000;
/** How many days ahead an end is worth a word. */
const NOTICE_DAYS = 30;

/** From when until when a certificate is valid, as it is planned; RFC 3339 without milliseconds, as in certificates. */
export interface Lifetime {
    readonly notBefore: string;
    readonly notAfter: string;
}

/** The life of a certificate that is issued now, which ends no later than that of its issuer. */
export function newLifetime(now: number, days: number, issuerEnds = Infinity): Lifetime {
    const ends = Math.min(now + days * DAY_MS, issuerEnds);
    return { notBefore: rfc3339(now - BACKDATED_MS), notAfter: rfc3339(ends) };
}

/**
 * When a certificate is to be replaced: after two thirds of its life, or of the life that it would get today, if that is
 * shorter. Milliseconds since the epoch.
 */
export function renewalTime({ notBefore, notAfter }: Lifetime, days: number): number {
    const from = madeAt({ notBefore });
    const life = Math.min(Date.parse(notAfter) - from, days * DAY_MS);
    return from + life * SPENT;
}

/** The time at which the clock of the machine stood that made a certificate. Milliseconds since the epoch. */
export function madeAt({ notBefore }: Pick<Lifetime, "notBefore">): number {
    return Date.parse(notBefore) + BACKDATED_MS;
}

/** True if a certificate is not valid yet: one of two clocks, of the machine that made it or of this one, is wrong. */
export function isOfFuture({ notBefore }: Pick<Lifetime, "notBefore">, now: number): boolean {
    return Date.parse(notBefore) > now;
}

/** True if something ends within 30 days from now, or has ended. */
export function endsSoon(time: number, now: number): boolean {
    return time - now <= NOTICE_DAYS * DAY_MS;
}

/** "2030-01-31" */
export function dayOf(time: number | string): string {
    return new Date(time).toISOString().slice(0, 10);
}

/** True if so many days are over. */
export function isOver(since: string, days: number, now: number): boolean {
    return now - Date.parse(since) >= days * DAY_MS;
}

/** As text without milliseconds, which certificates do not have. */
export function rfc3339(time: number): string {
    return new Date(Math.floor(time / 1000) * 1000).toISOString();
}
