import * as pulumi from "@pulumi/pulumi";
import { declareRegistryCertificate, trustedCas } from "../../../components/registry-certificate";
import type { SiteWithRegistry } from "../../../components/site-accounts";
import { testAuthority } from "../../support/certificates";

const created: pulumi.runtime.MockResourceArgs[] = [];
const warnings = jest.spyOn(pulumi.log, "warn").mockImplementation(() => Promise.resolve());
const MADE = "-----BEGIN CERTIFICATE-----\nMADE\n-----END CERTIFICATE-----";
const GIVEN = "-----BEGIN CERTIFICATE-----\nGIVEN\n-----END CERTIFICATE-----";
const SITE_CA = { caLifetime: 3650, lifetime: 365, overlap: 7 };

class Parent extends pulumi.ComponentResource {
    constructor() {
        super("test:index:Parent", "parent");
    }
}

/** The outputs of a site's certificate, with what was declared for it. */
async function declare(args: Partial<SiteWithRegistry>, options = {}) {
    created.length = 0;
    warnings.mockClear();
    const outputs = { trusted: `${MADE}\n`, chain: "CHAIN", key: "canary-key", issuerKey: "canary-issuer" };
    await pulumi.runtime.setMocks(
        {
            newResource: (resource) => {
                created.push(resource);
                return { id: resource.name, state: { ...(resource.inputs as object), ...outputs } };
            },
            call: () => ({}),
        },
        "registry-passthrough",
        "test",
    );
    const registry = { type: "distribution", mirrorBase: "192.0.2.7:8443/mirror", retrySeconds: 0 } as const;
    const site = { registry, content: [], ...args };
    const certificate = declareRegistryCertificate("site", site, new Parent(), options);
    const resolve = <T>(output: pulumi.Output<T>) => new Promise<T>((done) => void output.apply(done));
    const found = certificate && {
        ca: await resolve(certificate.ca),
        trusted: await resolve(trustedCas(certificate)),
        chain: await resolve(certificate.chain),
        isKeySecret: await pulumi.isSecret(certificate.key),
    };
    await pulumi.runtime.disconnect();
    return { found, resources: created.filter(({ custom }) => custom === true) };
}

const inputsOf = (resource: pulumi.runtime.MockResourceArgs | undefined) =>
    resource?.inputs as Readonly<Record<string, unknown>>;

test("without certificate nothing is declared", async () => {
    expect(await declare({})).toEqual({ found: undefined, resources: [] });
});

test("an ACME server issues for the address of the mirror and other hosts, with an account that is bound to the external one", async () => {
    const acme = {
        directory: "https://ca.example/dir",
        challenge: "dns-01",
        command: ["/x"],
        keyId: "site-a",
    } as const;
    const registry = { type: "distribution", mirrorBase: "r.example/mirror", ca: GIVEN, retrySeconds: 0 } as const;
    const certificate = { acme };
    const args = { registry, certificate, acmeMacKey: "canary-mac" };
    const { found, resources } = await declare(args, { hosts: ["push.example"] });
    expect(found).toMatchObject({ ca: GIVEN, trusted: GIVEN, chain: "CHAIN", isKeySecret: true });
    const [account, issued] = ["AcmeAccount", "AcmeCertificate"].map((kind) =>
        resources.find(({ type }) => type.endsWith(`:${kind}`)),
    );
    const [ofAccount, ofIssued] = [account, issued].map(inputsOf);
    expect(Object.keys(ofAccount ?? {})).not.toContain("email");
    expect(JSON.stringify(ofAccount?.["external"])).toContain("4dabf18193072939515e22adb298388d");
    expect(ofIssued).toMatchObject({
        hosts: ["r.example", "push.example"],
        trusted: GIVEN,
        challenge: "dns-01",
        command: ["/x"],
    });
    await expect(declare({ registry, certificate })).rejects.toThrow(/keyId needs acmeMacKey/);
});

test("a CA of the site is trusted beside the configured one, and issues for the address of the mirror and other hosts", async () => {
    const registry = {
        type: "distribution",
        mirrorBase: "192.0.2.7:8443/mirror",
        ca: GIVEN,
        retrySeconds: 0,
    } as const;
    const { found, resources } = await declare(
        { registry, certificate: { siteCa: SITE_CA } },
        { hosts: ["push.example"] },
    );
    expect(found).toEqual({
        ca: `${GIVEN}\n${MADE}\n`,
        trusted: `${GIVEN}\n${MADE}\n`,
        chain: "CHAIN",
        isKeySecret: true,
    });
    expect(resources.map(({ name }) => name)).toEqual(["certificate-authority", "certificate"]);
    const [authority, certificate] = resources.map(inputsOf);
    expect(authority).toMatchObject({ owner: "registry-passthrough/test", caLifetime: 3650, overlap: 7 });
    expect(certificate).toMatchObject({ hosts: ["192.0.2.7", "push.example"], lifetime: 365 });
    expect(certificate).not.toHaveProperty("droppedHosts");
    const run = await declare(
        { registry, certificate: { siteCa: { ...SITE_CA, dropNames: ["old.example"] } } },
        { keepsHosts: true },
    );
    expect(inputsOf(run.resources[1])).toMatchObject({ droppedHosts: ["old.example"] });
});

test("where nobody gets anything by hand, no step of a roll takes its overlap", async () => {
    const cluster = { name: "", contactSource: "allow", adopt: false, allowRemoval: false, apply: {} } as const;
    const overlaps = async (args: Partial<SiteWithRegistry>, isDeployed: boolean) => {
        const { resources } = await declare({ ...args, certificate: { siteCa: SITE_CA } }, { isDeployed });
        return inputsOf(resources[0])["overlap"];
    };
    expect(await overlaps({ clusters: [cluster] }, true)).toBe(0);
    expect(await overlaps({ clusters: [cluster] }, false)).toBe(7);
    const { apply: _, ...byHand } = cluster;
    expect(await overlaps({ clusters: [byHand] }, true)).toBe(7);
    expect(await overlaps({ clusters: [{ ...cluster, targets: ["podman"] }] }, true)).toBe(7);
});

test("a chain that is brought along is shown, also beside a CA of the site; its end is announced 30 days before", async () => {
    const authority = await testAuthority();
    const { certificate: chain, key: certificateKey } = await authority.issue({ daysLeft: 20 });
    const brought = await declare({ certificate: { chain }, certificateKey });
    expect(brought).toMatchObject({ resources: [], found: { chain, ca: "", trusted: undefined, isKeySecret: true } });
    expect(warnings.mock.calls.map(([text]) => text)).toEqual([
        expect.stringMatching(/^site\.registry\.certificate\.chainFile: CN=localhost expires on \d{4}-\d\d-\d\d/),
    ]);
    const both = await declare({ certificate: { chain, siteCa: SITE_CA }, certificateKey });
    expect(both.found).toMatchObject({ chain, ca: `${MADE}\n` });
    expect(both.resources.map(({ name }) => name)).toEqual(["certificate-authority"]);
    const { certificate } = await authority.issue({ daysLeft: 40 });
    await declare({ certificate: { chain: certificate }, certificateKey });
    expect(warnings.mock.calls).toEqual([]);
    await expect(declare({ certificate: { chain } })).rejects.toThrow("certificate.chain needs certificateKey");
});
