import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { certificateBlocks } from "../../lib/http/certificates";
import { TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import { PullLoop } from "../support/pull-loop";
import { FIXTURES, type TestSite } from "../support/site";

jest.setTimeout(900_000);

const VERSION = "4.16.20";
const MAP = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "registry-cas", namespace: "openshift-config" } };

let cluster: TestCluster | undefined;
let site: TestSite | undefined;

beforeEach(() => {
    [cluster, site] = [undefined, undefined];
});
afterEach(() => stopSite(cluster, site));

test("a CA of the site takes the place of another one, and is replaced, and no pull with the cluster's CAs fails", async () => {
    const [own, nodes] = await Promise.all([
        createClusterSite(join(FIXTURES, "with-mapping")).then((created) => (site = created)),
        TestCluster.start("4.16", VERSION).then((started) => (cluster = started)),
    ]);
    const { stack, registry } = own;
    const kubeconfigFile = writeKubeconfig(own, await nodes.limitedKubeconfig());
    // The release is not in the archive.
    const coverage = { accept: ["quay.io/openshift-release-dev/**"] };
    const apply = { version: VERSION, contactSource: "allow", coverage, apply: { kubeconfigFile } };
    const configure = (siteCa: object, ca: object = {}) =>
        stack.configure(
            own.document({
                registry: { certificate: { siteCa: { overlap: "0d", ...siteCa } }, ...ca },
                cluster: apply,
            }),
        );
    const key = registry.host.replace(":", "..");
    const trusted = async () => certificateBlocks((await nodes.server.admin.get(MAP))?.data?.[key] ?? "");
    const served = async () => {
        const { registryCertificate, registryCertificateKey } = await stack.outputs();
        return { certificate: registryCertificate as string, key: registryCertificateKey as string };
    };
    const isIssuedBy = (leaf: string, ca = "") => new X509Certificate(leaf).verify(new X509Certificate(ca).publicKey);
    const up = async (...args: string[]) =>
        expect(await stack.up("--skip-preview", ...args)).toMatchObject({ code: 0 });

    // Beside the CA of the certificate that the registry has.
    configure({});
    await up();
    const [former, first] = await trusted();
    expect(former).toBe(own.authority.ca.trim());
    const issued = await served();
    expect(isIssuedBy(issued.certificate, first)).toBe(true);
    const pulls = PullLoop.start(registry, trusted);
    await registry.serveWith(issued);
    configure({}, { ca: undefined });
    await up();
    expect(await trusted()).toEqual([first]);
    expect(await stack.passthrough("verify")).toMatchObject({ code: 0 });

    configure({ roll: "2027" }, { ca: undefined });
    const rolling = await stack.preview();
    expect(rolling.text).toContain("CA 2 of the site");
    expect(rolling.text).toContain("site.registry.certificate.siteCa.roll was changed");
    await up();
    const [, second] = await trusted();
    expect(await trusted()).toEqual([first, second]);
    expect(await served()).toEqual(issued);

    // A cluster that has lost it.
    await nodes.server.admin.patch(MAP, { data: { [key]: `${first ?? ""}\n` } });
    expect((await stack.preview()).text).toContain("it does not have the new CA");
    await nodes.server.admin.patch(MAP, { data: { [key]: `${first ?? ""}\n${second ?? ""}\n` } });
    await nodes.settled();

    await up();
    const renewed = await served();
    expect(isIssuedBy(renewed.certificate, second)).toBe(true);
    expect(await trusted()).toEqual([first, second]);
    await up("--expect-no-changes");
    await registry.serveWith(renewed);
    await up();
    expect(await trusted()).toEqual([second]);
    await up("--expect-no-changes");
    expect(await stack.passthrough("verify")).toMatchObject({ code: 0 });

    expect(await pulls.stop()).toEqual({ untrusted: [], pulled: true });
    const state = await stack.state();
    for (const text of [state, stack.printed]) expect(text).not.toContain("PRIVATE KEY");
});
