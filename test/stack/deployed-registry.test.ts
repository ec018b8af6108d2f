import { once } from "node:events";
import { join } from "node:path";
import { type DetailedPeerCertificate, connect } from "node:tls";
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

/** A class of volumes that is the default, as clusters have one. Whether its volumes can grow can be changed. */
const STORAGE_CLASS = {
    ...{ apiVersion: "storage.k8s.io/v1", kind: "StorageClass", provisioner: "volumes.test" },
    metadata: { name: "standard", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
    allowVolumeExpansion: false,
};

/** SHA-256 of the certificate that is shown at an address, over TLS that is verified. */
async function shownAt(address: string, ca: string): Promise<string> {
    const [host, port] = address.split(":");
    const socket = connect({ host, port: Number(port), ca, servername: host });
    await once(socket, "secureConnect");
    const { fingerprint256 } = socket.getPeerCertificate() as DetailedPeerCertificate;
    socket.destroy();
    return fingerprint256;
}

const named = (apiVersion: string, kind: string, name: string) => ({
    ...{ apiVersion, kind },
    metadata: { name, namespace: NAMESPACE },
});

test("a registry of the site's own runs before images are pushed, changes in place, comes back, grows, and leaves its volume", async () => {
    const [own, nodes] = await Promise.all([
        createClusterSite(join(FIXTURES, "incremental/1")).then((created) => (site = created)),
        TestCluster.start("4.16", VERSION).then((started) => (cluster = started)),
    ]);
    const { stack } = own;
    const { admin } = nodes.server;
    await admin.create(STORAGE_CLASS);
    pods = new ScriptedRegistryPods(admin, NAMESPACE);
    nodes.add(pods);
    const kubeconfigFile = writeKubeconfig(own, nodes.server.kubeconfig);
    const configure = (deploy: object, keys: object = {}, siteCa: object = {}) => {
        const registry = {
            ...{ mirrorBase: `${PULL}/mirror`, pushHost: PUSH },
            certificate: { siteCa: { overlap: "0d", ...siteCa } },
            ca: undefined,
            deploy: {
                cluster: { image: IMAGE, expose: "nodePort", storage: { size: "1GiB" }, runAsUser: 1000, ...deploy },
            },
        };
        stack.configure(own.document({ registry, cluster: { ...CLUSTER, apply: { kubeconfigFile }, ...keys } }));
    };
    for (const account of ["registryUsername", "registryPassword"]) stack.configure(undefined, account);
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

    // What a cluster does not let grow stays, and so may the configuration.
    const volume = named("v1", "PersistentVolumeClaim", "registry-storage");
    const size = async () => Reflect.get((await admin.get(volume))?.spec ?? {}, "resources") as unknown;
    await admin.patch(volume, { status: { phase: "Bound", capacity: { storage: "1Gi" } } }, "/status");
    configure({ storage: { size: "2GiB" } });
    const stuck = await stack.up("--skip-preview");
    expect(stuck.code).not.toBe(0);
    expect(stuck.text).toMatch(/CLUSTER_FORBIDDEN.*must support resize; the account has the right/);
    configure({});
    expect(await stack.preview()).toMatchObject({ code: 0 });

    // A registry that is gone comes back with its content, new accounts reach the cluster, and so does a new CA.
    const roll = { roll: "2027" };
    configure({ rotate: "2027-01" }, {}, roll);
    await admin.remove(named("apps/v1", "StatefulSet", "registry"));
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await login()).toMatch(/^puller-2:/);
    expect(await size()).toMatchObject({ requests: { storage: "1Gi" } });
    const { registryCa: bothCas } = await stack.outputs();
    const former = await shownAt(PULL, bothCas as string);

    // The certificate of the new CA is shown without a gap of trust, by pods that start again on the volume that has grown.
    await admin.patch(STORAGE_CLASS, { allowVolumeExpansion: true });
    configure({ rotate: "2027-01", storage: { size: "2GiB" } }, {}, roll);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await size()).toMatchObject({ requests: { storage: "2Gi" } });
    const { registryCa } = await stack.outputs();
    const shown = await shownAt(PULL, registryCa as string);
    expect(shown).not.toBe(former);
    expect(await shownAt(PUSH, registryCa as string)).toBe(shown);
    expect((await stack.outputs()).validation).toMatchObject({ status: "proven" });

    configure({ rotate: "2027-01", storage: { size: "2GiB" } }, { allowRemoval: true }, roll);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await stack.destroy("--skip-preview")).toMatchObject({ code: 0 });
    expect(await admin.get(named("apps/v1", "StatefulSet", "registry"))).toBeUndefined();
    expect(await admin.get(volume)).toBeDefined();
    expect(stack.printed).not.toContain(password);
});
