import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import { ScriptedRegistryPods } from "../support/scripted-registry-pods";
import { FIXTURES, type TestSite } from "../support/site";
import { readPullSecret } from "../support/trust-cluster";

jest.setTimeout(900_000);

const VERSION = "4.16.20";
const CLUSTER = { version: VERSION, contactSource: "allow" } as const;
const NAMESPACE = "registry-passthrough";
const IMAGE = `bastion.example:5000/distribution@sha256:${"0123456789abcdef".repeat(4)}`;
const [PULL, PUSH] = ["localhost:30511", "localhost:30512"] as const;

let site: TestSite | undefined;
let cluster: TestCluster | undefined;
let pods: ScriptedRegistryPods | undefined;

afterEach(async () => {
    await stopSite(cluster, site, pods);
});

const named = (apiVersion: string, kind: string, name: string) => ({
    ...{ apiVersion, kind },
    metadata: { name, namespace: NAMESPACE },
});

test("a registry of the site's own runs before images are pushed, changes in place, comes back, and leaves its volume", async () => {
    const [own, nodes] = await Promise.all([
        createClusterSite(join(FIXTURES, "incremental/1")).then((created) => (site = created)),
        TestCluster.start("4.16", VERSION).then((started) => (cluster = started)),
    ]);
    const { stack, authority } = own;
    const { admin } = nodes.server;
    pods = new ScriptedRegistryPods(admin, NAMESPACE);
    nodes.add(pods);
    const { certificate, key } = await authority.issue();
    writeFileSync(join(own.folder, "registry.pem"), certificate);
    const kubeconfigFile = writeKubeconfig(own, nodes.server.kubeconfig);
    const configure = (deploy: object, keys: object = {}) => {
        const registry = {
            ...{ mirrorBase: `${PULL}/mirror`, pushHost: PUSH },
            certificate: { chainFile: join(own.folder, "registry.pem") },
            deploy: {
                cluster: { image: IMAGE, expose: "nodePort", storage: { size: "1GiB" }, runAsUser: 1000, ...deploy },
            },
        };
        stack.configure(own.document({ registry, cluster: { ...CLUSTER, apply: { kubeconfigFile }, ...keys } }));
    };
    for (const account of ["registryUsername", "registryPassword"]) stack.configure(undefined, account);
    await stack.setConfig("registryCertificateKey", key, true);
    const login = async () => {
        const { auths } = JSON.parse(await readPullSecret(nodes.server)) as { auths: Record<string, { auth: string }> };
        return Buffer.from(auths[PULL]?.auth ?? "", "base64").toString("utf8");
    };

    configure({});
    expect(await stack.preview()).toMatchObject({ code: 0 });
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect((await stack.outputs()).validation).toMatchObject({ status: "proven" });
    const [username, password = ""] = (await login()).split(":");
    expect(username).toBe("puller-1");
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });

    configure({ storage: { size: "1MiB" } });
    const refused = await stack.preview();
    expect(refused.code).not.toBe(0);
    expect(refused.text).toMatch(/storage\.size: a volume does not shrink/);

    // A registry that is gone comes back with its content, and new accounts reach the cluster.
    configure({ rotate: "2027-01" });
    await admin.remove(named("apps/v1", "StatefulSet", "registry"));
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await login()).toMatch(/^puller-2:/);
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });

    configure({ rotate: "2027-01" }, { allowRemoval: true });
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await stack.destroy("--skip-preview")).toMatchObject({ code: 0 });
    expect(await admin.get(named("apps/v1", "StatefulSet", "registry"))).toBeUndefined();
    expect(await admin.get(named("v1", "PersistentVolumeClaim", "registry-storage"))).toBeDefined();
    expect(stack.printed).not.toContain(password);
});
