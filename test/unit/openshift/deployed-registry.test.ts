import { compareSync } from "bcryptjs";
import {
    type DeployedRegistry,
    type RegistryAccounts,
    accountsAfter,
    htpasswd,
    nextAccounts,
    registryObjects,
} from "../../../lib/openshift/deployed-registry";
import { bytesQuantity, quantityBytes } from "../../../lib/openshift/deployed-registry/quantity";
import { registryConfig } from "../../../lib/openshift/deployed-registry/registry-config";

const REGISTRY: DeployedRegistry = {
    ...{
        namespace: "registry",
        owner: "project/stack",
        image: "bastion.example/distribution@sha256:0",
        expose: "route",
    },
    hosts: { pull: "registry.example", push: "push.example:443" },
    storage: { bytes: 500 * 2 ** 30 },
    ...{ chain: "CHAIN", key: "KEY", htpasswd: { pull: "PULL", push: "PUSH" } },
};

function object(kind: string, name: string, changes: Partial<DeployedRegistry> = {}): object | undefined {
    const found = registryObjects({ ...REGISTRY, ...changes }).map((one) => one.object);
    return found.find((one) => one.kind === kind && one.metadata.name === name);
}

test("one instance refuses changes, the other one takes them; neither keeps a cache, and health needs no account", () => {
    const [pull, push] = (["pull", "push"] as const).map(
        (one) => JSON.parse(registryConfig(one, { storage: REGISTRY.storage })) as object,
    );
    expect(pull).toMatchObject({
        storage: { maintenance: { readonly: { enabled: true }, uploadpurging: { enabled: false } } },
        http: { addr: ":5000", debug: { addr: ":5001" }, tls: { minimumtls: "tls1.2" } },
    });
    expect(push).toMatchObject({
        storage: { delete: { enabled: true }, maintenance: { readonly: { enabled: false } } },
        http: { addr: ":5010", debug: { addr: ":5011" } },
    });
    for (const config of [pull, push])
        expect(Object.keys(Reflect.get(config ?? {}, "storage") as object)).not.toContain("cache");
});

test("Routes pass TLS through by the hosts of both addresses; ports of nodes are those of the addresses", () => {
    const route = (name: string) => object("Route", name);
    expect(route("registry")).toMatchObject({
        spec: { host: "registry.example", to: { name: "registry" }, tls: { termination: "passthrough" } },
    });
    expect(route("registry-push")).toMatchObject({ spec: { host: "push.example", to: { name: "registry-push" } } });
    const hosts = { pull: "nodes.example:30500", push: "nodes.example:30501" };
    const changes = { expose: "nodePort", hosts } as const;
    expect(object("Route", "registry", changes)).toBeUndefined();
    expect(object("Service", "registry", changes)).toMatchObject({
        spec: { type: "NodePort", ports: [{ port: 443, targetPort: 5000, nodePort: 30500 }] },
    });
    expect(object("Service", "registry-push", changes)).toMatchObject({
        spec: { ports: [{ targetPort: 5010, nodePort: 30501 }] },
    });
    expect(object("Service", "registry")).toMatchObject({ spec: { type: "ClusterIP" } });
});

test("by Routes nodes and routers alone are let in, and nothing goes out; by ports of nodes everybody, to these ports", () => {
    const from = ["host-network", "ingress"].map((group) => ({
        namespaceSelector: { matchLabels: { [`policy-group.network.openshift.io/${group}`]: "" } },
    }));
    const ports = [5000, 5010].map((port) => ({ protocol: "TCP", port }));
    const policy = (expose: "route" | "nodePort") =>
        object("NetworkPolicy", "registry", { expose, hosts: { pull: "n:30500", push: "n:30501" } });
    const types = { policyTypes: ["Ingress", "Egress"] };
    expect(policy("route")).toMatchObject({ spec: { ...types, ingress: [{ from, ports }] } });
    expect(policy("nodePort")).toHaveProperty("spec.ingress", [{ ports }]);
    expect(policy("route")).not.toHaveProperty("spec.egress");
});

test("the cluster assigns the user, unless one is given; pods start again for a certificate, and not for accounts", () => {
    const pods = (changes: Partial<DeployedRegistry> = {}) =>
        JSON.stringify(object("StatefulSet", "registry", changes));
    expect(pods()).not.toMatch(/runAsUser|fsGroup":/);
    expect(object("StatefulSet", "registry", { runAsUser: 1000 })).toMatchObject({
        spec: { template: { spec: { securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 } } } },
    });
    expect(pods({ htpasswd: { pull: "other", push: "other" }, key: "other" })).toBe(pods());
    expect(pods({ chain: "other" })).not.toBe(pods());
    expect(pods()).not.toContain("KEY");
});

test("only Secrets have secrets, and the volume and its namespace alone hold content", () => {
    const all = registryObjects(REGISTRY);
    const secret = (text: string) => Buffer.from(text).toString("base64");
    const withSecrets = all.filter(({ object: one }) =>
        ["KEY", "PULL", "PUSH"].some((text) => JSON.stringify(one).includes(secret(text))),
    );
    expect(new Set(withSecrets.map(({ object: one }) => one.kind))).toEqual(new Set(["Secret"]));
    const content = all.filter(({ holdsContent }) => holdsContent).map(({ object: one }) => one.kind);
    expect(content).toEqual(["Namespace", "PersistentVolumeClaim"]);
    expect(object("PersistentVolumeClaim", "registry-storage")).toMatchObject({
        spec: { resources: { requests: { storage: "500Gi" } } },
    });
});

describe("with a bucket", () => {
    const bucket = { endpoint: "https://s3.example:9000", bucket: "mirror", region: "us-east-1", pathStyle: true };
    const storage = { s3: { ...bucket, prefix: "site-a", ca: "S3 CA" } };
    const withBucket = {
        storage,
        storageAccount: { accessKey: "ACCESS", secretKey: "SECRET" },
    } as const;
    const egress = (endpoint: string) =>
        Reflect.get(
            Reflect.get(
                object("NetworkPolicy", "registry", { storage: { s3: { ...bucket, endpoint } } }) ?? {},
                "spec",
            ) as object,
            "egress",
        ) as unknown;

    test("no volume is made, its account is in a Secret alone, and clients are not sent to its server", () => {
        expect(object("PersistentVolumeClaim", "registry-storage", withBucket)).toBeUndefined();
        const all = registryObjects({ ...REGISTRY, ...withBucket });
        expect(all.filter(({ holdsContent }) => holdsContent)).toEqual([]);
        const rest = JSON.stringify(all.filter(({ object: one }) => one.kind !== "Secret"));
        expect(rest).not.toMatch(/ACCESS"|SECRET"|claimName/);
        expect(object("Secret", "registry-storage", withBucket)).toMatchObject({
            data: { accessKey: Buffer.from("ACCESS").toString("base64") },
        });
        expect(JSON.parse(registryConfig("pull", { storage }))).toMatchObject({
            storage: {
                s3: { regionendpoint: "https://s3.example:9000", bucket: "mirror", rootdirectory: "/site-a" },
                redirect: { disable: true },
                maintenance: { readonly: { enabled: true } },
            },
        });
        expect(object("ConfigMap", "registry-config", withBucket)).toHaveProperty(["data", "storage-ca.pem"], "S3 CA");
        expect(rest).toContain('"AWS_CA_BUNDLE","value":"/etc/registry-passthrough/config/storage-ca.pem"');
    });

    test("pods start again for another account, and their annotation is no hash that it could be guessed from", () => {
        const pods = (changes: Partial<DeployedRegistry>) =>
            JSON.stringify(object("StatefulSet", "registry", { ...withBucket, ...changes }));
        expect(pods({ storageAccount: { accessKey: "ACCESS", secretKey: "other" } })).not.toBe(pods({}));
        expect(pods({ key: "other" })).not.toBe(pods({}));
    });

    test("pods reach nothing but DNS and the bucket's server", () => {
        const dns = { ports: [53, 5353].flatMap((port) => ["UDP", "TCP"].map((protocol) => ({ protocol, port }))) };
        const port = (number: number) => [{ protocol: "TCP", port: number }];
        expect(egress("https://s3.example:9000")).toEqual([dns, { ports: port(9000) }]);
        expect(egress("https://[fd00::7]")).toEqual([{ to: [{ ipBlock: { cidr: "fd00::7/128" } }], ports: port(443) }]);
        expect(egress("https://10.0.0.7")).toEqual([{ to: [{ ipBlock: { cidr: "10.0.0.7/32" } }], ports: port(443) }]);
        const matchLabels = { "kubernetes.io/metadata.name": "openshift-storage" };
        expect(egress("https://s3.openshift-storage.svc")).toEqual([
            dns,
            { to: [{ namespaceSelector: { matchLabels } }] },
        ]);
    });
});

test("a rotation keeps the two accounts before, and no earlier one; each instance knows its own accounts alone", async () => {
    const generations: RegistryAccounts[] = [];
    for (let i = 0; i < 4; i++) generations.push(await nextAccounts(generations.at(-1)));
    const [first, second, third, fourth] = generations as [
        RegistryAccounts,
        RegistryAccounts,
        RegistryAccounts,
        RegistryAccounts,
    ];
    const knows = (
        accounts: RegistryAccounts,
        instance: "pull" | "push",
        login: { username: string; password: string },
    ) =>
        htpasswd(accounts, instance)
            .split("\n")
            .map((line) => line.split(":"))
            .some(([name, hash = ""]) => name === login.username && compareSync(login.password, hash));
    expect(knows(first, "pull", first.puller)).toBe(true);
    expect(knows(first, "push", first.puller)).toBe(false);
    expect(knows(second, "pull", first.puller)).toBe(true);
    expect(knows(second, "push", first.importer)).toBe(true);
    // A cluster that the second change has not reached has it until the third one does.
    expect(knows(third, "pull", first.puller)).toBe(true);
    expect(knows(fourth, "pull", second.puller)).toBe(true);
    expect(knows(fourth, "pull", first.puller)).toBe(false);
    expect(accountsAfter(second, true)).toMatchObject({ ended: [] });
    expect(accountsAfter(third, true)).toEqual({
        made: ["importer-4", "puller-4"],
        kept: ["importer-3", "importer-2", "puller-3", "puller-2"],
        ended: ["importer-1", "puller-1"],
    });
    expect(accountsAfter(third, false)).toMatchObject({ ended: [] });
    expect(new Set(generations.map(({ puller }) => puller.password)).size).toBe(4);
});

test.each([
    ["500Gi", 500 * 2 ** 30],
    ["1500M", 1_500_000_000],
    ["1.5Ti", 1.5 * 2 ** 40],
    ["7", 7],
    ["1e3", undefined],
    ["10m", undefined],
])("a quantity of Kubernetes is bytes: %s", (text, bytes) => {
    expect(quantityBytes(text)).toBe(bytes);
});

test.each([2 ** 40, 500 * 2 ** 30, 500e9, 1])("bytes are the same as a quantity: %d", (bytes) => {
    expect(quantityBytes(bytesQuantity(bytes))).toBe(bytes);
});
