import { ClusterError } from "../../../lib/kubernetes/cluster-error";
import type { ConfigMap } from "../../../lib/openshift/rollout/rollout-objects";
import { planTrust, trustDifferences } from "../../../lib/openshift/trust/compare-trust";
import { type WrittenTrust, accountHash, caHash } from "../../../lib/openshift/trust/desired-trust";
import { pullEntry, setPullEntry } from "../../../lib/openshift/trust/pull-secret";
import { type ImageConfig, type Secret, TRUST_PATHS, trustKey } from "../../../lib/openshift/trust/trusted-ca";
import { removeCa, writeCa } from "../../../lib/openshift/trust/write-ca";
import { removeWrittenEntry, writePullEntry } from "../../../lib/openshift/trust/write-pull-secret";
import { ManualClock } from "../../support/manual-clock";
import { MemoryCluster } from "../../support/memory-cluster";

const HOST = "registry.test:8443";
const KEY = "registry.test..8443";
const [PEM, OLD_PEM] = ["-----BEGIN CERTIFICATE-----\nnew\n", "-----BEGIN CERTIFICATE-----\nold\n"];
const ACCOUNT = { username: "puller", password: "canary-1" };
const SECRET = '{"auths": {\n  "quay.io" : {"auth":"eDp5", "email":"a@b.c"}\n}, "credsStore" : "" }\n';
const { configMaps, images, secrets } = TRUST_PATHS;

let cluster: MemoryCluster;
const options = () => ({ clock: new ManualClock(), signal: new AbortController().signal });

beforeEach(() => {
    cluster = new MemoryCluster();
    cluster.put(images, { metadata: { name: "cluster" } });
    putSecret(SECRET);
});

const putImage = (name: string) =>
    cluster.put<ImageConfig>(images, { metadata: { name: "cluster" }, spec: { additionalTrustedCA: { name } } });
const putMap = (name: string, data: Record<string, string>, rest: Partial<ConfigMap> = {}) =>
    cluster.put<ConfigMap>(configMaps, { metadata: { name, namespace: "openshift-config" }, data, ...rest });
function putSecret(text: string) {
    const metadata = { name: "pull-secret", namespace: "openshift-config" };
    const data = { ".dockerconfigjson": Buffer.from(text).toString("base64"), extra: "YQ==" };
    cluster.put<Secret>(secrets, { metadata, type: "kubernetes.io/dockerconfigjson", data });
}
const map = (name: string) => cluster.peek<ConfigMap>(configMaps, name);
const namedMap = () => cluster.peek<ImageConfig>(images, "cluster")?.spec?.additionalTrustedCA?.name;
const secretText = () =>
    Buffer.from(cluster.peek<Secret>(secrets, "pull-secret")?.data?.[".dockerconfigjson"] ?? "", "base64").toString();
const put = async (before: WrittenTrust = {}, adopt = false) =>
    (await writeCa(cluster, { key: KEY, pem: PEM, adopt, before }, options())).written;
const putEntry = (before: WrittenTrust = {}, adopt = false) =>
    writePullEntry(cluster, { host: HOST, account: ACCOUNT, adopt, before }, options());

describe("the CA", () => {
    test("is added to the ConfigMap that Image/cluster names; everything else stays", async () => {
        putImage("user-cas");
        putMap("user-cas", { "other.test": "other" }, { binaryData: { bin: "AAE=" } });
        expect(await put()).toEqual({ configMap: "user-cas", caHash: caHash(PEM) });
        expect(map("user-cas")).toMatchObject({
            data: { "other.test": "other", [KEY]: PEM },
            binaryData: { bin: "AAE=" },
        });
        expect(namedMap()).toBe("user-cas");
    });

    test("a name that leads nowhere stays Image/cluster's, with an empty ConfigMap, at the end", async () => {
        putImage("user-cas");
        const written = await put();
        expect(map("user-cas")?.data).toEqual({ [KEY]: PEM });
        await removeCa(cluster, KEY, written, options());
        expect([map("user-cas")?.data, namedMap()]).toEqual([{}, "user-cas"]);
    });

    test("writes nothing if it is there, and leaves it at the end", async () => {
        putImage("user-cas");
        putMap("user-cas", { [KEY]: PEM });
        const written = await put();
        expect(written.caFound).toBe(true);
        expect(await removeCa(cluster, KEY, written, options())).toContain("it was there before");
        expect(map("user-cas")?.data).toEqual({ [KEY]: PEM });
        expect(cluster.calls.filter((call) => call.startsWith("patch"))).toEqual([]);
    });

    test("another CA for the registry is not replaced, unless it is ours or adopted", async () => {
        putImage("user-cas");
        putMap("user-cas", { [KEY]: OLD_PEM });
        await expect(put()).rejects.toMatchObject({
            code: "TRUST_EXISTS",
            thing: `CA ${KEY} in ConfigMap openshift-config/user-cas`,
        });
        expect(map("user-cas")?.data).toEqual({ [KEY]: OLD_PEM });
        await put({ configMap: "user-cas", caHash: caHash(OLD_PEM) });
        expect(map("user-cas")?.data).toEqual({ [KEY]: PEM });
        putMap("user-cas", { [KEY]: OLD_PEM });
        await put({}, true);
        expect(map("user-cas")?.data).toEqual({ [KEY]: PEM });
    });

    test("a CA among the binary data is replaced there: a key may be in one of both only", async () => {
        putImage("user-cas");
        putMap("user-cas", {}, { binaryData: { [KEY]: Buffer.from(OLD_PEM).toString("base64") } });
        await put({}, true);
        expect(map("user-cas")).toMatchObject({ data: { [KEY]: PEM }, binaryData: {} });
    });

    test("a ConfigMap that Image/cluster does not name is not trusted as a whole", async () => {
        putMap("registry-cas", { "other.test": "other" });
        await expect(put()).rejects.toMatchObject({ code: "TRUST_EXISTS" });
        expect(namedMap()).toBeUndefined();
    });

    test("follows Image/cluster to another ConfigMap, and leaves nothing in the former one", async () => {
        putImage("user-cas");
        putMap("user-cas", { "other.test": "other" });
        const written = await put();
        putImage("new-cas");
        putMap("new-cas", { "third.test": "third" });
        expect(await put(written)).toEqual({ configMap: "new-cas", caHash: caHash(PEM) });
        expect(map("user-cas")?.data).toEqual({ "other.test": "other" });
        expect(map("new-cas")?.data).toEqual({ "third.test": "third", [KEY]: PEM });
    });

    test("takes nothing from others in the ConfigMap that Image/cluster names now", async () => {
        const before = { configMap: "user-cas", caHash: caHash(PEM) };
        putImage("new-cas");
        putMap("new-cas", { [KEY]: OLD_PEM });
        await expect(put(before)).rejects.toMatchObject({ code: "TRUST_EXISTS" });
        expect(map("new-cas")?.data).toEqual({ [KEY]: OLD_PEM });
        // The same CA, which somebody else has put there, stays at the end.
        putMap("new-cas", { [KEY]: PEM });
        const written = await put(before);
        expect(written).toEqual({ configMap: "new-cas", caHash: caHash(PEM), caFound: true });
        expect(await removeCa(cluster, KEY, written, options())).toContain("it was there before");
    });

    test("says why the CA stays in the former ConfigMap", async () => {
        putImage("new-cas");
        putMap("new-cas", {});
        putMap("user-cas", { [KEY]: OLD_PEM });
        const before = { configMap: "user-cas", caHash: caHash(PEM) };
        const { left } = await writeCa(cluster, { key: KEY, pem: PEM, adopt: false, before }, options());
        expect(left).toBe(`CA ${KEY} in ConfigMap openshift-config/user-cas stays: it has been changed`);
        expect(map("user-cas")?.data).toEqual({ [KEY]: OLD_PEM });
    });

    test("one that somebody changed stays at the end; one that is gone is no error", async () => {
        putImage("user-cas");
        putMap("user-cas", { [KEY]: OLD_PEM });
        const written = { configMap: "user-cas", caHash: caHash(PEM) };
        expect(await removeCa(cluster, KEY, written, options())).toContain("it has been changed");
        expect(map("user-cas")?.data).toEqual({ [KEY]: OLD_PEM });
        putMap("user-cas", {});
        expect(await removeCa(cluster, KEY, written, options())).toBeUndefined();
        cluster.drop(configMaps, "user-cas");
        expect(await removeCa(cluster, KEY, written, options())).toBeUndefined();
    });

    test("a CA that somebody adds while the ConfigMap is removed keeps its effect", async () => {
        const written = await put();
        cluster.beforeCall = (call) => {
            if (call !== "remove configmaps/registry-cas") return;
            cluster.beforeCall = () => undefined;
            const { labels } = map("registry-cas")?.metadata ?? {};
            putMap(
                "registry-cas",
                { "late.test": "late" },
                { metadata: { name: "registry-cas", ...(labels && { labels }) } },
            );
        };
        await removeCa(cluster, KEY, written, options());
        expect([map("registry-cas")?.data, namedMap()]).toEqual([{ "late.test": "late" }, "registry-cas"]);
    });

    test("the key has no port if the host has none; an IPv6 address has no key", () => {
        expect(trustKey("registry.test")).toBe("registry.test");
        expect(() => trustKey("[::1]:8443")).toThrow(expect.objectContaining({ code: "MIRROR_HOST_INVALID" }) as Error);
    });
});

describe("the account in the pull secret", () => {
    test("is added; every other byte and key stays, and taking it out gives the same bytes again", async () => {
        const hash = await putEntry();
        expect(hash).toBe(accountHash(ACCOUNT));
        expect(secretText()).toBe(setPullEntry(SECRET, HOST, pullEntry(ACCOUNT)));
        expect(cluster.peek<Secret>(secrets, "pull-secret")?.data?.extra).toBe("YQ==");
        await removeWrittenEntry(cluster, HOST, { entryHash: hash }, options());
        expect(secretText()).toBe(SECRET);
    });

    test("another account for the registry is not replaced, unless it is ours or adopted", async () => {
        const other = setPullEntry(SECRET, HOST, '{"auth":"b3RoZXI="}');
        putSecret(other);
        await expect(putEntry()).rejects.toMatchObject({ code: "TRUST_EXISTS" });
        expect(secretText()).toBe(other);
        await putEntry({ entryHash: "of the last run" });
        expect(secretText()).toBe(setPullEntry(SECRET, HOST, pullEntry(ACCOUNT)));
        putSecret(other);
        await putEntry({}, true);
        expect(secretText()).toBe(setPullEntry(SECRET, HOST, pullEntry(ACCOUNT)));
    });

    test("writes nothing if it is there, with whatever spacing", async () => {
        const spaced = setPullEntry(SECRET, HOST, pullEntry(ACCOUNT).replace(":", " :\n"));
        putSecret(spaced);
        await putEntry();
        expect(secretText()).toBe(spaced);
    });

    test("one that somebody changed stays at the end; one that is gone is no error", async () => {
        const other = setPullEntry(SECRET, HOST, '{"auth":"b3RoZXI="}');
        putSecret(other);
        const written = { entryHash: accountHash(ACCOUNT) };
        expect(await removeWrittenEntry(cluster, HOST, written, options())).toContain("it has been changed");
        expect(secretText()).toBe(other);
        putSecret(SECRET);
        expect(await removeWrittenEntry(cluster, HOST, written, options())).toBeUndefined();
        expect(secretText()).toBe(SECRET);
    });

    test("a writer that never stops is an error after ten attempts, and not waited for forever", async () => {
        cluster.beforeCall = (call) => {
            if (call === "patch secrets/pull-secret") putSecret(SECRET);
        };
        await expect(putEntry()).rejects.toMatchObject({ code: "CLUSTER_CONFLICT" });
        expect(cluster.calls.filter((call) => call === "patch secrets/pull-secret")).toHaveLength(10);
    });

    test.each([
        ["no JSON", '{"auths":'],
        ["no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString("latin1")],
    ])("a pull secret that is %s is left alone", async (name, text) => {
        const data = {
            ".dockerconfigjson": Buffer.from(text, name === "no UTF-8" ? "latin1" : "utf8").toString("base64"),
        };
        cluster.put<Secret>(secrets, { metadata: { name: "pull-secret" }, data });
        await expect(putEntry()).rejects.toMatchObject({ code: "PULL_SECRET_INVALID" });
        expect(cluster.peek<Secret>(secrets, "pull-secret")?.data).toEqual(data);
    });

    test("a cluster without it is not one of OpenShift, and none is created", async () => {
        cluster.drop(secrets, "pull-secret");
        await expect(putEntry()).rejects.toMatchObject({ code: "CLUSTER_OBJECT_INVALID" });
        expect(cluster.calls.some((call) => call.startsWith("create"))).toBe(false);
    });

    test("an error that is no conflict is not repeated", async () => {
        const server = "https://api.test:6443";
        cluster.beforeCall = (call) => {
            if (call.startsWith("patch")) throw new ClusterError("no", { code: "CLUSTER_FORBIDDEN", server });
        };
        await expect(putEntry()).rejects.toMatchObject({ code: "CLUSTER_FORBIDDEN" });
        expect(cluster.calls.filter((call) => call.startsWith("patch"))).toHaveLength(1);
    });
});

describe("what a run would change", () => {
    const desired = { host: HOST, ca: PEM, account: ACCOUNT, adopt: false };

    test("both are added", async () => {
        expect(await planTrust(cluster, desired, {})).toEqual({
            ca: `CA ${KEY}: added to ConfigMap openshift-config/registry-cas, which Image/cluster will name`,
            certificates: [],
            pullSecret: `account for ${HOST}: added to the global pull secret`,
            warnings: [],
        });
    });

    test("both are replaced", async () => {
        putImage("user-cas");
        putMap("user-cas", { [KEY]: OLD_PEM });
        putSecret(setPullEntry(SECRET, HOST, "{}"));
        expect(await planTrust(cluster, desired, { caHash: caHash(OLD_PEM), entryHash: "x" })).toEqual({
            ca: `CA ${KEY}: replaced in ConfigMap openshift-config/user-cas, which Image/cluster names`,
            certificates: [],
            pullSecret: `account for ${HOST}: replaced in the global pull secret`,
            warnings: [],
        });
        await expect(planTrust(cluster, desired, {})).rejects.toMatchObject({ code: "TRUST_EXISTS" });
    });

    test("nothing, if all is there", async () => {
        await put();
        await putEntry();
        expect(await planTrust(cluster, desired, {})).toEqual({ certificates: [], warnings: [] });
    });

    test("an account that is not known yet, and entries that would be used in its place", async () => {
        putSecret(setPullEntry(SECRET, `${HOST}/mirror`, "{}"));
        const plan = await planTrust(cluster, { host: HOST, account: undefined, adopt: false }, {});
        expect(plan.pullSecret).toBe(`account for ${HOST}: set in the global pull secret`);
        expect(plan.warnings).toEqual([expect.stringContaining(`${HOST}/mirror`)]);
    });

    test("finds every difference from what was written", async () => {
        const written = { ...(await put()), entryHash: await putEntry() };
        expect(await trustDifferences(cluster, HOST, written)).toEqual([]);
        putSecret(SECRET);
        putMap("registry-cas", { [KEY]: OLD_PEM });
        expect(await trustDifferences(cluster, HOST, written)).toEqual([
            `CA ${KEY} in ConfigMap openshift-config/registry-cas has been changed`,
            `the account for ${HOST} is gone from the global pull secret`,
        ]);
        putSecret(setPullEntry(SECRET, HOST, "{}"));
        putMap("registry-cas", {});
        expect(await trustDifferences(cluster, HOST, written)).toEqual([
            `CA ${KEY} is gone from ConfigMap openshift-config/registry-cas`,
            `the account for ${HOST} in the global pull secret has been changed`,
        ]);
        cluster.put(images, { metadata: { name: "cluster" } });
        expect(await trustDifferences(cluster, HOST, written)).toContain(
            "Image/cluster does not name a ConfigMap with CAs any more",
        );
    });
});
