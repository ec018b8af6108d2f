import { isDeepStrictEqual } from "node:util";
import { createServerCertificate } from "../../lib/certificates/issue";
import {
    type Lifetime,
    dayOf,
    endsSoon,
    isOfFuture,
    madeAt,
    newLifetime,
    renewalTime,
} from "../../lib/certificates/renewal";
import { PassthroughError } from "../../lib/errors/errors";
import { storedInputs } from "../lifecycle/resource-kind";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import {
    type RegistryCertificateInputs as Inputs,
    type RegistryCertificateOutputs as Outputs,
    registryCertificateKind as kind,
} from "./kind";

const DAY_MS = 24 * 3600 * 1000;

/** A certificate for the registry, made again for other hosts or another CA, and after two thirds of its life. */
export const registryCertificateProvider: RegistryProvider<Inputs, Outputs> = {
    ...kind,

    normalizeInputs: (olds, given, { process }) => {
        const formerHosts = hasUnknown(given.hosts) ? olds.formerHosts : keptHosts(olds, given);
        const news = { ...given, ...(formerHosts === undefined ? {} : { formerHosts }) };
        const now = process.clock.now();
        const { generation, notBefore, notAfter } = olds;
        const isKept = generation !== undefined && renewalReason(olds, news, now) === undefined;
        if (isKept) return { ...news, generation, ...(notBefore && notAfter ? { notBefore, notAfter } : {}) };
        const ends = Date.parse(news.issuerEnds);
        const life = newLifetime(now, news.lifetime, Number.isNaN(ends) ? undefined : ends);
        // Another CA is what somebody wanted who knows which clock is right.
        if (!hasUnknown(news.issuerCertificate) && !hasOtherIssuer(olds, news))
            requireLastingLife(olds, life, news.lifetime, now);
        return { ...news, generation: (generation ?? 0) + 1, ...life };
    },

    describesUnknown: true,

    describeChanges: async (olds, news, { log, process }) => {
        for (const { severity, text } of certificateLines(olds, news, process.clock.now())) log.line(severity, text);
    },

    compare: (olds, news) => ({ changes: olds.generation !== news.generation }),

    create: async (inputs) => ({ id: inputs.hosts.join(","), outs: await issue(inputs) }),

    update: async (olds, news) => (olds.generation === news.generation ? { ...olds, ...news } : issue(news)),

    read: async (olds, context) => {
        warnOfEnd(olds, context);
        return { outs: olds, inputs: storedInputs<Inputs>(kind, olds) };
    },

    remove: async () => undefined,
};

/** Clusters pull by a former name until they have the rules for another one, and nobody here knows when they do. */
function keptHosts(
    { hosts: before = [], formerHosts = [] }: Partial<Inputs>,
    { hosts, droppedHosts }: Inputs,
): string[] | undefined {
    if (droppedHosts === undefined) return undefined;
    const others = new Set([...hosts, ...droppedHosts.map((host) => host.toLowerCase())]);
    const kept = [...new Set([...before, ...formerHosts])].filter((host) => !others.has(host));
    return kept.length === 0 ? undefined : kept;
}

function hasOtherIssuer(olds: Partial<Inputs>, { issuerCertificate }: Inputs): boolean {
    return !hasUnknown(issuerCertificate) && olds.issuerCertificate !== issuerCertificate;
}

/** All that the certificate is for. */
function namesOf({ hosts = [], formerHosts = [] }: Partial<Inputs>): string[] {
    return [...hosts, ...formerHosts];
}

async function issue(inputs: Inputs): Promise<Outputs> {
    const { issuerCertificate, issuerKey, notBefore = "", notAfter = "" } = inputs;
    const hosts = namesOf(inputs);
    const issuer = { certificate: issuerCertificate, key: issuerKey };
    const { certificate, key } = await createServerCertificate({ hosts, issuer, notBefore, notAfter });
    return { ...inputs, chain: certificate, key };
}

/** Why there is to be another certificate than that of state; undefined: the present one stays. */
function renewalReason(olds: Partial<Inputs>, news: Inputs, now: number): string | undefined {
    // What is not known yet may stay as it is; the CA's own row says what it does.
    if (!hasUnknown(news.hosts) && !isDeepStrictEqual(namesOf(olds), namesOf(news)))
        return `it is for ${namesOf(news).join(", ")} now`;
    // Another CA under the same name issues another certificate.
    if (hasOtherIssuer(olds, news)) return "another CA issues";
    const { notBefore, notAfter } = olds;
    if (notBefore === undefined || notAfter === undefined) return "it is not known how long it is valid";
    // Where the CA is not valid yet either, its own check says so.
    if (isOfFuture({ notBefore }, now))
        return `it is not valid before ${notBefore}: the clock of the machine that made it was ahead, or that of this one is behind`;
    if (renewalTime({ notBefore, notAfter }, news.lifetime) > now) return undefined;
    return `two thirds of its life are over (it expires on ${dayOf(notAfter)})`;
}

/**
 * Where a certificate of the future is replaced, that the new one does whichever of both clocks is right: by that of the machine
 * which made the present one, it must not be over.
 * @throws PassthroughError `CONFIG_INVALID`
 */
function requireLastingLife({ notBefore }: Partial<Inputs>, life: Lifetime, days: number, now: number): void {
    if (notBefore === undefined || !isOfFuture({ notBefore }, now)) return;
    const otherNow = madeAt({ notBefore });
    if (otherNow < renewalTime(life, days)) return;
    const enough = Math.ceil(((otherNow - now) * 3) / 2 / DAY_MS) + 1;
    throw new PassthroughError(
        `the certificate is not valid before ${notBefore}: the clock of the machine that made it was ahead, or that of this one is ` +
            "behind, and what this one would make is too old by the other",
        {
            code: "CONFIG_INVALID",
            thing: "site.registry.certificate.siteCa",
            fix: `set the clock of this machine right (date -u); if it is, write lifetime: ${enough}d or more until the next up is done`,
        },
    );
}

const WHERE = "it is in the outputs registryCertificate and registryCertificateKey";

interface Line {
    readonly severity: "info" | "warning";
    readonly text: string;
}

/** For a preview: what is made and why, or when it will be. */
function certificateLines(olds: Partial<Inputs>, news: Inputs, now: number): Line[] {
    const { generation = 1, notAfter = "" } = news;
    if (hasUnknown(news.hosts)) return [];
    const name = `certificate ${generation} for ${namesOf(news).join(", ")}`;
    const until = `valid until ${dayOf(notAfter)}`;
    return [...stepLines(olds, news, { name, until }, now), ...formerLines(news)];
}

/** Names that stay until somebody says that no cluster pulls by them. */
function formerLines({ formerHosts = [] }: Inputs): Line[] {
    if (formerHosts.length === 0) return [];
    const text =
        `the certificate keeps ${formerHosts.join(", ")}, by which clusters may still pull; once no node has rules for a name, ` +
        "write it to site.registry.certificate.siteCa.dropNames";
    return [{ severity: "info", text }];
}

function stepLines(
    olds: Partial<Inputs>,
    news: Inputs,
    { name, until }: { readonly name: string; readonly until: string },
    now: number,
): Line[] {
    const { generation, notAfter = "", notBefore = "" } = news;
    if (olds.generation === undefined) return [{ severity: "info", text: `${name} is made, ${until}; ${WHERE}` }];
    if (olds.generation !== generation) {
        const reason = renewalReason(olds, news, now) ?? "it is replaced";
        return [
            {
                severity: "info",
                text: `${name} replaces certificate ${olds.generation}: ${reason}; ${until}; ${WHERE}`,
            },
        ];
    }
    const due = renewalTime({ notBefore, notAfter }, news.lifetime);
    if (!endsSoon(due, now)) return [];
    return [{ severity: "info", text: `${name}: the first \`up\` after ${dayOf(due)} replaces it (${until})` }];
}

/** For a refresh, which replaces nothing: an end that is near, since no `up` has met it. */
function warnOfEnd({ hosts, notBefore, notAfter, lifetime }: Outputs, { log, process }: RegistryContext): void {
    if (notBefore === undefined || notAfter === undefined) return;
    const now = process.clock.now();
    if (renewalTime({ notBefore, notAfter }, lifetime) > now || !endsSoon(Date.parse(notAfter), now)) return;
    const text = `the certificate for ${hosts.join(", ")} expires on ${dayOf(notAfter)}; \`npm run up\` replaces it`;
    log.line("warning", text);
}
