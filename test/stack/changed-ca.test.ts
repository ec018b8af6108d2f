import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { testAuthority } from "../support/certificates";
import { TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import { FIXTURES, type TestSite } from "../support/site";

jest.setTimeout(900_000);

const VERSION = "4.16.20";
const MAP = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "registry-cas", namespace: "openshift-config" } };
const PATCH_MAP = "patch /api/v1/namespaces/openshift-config/configmaps/registry-cas";

let cluster: TestCluster | undefined;
let site: TestSite | undefined;

beforeEach(() => {
    [cluster, site] = [undefined, undefined];
});
afterEach(() => stopSite(cluster, site));

function describe(pem: string): string {
    const { subject, validTo, fingerprint256 } = new X509Certificate(pem);
    return `${subject}, expires on ${new Date(validTo).toISOString().slice(0, 10)}, SHA-256 ${fingerprint256}`;
}

test("another CA is trusted beside the former one, then in its place; one that is still needed cannot be taken out", async () => {
    const [own, nodes, renewed] = await Promise.all([
        createClusterSite(join(FIXTURES, "with-mapping")).then((created) => (site = created)),
        TestCluster.start("4.16", VERSION).then((started) => (cluster = started)),
        testAuthority("Renewed CA"),
    ]);
    const { stack, registry, authority: former } = own;
    const kubeconfigFile = writeKubeconfig(own, await nodes.limitedKubeconfig());
    // The release is not in the archive.
    const coverage = { accept: ["quay.io/openshift-release-dev/**"] };
    stack.configure(
        own.document({ cluster: { version: VERSION, contactSource: "allow", coverage, apply: { kubeconfigFile } } }),
    );
    const setCa = (text: string) => writeFileSync(join(own.folder, "ca.crt"), text);
    let seen = 0;
    /** What was written to the cluster since the last call. */
    const written = () => {
        const writes = nodes.written().slice(seen);
        seen += writes.length;
        return writes;
    };
    const trusted = async () => (await nodes.server.admin.get(MAP))?.data;
    const key = registry.host.replace(":", "..");
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    written();
    registry.forget();

    setCa(`# Until 2027\n${former.ca}\n# From then on\n${renewed.ca}\n`);
    const adding = await stack.preview();
    expect(adding).toMatchObject({ code: 0 });
    expect(adding.text).toContain(`CA ${key}: replaced in ConfigMap openshift-config/registry-cas`);
    // For the site, and for the cluster.
    expect(adding.text.split(`+ ${describe(renewed.ca)}`).length).toBeGreaterThanOrEqual(3);
    expect(adding.text).not.toContain(describe(former.ca));
    expect(adding.text).not.toMatch(/to (create|replace|delete)\n/);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(written()).toEqual([PATCH_MAP]);
    const both = `${former.ca}\n${renewed.ca}\n`;
    expect(await trusted()).toEqual({ [key]: both });
    expect((await stack.outputs()).registryCa).toBe(both);

    setCa(renewed.ca);
    for (const early of [await stack.up("--skip-preview"), await stack.upOnly("--skip-preview")]) {
        expect(early.code).not.toBe(0);
        expect(early.text).toContain(
            "the registry's certificate still needs a CA that is not in site.registry.ca any more",
        );
        expect(early.text).toContain(`put it back (${describe(former.ca)})`);
    }
    expect(written()).toEqual([]);
    expect(await trusted()).toEqual({ [key]: both });

    setCa(both);
    await registry.serveWith(await renewed.issue());
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });

    setCa(renewed.ca);
    const removing = await stack.preview();
    expect(removing.text).toContain(`- ${describe(former.ca)}`);
    expect(removing.text).not.toContain(describe(renewed.ca));
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(written()).toEqual([PATCH_MAP]);
    expect(await trusted()).toEqual({ [key]: `${renewed.ca}\n` });
    expect(registry.writes()).toEqual([]);
});
