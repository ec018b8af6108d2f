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
import { changedInputs, storedInputs } from "../lifecycle/resource-kind";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import {
    type RegistryCertificateInputs as Inputs,
    type RegistryCertificateOutputs as Outputs,
    registryCertificateKind as kind,
} from "./kind";

const DAY_MS = 24 * 3600 * 1000;
/** What only a certificate of this CA has: another CA under the same name issues another certificate. */
const CONTENT = ["hosts", "issuerCertificate"];

/** A certificate for the registry, made again for other hosts or another CA, and after two thirds of its life. */
export const registryCertificateProvider: RegistryProvider<Inputs, Outputs> = {
    ...kind,

    normalizeInputs: (olds, news, { process }) => {
        const now = process.clock.now();
        const { generation, notBefore, notAfter } = olds;
        const isKept = generation !== undefined && renewalReason(olds, news, now) === undefined;
        if (isKept) return { ...news, generation, ...(notBefore && notAfter ? { notBefore, notAfter } : {}) };
        const ends = Date.parse(news.issuerEnds);
        const life = newLifetime(now, news.lifetime, Number.isNaN(ends) ? undefined : ends);
        // Another CA is what somebody wanted who knows which clock is right.
        const isSameIssuer =
            !hasUnknown(news.issuerCertificate) && changedInputs(olds, news, ["issuerCertificate"]).length === 0;
        if (isSameIssuer) requireLastingLife(olds, life, news.lifetime, now);
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

async function issue(inputs: Inputs): Promise<Outputs> {
    const { hosts, issuerCertificate, issuerKey, notBefore = "", notAfter = "" } = inputs;
    const issuer = { certificate: issuerCertificate, key: issuerKey };
    const { certificate, key } = await createServerCertificate({ hosts, issuer, notBefore, notAfter });
    return { ...inputs, chain: certificate, key };
}

/** Why there is to be another certificate than that of state; undefined: the present one stays. */
function renewalReason(olds: Partial<Inputs>, news: Inputs, now: number): string | undefined {
    // What is not known yet may stay as it is; the CA's own row says what it does.
    const known = CONTENT.filter((name) => !hasUnknown(Reflect.get(news, name)));
    const [changed] = changedInputs(olds, news, known);
    if (changed === "hosts") return `it is for ${news.hosts.join(", ")} now`;
    if (changed !== undefined) return "another CA issues";
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
    const { hosts, generation = 1, notAfter = "", notBefore = "" } = news;
    if (hasUnknown(hosts)) return [];
    const name = `certificate ${generation} for ${hosts.join(", ")}`;
    const until = `valid until ${dayOf(notAfter)}`;
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
