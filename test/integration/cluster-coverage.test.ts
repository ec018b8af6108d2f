import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { CLUSTER_FUNCTIONS, renderRoles } from "../../lib/openshift";
import { roleRules } from "../support/role-rules";
import { type ApiServer, startApiServer } from "../support/api-server";
import type { NamedObject } from "../support/cluster/api-client";
import { CommandSite } from "../support/command-site";
import { createCluster } from "../support/openshift-cluster";

jest.setTimeout(300_000);

let site: CommandSite;
let server: ApiServer;
/** Uids of created objects, by kind and name. */
const uids = new Map<string, string>();

const spec = (image: string, restartPolicy = "Always") => ({ restartPolicy, containers: [{ name: "app", image }] });
const selected = (image: string) => ({
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: spec(image) },
});

async function create(apiVersion: string, kind: string, name: string, fields: object, owner?: string): Promise<void> {
    const [ownerKind = "", ownerName = ""] = owner?.split("/") ?? [];
    const reference = { apiVersion: "apps/v1", kind: ownerKind, name: ownerName, uid: uids.get(owner ?? "") };
    const metadata = {
        name,
        namespace: "shop",
        ...(owner === undefined ? {} : { ownerReferences: [{ ...reference, controller: true }] }),
    };
    const created = await server.admin.create({ apiVersion, kind, metadata, ...fields } as NamedObject);
    uids.set(`${kind}/${name}`, created.metadata.uid);
}

beforeAll(async () => {
    site = await CommandSite.create("with-mapping");
    expect(await site.run("import")).toMatchObject({ code: 0 });
    server = await startApiServer({ crds: "4.16" });
    await createCluster(server.admin, { version: "4.16.20", nodes: { master: 1, worker: 1 } });
    await server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    await server.admin.apply({
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "default", namespace: "shop" },
    });
    await create("apps/v1", "Deployment", "web", { spec: selected("docker.io/library/nginx:1.27") });
    await create("apps/v1", "ReplicaSet", "web-1", { spec: selected("docker.io/library/nginx:2") }, "Deployment/web");
    await create("v1", "Pod", "web-1-a", { spec: spec("docker.io/library/nginx:2") }, "ReplicaSet/web-1");
    await create("batch/v1", "CronJob", "nightly", {
        spec: {
            schedule: "0 0 * * *",
            jobTemplate: { spec: { template: { spec: spec("ghcr.io/team/job:1", "Never") } } },
        },
    });
});

afterAll(async () => {
    await site.remove();
    await server.stop();
});

/** A kubeconfig of an account with these rights. */
async function kubeconfig(account: string, rules: Parameters<ApiServer["kubeconfigFor"]>[1]): Promise<string> {
    const file = join(site.folder, `${account}.kubeconfig`);
    writeFileSync(file, await server.kubeconfigFor(account, rules));
    return file;
}

test("with the role for coverage, what a cluster names is looked up and listed by its top owner", async () => {
    const file = await kubeconfig("reader", roleRules(["coverage"], "4.16"));
    const run = await site.run("coverage", "--kubeconfig", file);
    expect(run).toMatchObject({ code: 1 });
    expect(run.out).toContain(
        "! docker.io/library/nginx:2: the mirror does not have it\n    Deployment shop/web, container app\n",
    );
    expect(run.out).toContain("    CronJob shop/nightly, container app\n");
    expect(run.out).toContain("    ClusterVersion version\n");
    expect(run.out).not.toContain("Pod shop/");
    expect(run.out).toContain(
        "mirror:\n  platform:\n    channels:\n      - name: stable-4.16\n        minVersion: 4.16.20\n        maxVersion: 4.16.20\n" +
            "  additionalImages:\n    - name: docker.io/library/nginx:2\n    - name: ghcr.io/team/job:1\n",
    );
    expect(run.error).toMatch(/note: the cluster has no such kind: buildconfigs, clustercatalogs, deploymentconfigs\n/);
    expect(run.out).not.toContain("CLUSTER_FORBIDDEN");
});

test("a kind that may not be listed is named, and the exit code is not that of full coverage", async () => {
    const rules = roleRules(["coverage"], "4.16").filter(({ resources }) => !resources.includes("cronjobs"));
    const run = await site.run("coverage", "--json", "--kubeconfig", await kubeconfig("limited", rules));
    expect(run).toMatchObject({ code: 1 });
    const report = JSON.parse(run.out) as { unread: { code: string; thing: string }[]; add: string[] };
    expect(report.unread).toMatchObject([{ code: "CLUSTER_FORBIDDEN", thing: "cronjobs" }]);
    expect(report.add).toEqual(["docker.io/library/nginx:2"]);
});

test("a context that the kubeconfig does not have is an error, and nothing is looked up", async () => {
    const file = await kubeconfig("reader", roleRules(["coverage"], "4.16"));
    const run = await site.run("coverage", "--kubeconfig", file, "--context", "none");
    expect(run).toMatchObject({ code: 78, out: "" });
    expect(run.error).toContain("KUBECONFIG_INVALID");
});

test("a cluster that the site does not have is an error before the cluster's objects are read", async () => {
    const file = await kubeconfig("unread", roleRules(["coverage"], "4.16"));
    const before = server.requests().length;
    const run = await site.run("coverage", "--kubeconfig", file, "--cluster", "west");
    expect(run).toMatchObject({ code: 78, out: "" });
    expect(run.error).toContain("CONFIG_INVALID: the site has no cluster west; leave --cluster out");
    const readers = server
        .requests()
        .slice(before)
        .map(({ user }) => user);
    expect(readers.filter((user) => user.endsWith(":unread"))).toEqual([]);
});

test("the API takes every role, and gives the accounts the rights of the table and no others", async () => {
    const files = renderRoles(CLUSTER_FUNCTIONS, "4.16");
    const objects = Object.values(files).flatMap((text) =>
        parseAllDocuments(text).map((document) => document.toJS() as NamedObject),
    );
    const namespaces = objects.flatMap(({ metadata: { namespace } }) => (namespace === undefined ? [] : [namespace]));
    for (const name of new Set(namespaces)) {
        await server.admin.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } }, { force: true });
    }
    for (const object of objects) await server.admin.apply(object);
    const allowed = async (account: string, verb: string, group: string, resource: string, name?: string) => {
        const review = await server.admin.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
            apiVersion: "authorization.k8s.io/v1",
            kind: "SubjectAccessReview",
            spec: {
                user: `system:serviceaccount:registry-passthrough:${account}`,
                resourceAttributes: { verb, group, resource, namespace: "openshift-config", name },
            },
        });
        return (JSON.parse(review.text) as { status: { allowed: boolean } }).status.allowed;
    };
    const [writer, reader] = ["registry-passthrough", "registry-passthrough-reader"] as const;
    expect(await allowed(writer, "patch", "", "secrets", "pull-secret")).toBe(true);
    expect(await allowed(writer, "patch", "", "secrets", "other")).toBe(false);
    expect(await allowed(writer, "list", "", "secrets")).toBe(false);
    expect(await allowed(writer, "delete", "config.openshift.io", "imagetagmirrorsets", "a")).toBe(true);
    expect(await allowed(reader, "list", "config.openshift.io", "imagetagmirrorsets")).toBe(true);
    expect(await allowed(reader, "patch", "config.openshift.io", "imagetagmirrorsets", "a")).toBe(false);
    expect(await allowed(reader, "get", "", "secrets", "pull-secret")).toBe(false);
});
