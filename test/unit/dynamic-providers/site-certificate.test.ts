import { X509Certificate } from "node:crypto";
import type {
    RegistryCertificateInputs,
    RegistryCertificateOutputs,
} from "../../../dynamic-providers/registry-certificate/kind";
import { registryCertificateProvider } from "../../../dynamic-providers/registry-certificate/provider";
import type { CommonInputs } from "../../../dynamic-providers/lifecycle/resource-kind";
import {
    type RegistryContext,
    type RegistryProvider,
    RegistryProcess as ProviderProcess,
} from "../../../dynamic-providers/registry/registry-process";
import type {
    SiteCertificateAuthorityInputs,
    SiteCertificateAuthorityOutputs,
} from "../../../dynamic-providers/site-certificate-authority/kind";
import { siteCertificateAuthorityProvider } from "../../../dynamic-providers/site-certificate-authority/provider";
import { certificateBlocks } from "../../../lib/http/certificates";
import { operationContext } from "../../support/operation-context";
import { RegistryProcess } from "../../support/registry-process";

const DAY = 24 * 3600 * 1000;
/** When the stack is made: some days ago, so that what is issued days later is valid for a real registry. */
const START = Date.parse(new Date().toISOString().slice(0, 10)) - 10 * DAY;

const WHERE = "it is in the outputs registryCertificate and registryCertificateKey";

let now: number;
let lines: string[];

beforeEach(() => {
    [now, lines] = [START, []];
});

const clock = { now: () => now, sleep: () => Promise.reject(new Error("nothing sleeps here")) };

function context(): RegistryContext {
    return { ...operationContext(lines), process: new ProviderProcess({ followsConfiguration: false, clock }) };
}

/** A resource as the engine has it: a check, a comparison with state, and an operation if something differs. */
class Stacked<Inputs extends CommonInputs, Outputs extends Inputs> {
    outs: Outputs | undefined;
    private inputs: Partial<Inputs> = {};

    constructor(private readonly provider: RegistryProvider<Inputs, Outputs>) {}

    /** @returns true if it changed */
    async up(news: Inputs): Promise<boolean> {
        const { provider, outs } = this;
        lines = [];
        const normalized = provider.normalizeInputs?.(this.inputs, news, context()) ?? news;
        const inputs = (await provider.findInputs?.(this.inputs, normalized, context())) ?? normalized;
        await provider.describeChanges?.(this.inputs, inputs, context());
        this.inputs = inputs;
        if (outs === undefined) this.outs = (await provider.create(inputs, context())).outs;
        else if (!provider.compare(outs, inputs).changes) return false;
        else this.outs = await provider.update(outs, inputs, context());
        return true;
    }

    async refresh(): Promise<void> {
        lines = [];
        const { outs, inputs } = await this.provider.read(this.state, context());
        [this.outs, this.inputs] = [outs, inputs];
    }

    get state(): Outputs {
        if (this.outs === undefined) throw new Error("it was not created");
        return this.outs;
    }
}

const authorityResource = () =>
    new Stacked<SiteCertificateAuthorityInputs, SiteCertificateAuthorityOutputs>(siteCertificateAuthorityProvider);
const certificateResource = () =>
    new Stacked<RegistryCertificateInputs, RegistryCertificateOutputs>(registryCertificateProvider);

const CA = { selfUrn: "urn", owner: "registry-passthrough/site-a", caLifetime: 900, overlap: 0 };
const leafInputs = (
    ca: SiteCertificateAuthorityOutputs,
    changes: Partial<RegistryCertificateInputs> = {},
): RegistryCertificateInputs => ({
    ...{ selfUrn: "urn", hosts: ["localhost"], lifetime: 90 },
    ...{ issuerCertificate: ca.issuerCertificate, issuerKey: ca.issuerKey, issuerEnds: ca.issuerEnds },
    ...changes,
});
/** The date so many days after the start. */
const day = (count: number) => new Date(START + count * DAY).toISOString().slice(0, 10);
const days = (count: number) => {
    now = START + count * DAY;
};
const isIssuedBy = (leaf: string, ca: string) => {
    const [certificate, issuer] = [new X509Certificate(leaf), new X509Certificate(ca)];
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
};

test("a certificate stays until two thirds of its life are over, and is announced 30 days before", async () => {
    const [ca, leaf] = [authorityResource(), certificateResource()];
    await ca.up(CA);
    expect(lines).toEqual([expect.stringContaining(`CA 1 of the site (valid until ${day(900)}) is made`)]);
    await leaf.up(leafInputs(ca.state));
    expect(lines).toEqual([`certificate 1 for localhost is made, valid until ${day(90)}; ${WHERE}`]);
    expect(isIssuedBy(leaf.state.chain, ca.state.trusted)).toBe(true);
    const first = leaf.state;
    days(29);
    expect(await leaf.up(leafInputs(ca.state))).toBe(false);
    expect(lines).toEqual([]);
    days(31);
    expect(await leaf.up(leafInputs(ca.state))).toBe(false);
    expect(lines).toEqual([expect.stringContaining(`the first \`up\` after ${day(60)} replaces it`)]);
    days(60.1);
    expect(await leaf.up(leafInputs(ca.state))).toBe(true);
    expect(lines).toEqual([
        `certificate 2 for localhost replaces certificate 1: two thirds of its life are over (it expires on ${day(90)}); valid until ${day(150.1)}; ${WHERE}`,
    ]);
    expect(leaf.state.key).not.toBe(first.key);
    expect(isIssuedBy(leaf.state.chain, ca.state.trusted)).toBe(true);
    expect(await leaf.up(leafInputs(ca.state))).toBe(false);
});

test("other hosts, and a shorter life that is over, need another certificate; a refresh warns of an end that no run met", async () => {
    const [ca, leaf] = [authorityResource(), certificateResource()];
    await ca.up(CA);
    await leaf.up(leafInputs(ca.state));
    await leaf.up(leafInputs(ca.state, { hosts: ["localhost", "push.example"] }));
    expect(lines).toEqual([
        expect.stringContaining("certificate 2 for localhost, push.example replaces certificate 1"),
    ]);
    expect(new X509Certificate(leaf.state.chain).subjectAltName).toBe("DNS:localhost, DNS:push.example");
    days(40);
    const other = { hosts: ["localhost", "push.example"] };
    expect(await leaf.up(leafInputs(ca.state, { ...other, lifetime: 30 }))).toBe(true);
    days(61);
    await leaf.refresh();
    expect(lines).toEqual([
        `the certificate for localhost, push.example expires on ${day(70)}; \`npm run up\` replaces it`,
    ]);
});

test("where clusters may pull by former names, the certificate keeps them until they are dropped", async () => {
    const [ca, leaf] = [authorityResource(), certificateResource()];
    await ca.up(CA);
    const up = (hosts: string[], ...droppedHosts: string[]) => leaf.up(leafInputs(ca.state, { hosts, droppedHosts }));
    const names = () => new X509Certificate(leaf.state.chain).subjectAltName?.replaceAll("DNS:", "");
    await leaf.up(leafInputs(ca.state, { hosts: ["a.example", "push.example"] }));
    // A state of earlier versions is no reason for another one.
    expect(await up(["a.example", "push.example"])).toBe(false);
    expect(lines).toEqual([]);
    await up(["b.example", "push.example"]);
    expect(names()).toBe("b.example, push.example, a.example");
    expect(lines[1]).toMatch(
        /^the certificate keeps a\.example, by which clusters may still pull; .*siteCa\.dropNames$/,
    );
    await up(["c.example", "push.example"]);
    expect(names()).toBe("c.example, push.example, b.example, a.example");
    await leaf.refresh();
    expect(await up(["c.example", "push.example"])).toBe(false);
    expect(await up(["c.example", "push.example"], "A.example", "c.example")).toBe(true);
    expect(names()).toBe("c.example, push.example, b.example");
    expect(await up(["c.example", "push.example"])).toBe(false);
    // Somebody else's registry has the names that are configured.
    await leaf.up(leafInputs(ca.state, { hosts: ["c.example"] }));
    expect(names()).toBe("c.example");
});

test("a certificate that was made while a clock was ahead is made again, unless the new one would be over by that clock", async () => {
    const [ca, leaf] = [authorityResource(), certificateResource()];
    await ca.up(CA);
    await leaf.up(leafInputs(ca.state));
    days(61);
    await leaf.up(leafInputs(ca.state));
    days(2);
    expect(await leaf.up(leafInputs(ca.state))).toBe(true);
    expect(lines).toEqual([expect.stringMatching(/replaces certificate 2: it is not valid before .* was ahead/)]);
    expect(Date.parse(leaf.state.notBefore ?? "")).toBeLessThan(now);
    expect(await leaf.up(leafInputs(ca.state))).toBe(false);
    const made = leaf.state.chain;
    // Another 90 days from here are too few by the clock that made it.
    days(-60);
    for (const changes of [{}, { hosts: ["localhost", "push.example"] }]) {
        await expect(leaf.up(leafInputs(ca.state, changes))).rejects.toMatchObject({
            code: "CONFIG_INVALID",
            fix: expect.stringContaining("write lifetime: 94d or more") as string,
        });
    }
    expect(leaf.state.chain).toBe(made);
    expect(await leaf.up(leafInputs(ca.state, { lifetime: 94 }))).toBe(true);
});

test("with a CA of the future nothing is done, until another text in roll has another one issue at once", async () => {
    const [ca, leaf] = [authorityResource(), certificateResource()];
    await ca.up(CA);
    await leaf.up(leafInputs(ca.state));
    const first = ca.state.issuerCertificate;
    days(-1);
    await expect(ca.up(CA)).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringMatching(
            /CA 1 of the site is not valid before .* was ahead, or that of this one is behind/,
        ) as string,
    });
    expect(ca.state.issuerCertificate).toBe(first);
    days(-100);
    expect(await ca.up({ ...CA, roll: "clock" })).toBe(true);
    expect(lines).toEqual([expect.stringContaining("CA 2 issues from now on")]);
    expect(certificateBlocks(ca.state.trusted)).toHaveLength(2);
    expect(await leaf.up(leafInputs(ca.state))).toBe(true);
    expect(isIssuedBy(leaf.state.chain, ca.state.issuerCertificate)).toBe(true);
    expect(Date.parse(leaf.state.notBefore ?? "")).toBeLessThan(now);
});

test("a certificate never outlives its CA", async () => {
    const [ca, leaf] = [authorityResource(), certificateResource()];
    await ca.up({ ...CA, caLifetime: 30 });
    await leaf.up(leafInputs(ca.state));
    expect(leaf.state.notAfter).toBe(ca.state.issuerEnds);
});

test("a CA is replaced in steps: trusted first, then issuing, and the former one goes last", async () => {
    const [ca, leaf] = [authorityResource(), certificateResource()];
    await ca.up(CA);
    await leaf.up(leafInputs(ca.state));
    const registry = await RegistryProcess.start({ tls: { certificate: leaf.state.chain, key: leaf.state.key } });
    try {
        const inputs = (changes: Partial<SiteCertificateAuthorityInputs> = {}) => ({
            ...{ ...CA, roll: "2027" },
            registry: { type: "distribution" as const, mirrorBase: `${registry.host}/mirror`, retrySeconds: 0 },
            ...changes,
        });
        const first = ca.state.issuerCertificate;
        // Trusted beside the first one, which goes on issuing.
        expect(await ca.up(inputs())).toBe(true);
        expect(lines).toEqual([expect.stringContaining("site.registry.certificate.siteCa.roll was changed")]);
        expect(certificateBlocks(ca.state.trusted)).toHaveLength(2);
        expect(ca.state.issuerCertificate).toBe(first);
        expect(await leaf.up(leafInputs(ca.state))).toBe(false);
        // What is done by hand has its time.
        days(3);
        expect(await ca.up(inputs({ overlap: 7 }))).toBe(false);
        expect(lines).toEqual([expect.stringContaining(`has time until ${day(7)}`)]);
        // Then the next one issues.
        expect(await ca.up(inputs())).toBe(true);
        expect(ca.state.issuerCertificate).not.toBe(first);
        expect(certificateBlocks(ca.state.trusted)).toHaveLength(2);
        expect(await leaf.up(leafInputs(ca.state))).toBe(true);
        expect(lines).toEqual([
            expect.stringContaining("certificate 2 for localhost replaces certificate 1: another CA issues"),
        ]);
        expect(isIssuedBy(leaf.state.chain, ca.state.issuerCertificate)).toBe(true);
        // The registry still shows a certificate of the first one.
        await ca.refresh();
        expect(await ca.up(inputs())).toBe(false);
        expect(lines).toEqual([
            expect.stringContaining(`${registry.host} shows a certificate that is not trusted without it`),
        ]);
        await registry.serveWith({ certificate: leaf.state.chain, key: leaf.state.key });
        await ca.up(inputs());
        expect(lines).toEqual(["CA 1 is trusted no more; CA 2 has taken its place"]);
        expect(ca.state.trusted).toBe(ca.state.issuerCertificate);
        expect(Object.keys(ca.state.keys)).toEqual(["2"]);
        // The text is used up.
        expect(await ca.up(inputs())).toBe(false);
        const { roll: _, ...without } = inputs();
        expect(await ca.up(without)).toBe(false);
    } finally {
        await registry.stop();
    }
});

test("a registry that cannot be asked is no reason to give up the former CA; an old CA is replaced by its age", async () => {
    const ca = authorityResource();
    const registry = { type: "distribution" as const, mirrorBase: "127.0.0.1:1/mirror", retrySeconds: 0 };
    await ca.up({ ...CA, registry });
    days(601);
    expect(await ca.up({ ...CA, registry })).toBe(true);
    expect(lines).toEqual([expect.stringContaining(`two thirds of its life are over (it expires on ${day(900)})`)]);
    await ca.up({ ...CA, registry });
    // Without a refresh there is nothing to ask with.
    expect(await ca.up({ ...CA, registry })).toBe(false);
    expect(lines).toEqual([expect.stringContaining("the registry is asked by `npm run up`")]);
    await ca.refresh();
    expect(await ca.up({ ...CA, registry })).toBe(false);
    expect(lines).toEqual([expect.stringContaining("127.0.0.1:1 could not be asked for its certificate")]);
    expect(certificateBlocks(ca.state.trusted)).toHaveLength(2);
});

test("state and inputs of the CA hold neither kubeconfigs nor accounts", async () => {
    const ca = authorityResource();
    const registry = { type: "distribution" as const, mirrorBase: "registry.example/mirror", retrySeconds: 0 };
    const connectionSecrets = { proxy: { username: "mirror", password: "canary-proxy" } };
    const clusters = [{ cluster: "", kubeconfig: "canary-kubeconfig" }];
    await ca.up({ ...CA, registry, connectionSecrets, clusters });
    expect(JSON.stringify(ca.state)).not.toContain("canary");
});
