import * as pulumi from "@pulumi/pulumi";
import { followsPreview } from "../dynamic-providers/lifecycle/preceding-preview";
import { AcmeAccount } from "../dynamic-providers/acme-account/resource";
import { AcmeCertificate } from "../dynamic-providers/acme-certificate/resource";
import { RegistryCertificate as IssuedCertificate } from "../dynamic-providers/registry-certificate/resource";
import { SiteCertificateAuthority } from "../dynamic-providers/site-certificate-authority/resource";
import { certificateBlocks } from "../lib/http/certificates";
import { hostName } from "../lib/http/hostname";
import { parseMirrorBase } from "../lib/mirror/mirror-reference";
import { type SiteAcme, type SiteCa, type SiteCluster, chainNotes } from "../lib/site";
import { childName } from "./child-name";
import { applyKnown } from "./known";
import { connectionArgs, type SiteWithRegistry } from "./site-accounts";
import { STOCK_SITE } from "./site-outputs";

/** The certificate that a registry is to show, and what trusts it. */
export interface RegistryCertificate {
    /** PEM: the certificate of the registry first, then the CAs between it and its root. */
    readonly chain: pulumi.Output<string>;
    /** Secret: its private key, PEM (PKCS #8 where the program has made it). */
    readonly key: pulumi.Output<string>;
    /** PEM of all CAs that are to be trusted now, those of `site.registry.ca` among them; empty: public ones only. */
    readonly ca: pulumi.Output<string>;
}

export interface RegistryCertificateOptions {
    /** Host names and IP addresses beside that of `mirrorBase` that the registry is reached by. */
    readonly hosts?: pulumi.Input<readonly string[]>;
    /** The program itself gives the registry its certificate; default: somebody installs it by hand. */
    readonly isDeployed?: boolean;
    /** Whether a certificate of the site's CA has the hosts of before as well, by which clusters may pull; default: it has not. */
    readonly keepsHosts?: boolean;
}

/**
 * The certificate of a site's registry: the one that the site brings along, or one of a CA that the program keeps. What
 * deploys the registry takes chain and key; what connects to it, `ca`. Depends on nothing at the registry.
 * @param name of the site, whose child resources these are
 * @returns undefined: the certificate is no part of the site
 * @throws pulumi.RunError if there is a chain and no key of it
 */
export function declareRegistryCertificate(
    name: string,
    args: SiteWithRegistry,
    parent: pulumi.ComponentResource,
    options: RegistryCertificateOptions = {},
): RegistryCertificate | undefined {
    const { certificate, certificateKey, registry } = args;
    if (certificate === undefined) return undefined;
    const { chain, acme, siteCa } = certificate;
    const given = pulumi.output(registry.ca).apply((ca) => ca ?? "");
    const authority = siteCa && declareAuthority(name, args, siteCa, parent, options);
    const ca =
        authority === undefined
            ? given
            : applyKnown(pulumi.all([given, authority.trusted]), ([own, made]) => bundle(own, made));
    if (chain !== undefined) {
        if (certificateKey === undefined)
            throw new pulumi.RunError(`site ${name}: certificate.chain needs certificateKey, its private key`);
        if (!followsPreview()) for (const note of chainNotes(chain, new Date())) void pulumi.log.warn(note, parent);
        return { chain: pulumi.output(chain), key: pulumi.secret(certificateKey), ca };
    }
    const hosts = pulumi
        .all([registry.mirrorBase, options.hosts ?? []])
        .apply(([base, others]) => [...new Set([hostName(parseMirrorBase(base).host), ...others])]);
    if (acme !== undefined) return { ...declareAcmeCertificate(name, args, acme, hosts, parent), ca };
    if (authority === undefined || siteCa === undefined)
        throw new pulumi.RunError(`site ${name}: certificate needs chain, acme or siteCa`);
    const { issuerCertificate, issuerKey, issuerEnds } = authority;
    const issued = new IssuedCertificate(
        childName(name, STOCK_SITE, "certificate"),
        {
            ...{ hosts, lifetime: siteCa.lifetime, issuerCertificate, issuerKey, issuerEnds },
            ...(options.keepsHosts === true ? { droppedHosts: [...(siteCa.dropNames ?? [])] } : {}),
        },
        { parent },
    );
    return { chain: issued.chain, key: pulumi.secret(issued.key), ca };
}

/** A certificate from an ACME server, with an account of its own there. */
function declareAcmeCertificate(
    name: string,
    { registry, acmeMacKey }: SiteWithRegistry,
    { email, keyId, ca, command, ...acme }: SiteAcme,
    hosts: pulumi.Output<string[]>,
    parent: pulumi.ComponentResource,
): Omit<RegistryCertificate, "ca"> {
    if (keyId !== undefined && acmeMacKey === undefined)
        throw new pulumi.RunError(`site ${name}: certificate.acme.keyId needs acmeMacKey, its key`);
    const server = { directory: acme.directory, ...(ca === undefined ? {} : { ca }) };
    const account = new AcmeAccount(
        childName(name, STOCK_SITE, "acme-account"),
        {
            ...server,
            ...(email === undefined ? {} : { email }),
            ...(keyId === undefined || acmeMacKey === undefined
                ? {}
                : { external: pulumi.output(acmeMacKey).apply((macKey) => ({ keyId, macKey })) }),
        },
        { parent },
    );
    const issued = new AcmeCertificate(
        childName(name, STOCK_SITE, "acme-certificate"),
        {
            ...server,
            ...{ account: account.url, accountKey: account.key, hosts, challenge: acme.challenge },
            ...(command === undefined ? {} : { command: [...command] }),
            ...(registry.ca === undefined ? {} : { trusted: registry.ca }),
        },
        { parent },
    );
    return { chain: issued.chain, key: pulumi.secret(issued.key) };
}

/** The CAs of a certificate as connections take them: undefined where only public ones are trusted. */
export function trustedCas({ ca }: RegistryCertificate): pulumi.Output<string | undefined> {
    // Nothing is known of a resource that a refresh with the program does not create.
    return ca.apply((pem) => ((pem as string | undefined) ?? "") || undefined);
}

function declareAuthority(
    name: string,
    args: SiteWithRegistry,
    { caLifetime, roll, overlap }: SiteCa,
    parent: pulumi.ComponentResource,
    { isDeployed = false }: RegistryCertificateOptions,
): SiteCertificateAuthority {
    const { clusters = [], kubeconfigs = {} } = args;
    const isByHand = !isDeployed || clusters.some(getsCaByHand);
    const applied = clusters.flatMap((cluster) => {
        const kubeconfig = new Map(Object.entries(kubeconfigs)).get(cluster.name);
        if (cluster.apply === undefined || kubeconfig === undefined) return [];
        const { context } = cluster.apply;
        return [
            {
                cluster: cluster.name,
                kubeconfig,
                ...(context === undefined ? {} : { context }),
                ...(cluster.version === undefined ? {} : { version: cluster.version }),
            },
        ];
    });
    return new SiteCertificateAuthority(
        childName(name, STOCK_SITE, "certificate-authority"),
        {
            owner: `${pulumi.getProject()}/${pulumi.getStack()}`,
            caLifetime,
            overlap: isByHand ? overlap : 0,
            ...(roll === undefined ? {} : { roll }),
            ...connectionArgs(args),
            ...(applied.length === 0
                ? {}
                : { clusters: pulumi.secret(pulumi.all(applied.map((a) => pulumi.output(a)))) }),
        },
        { parent },
    );
}

/** True for what the program gives no CA: a cluster without `apply`, and the hosts of a target. */
function getsCaByHand({ apply, targets = [] }: SiteCluster): boolean {
    return apply === undefined || targets.length > 0;
}

/** The certificates of several PEM texts, each once. */
function bundle(...texts: readonly string[]): string {
    return [...new Set(texts.flatMap(certificateBlocks))].map((block) => `${block}\n`).join("");
}
