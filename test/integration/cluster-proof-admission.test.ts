import type { ClusterProof } from "../../lib/passthrough";
import { ADMISSION, type AdmissionPolicy, createAdmissionPolicy } from "../support/admission-policy";
import { testAuthority } from "../support/certificates";
import type { NamedObject } from "../support/cluster/api-client";
import { type Reply, ScriptedServer, type Seen } from "../support/http-server";
import { ProofCluster, summarize } from "../support/proof-cluster";
import type { PodScript, ScriptedPod } from "../support/scripted-kubelet";

jest.setTimeout(300_000);

/** Two pools with nodes, and three pulls of the one source. */
const PODS = 6;
const PROVEN = ["master", "worker"].flatMap((pool) =>
    ["digest", "tag", "absent"].map((form) => `${pool} ${form} proven`),
);
let cluster: ProofCluster;

beforeAll(async () => {
    cluster = await ProofCluster.start();
});

beforeEach(() => {
    cluster.onSleep = () => undefined;
});

afterAll(() => cluster.stop());

async function createNamespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    await cluster.server.admin.create({
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name, labels },
    } as NamedObject);
}

/** What the API says of a pod of a proof, which it does not store; undefined: it accepts it. */
async function refusal(namespace: string): Promise<string | undefined> {
    const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
    const { status, text } = await cluster.server.admin.request("POST", path, cluster.probePod("dry-run", namespace));
    return status < 300 ? undefined : text;
}

/** What the API server reads after it was written: quotas, policies, webhooks. */
async function untilRefused(namespace: string, pattern: RegExp): Promise<void> {
    await cluster.until(async () => pattern.test((await refusal(namespace)) ?? ""));
}

const untilAccepted = (namespace: string) => cluster.until(async () => (await refusal(namespace)) === undefined);
/** What was refused, without the pools that have no nodes. */
const details = ({ results }: ClusterProof) =>
    results.filter(({ outcome }) => outcome === "refused").map(({ detail }) => detail);
const ran = (proof: ClusterProof) => summarize(proof).filter((line) => !line.endsWith("skipped"));

/** Creates a quota of pods, and does what its controller does. */
async function createQuota(namespace: string, pods: number): Promise<{ count: () => Promise<number> }> {
    const metadata = { name: "few-pods", namespace };
    const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata };
    const hard = { pods: String(pods), "limits.memory": "1Gi", "requests.cpu": "1" };
    await cluster.server.admin.create({ ...quota, spec: { hard } } as NamedObject);
    const count = async () => {
        const used = (await cluster.pods(namespace)).length;
        const each = { pods: used, "limits.memory": `${64 * used}Mi`, "requests.cpu": `${10 * used}m` };
        await cluster.server.admin.patch(quota, { status: { hard, used: each } }, "/status");
        return used;
    };
    await count();
    return { count };
}

test("under PodSecurity restricted, a quota of two pods and a LimitRange, everything is proven, two pods at a time", async () => {
    const namespace = "narrow";
    const modes = ["enforce", "warn", "audit"].map((mode) => [`pod-security.kubernetes.io/${mode}`, "restricted"]);
    await createNamespace(namespace, Object.fromEntries(modes) as Record<string, string>);
    const limits = [
        { type: "Container", max: { cpu: "200m", memory: "128Mi" }, default: { cpu: "150m", memory: "96Mi" } },
    ];
    const metadata = { name: "small", namespace };
    await cluster.server.admin.create({
        apiVersion: "v1",
        kind: "LimitRange",
        metadata,
        spec: { limits },
    } as NamedObject);
    const { count } = await createQuota(namespace, 2);
    await untilAccepted(namespace);
    const together: number[] = [];
    cluster.onSleep = async () => {
        const used = await count();
        together.push(used);
        if (used < 2) await untilAccepted(namespace);
    };
    const found = await cluster.prove(undefined, { namespace });
    expect(ran(found)).toEqual(PROVEN);
    expect(found).toMatchObject({ isProven: true, notes: [] });
    expect(cluster.kubelet.seen).toHaveLength(PODS);
    expect(Math.max(...together)).toBe(2);
});

test("a quota that allows no pod is waited for, and then named", async () => {
    await createNamespace("no-room");
    await createQuota("no-room", 0);
    await untilRefused("no-room", /exceeded quota/);
    const found = await cluster.prove(undefined, { namespace: "no-room" });
    expect(found.isProven).toBe(false);
    expect(details(found)).toHaveLength(PODS);
    for (const detail of details(found)) expect(detail).toContain("exceeded quota: few-pods");
    expect(await cluster.namespaces()).toContain("no-room");
});

test("a LimitRange that wants more than the pods ask for is named", async () => {
    await createNamespace("wide");
    const spec = { limits: [{ type: "Container", min: { cpu: "500m" } }] };
    const metadata = { name: "large", namespace: "wide" };
    await cluster.server.admin.create({ apiVersion: "v1", kind: "LimitRange", metadata, spec } as NamedObject);
    await untilRefused("wide", /minimum cpu usage/);
    const found = await cluster.prove(undefined, { namespace: "wide" });
    expect(details(found)).toHaveLength(PODS);
    for (const detail of details(found)) expect(detail).toContain("minimum cpu usage per Container is 500m");
});

test.each<AdmissionPolicy & { readonly refused: readonly string[] }>([
    {
        name: "tags-only",
        expression: "object.spec.containers.all(c, !c.image.contains('@'))",
        message: "images are named by tag",
        refused: ["digest", "absent"],
    },
    {
        name: "own-registry",
        expression: "object.spec.containers.all(c, c.image.startsWith('registry.lab.test/'))",
        message: "images come from registry.lab.test",
        reason: "Forbidden",
        refused: ["digest", "tag", "absent"],
    },
    {
        name: "team-label",
        expression: "has(object.metadata.labels) && 'team' in object.metadata.labels",
        message: "the label team is missing",
        reason: "RequestEntityTooLarge",
        refused: ["digest", "tag", "absent"],
    },
])("the ValidatingAdmissionPolicy $name refuses what it is for, and is named", async ({ refused, ...policy }) => {
    await createNamespace(policy.name);
    await createAdmissionPolicy(cluster.server.admin, policy, policy.name);
    // The pod that is tried names an image by tag.
    if (refused.includes("tag")) await untilRefused(policy.name, /denied request/);
    else await untilDigestsAreRefused(policy.name);
    const found = await cluster.prove(undefined, { namespace: policy.name });
    expect(found).toMatchObject({ isProven: false, notes: [] });
    expect(ran(found)).toEqual(
        PROVEN.map((line) => (refused.includes(line.split(" ")[1] ?? "") ? line.replace("proven", "refused") : line)),
    );
    const said = `ValidatingAdmissionPolicy '${policy.name}' with binding '${policy.name}' denied request: ${policy.message}`;
    for (const detail of details(found)) expect(detail).toContain(said);
    await cluster.until(async () => (await cluster.pods(policy.name)).length === 0);
});

async function untilDigestsAreRefused(namespace: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
    const pod = cluster.probePod("dry-run", namespace);
    const text = JSON.stringify(pod).replace("quay.io/a/b:1", `quay.io/a/b@sha256:${"1".repeat(64)}`);
    await cluster.until(async () => {
        const { status } = await cluster.server.admin.request("POST", path, JSON.parse(text) as object);
        return status >= 400;
    });
}

test("policies that the pods satisfy refuse nothing: requests, limits, labels, no root, no token", async () => {
    await createNamespace("satisfied");
    const expressions = {
        limited: "object.spec.containers.all(c, has(c.resources.limits) && 'memory' in c.resources.limits)",
        labelled: "'app.kubernetes.io/name' in object.metadata.labels",
        "no-root": "object.spec.securityContext.runAsNonRoot && !object.spec.automountServiceAccountToken",
        "refused-with-0": "object.metadata.name != 'dry-run'",
    };
    for (const [name, expression] of Object.entries(expressions)) {
        await createAdmissionPolicy(cluster.server.admin, { name, expression, message: `not ${name}` }, "satisfied");
    }
    // The last one that was created is in force.
    await untilRefused("satisfied", /denied request/);
    const found = await cluster.prove(undefined, { namespace: "satisfied" });
    expect(found).toMatchObject({ isProven: true, notes: [] });
});

async function mayCreateNamespace(): Promise<boolean> {
    const tried = { apiVersion: "v1", kind: "Namespace", metadata: { name: "tried" } };
    const { status } = await cluster.server.admin.request("POST", "/api/v1/namespaces?dryRun=All", tried);
    return status < 300;
}

test("a policy that refuses the namespace is named with what to do, and no image stays", async () => {
    const namespace = "unlabelled";
    const message = "a namespace has the label owner";
    const expression = "has(object.metadata.labels) && 'owner' in object.metadata.labels";
    const remove = await createAdmissionPolicy(cluster.server.admin, {
        name: "namespaces",
        expression,
        message,
        resource: "namespaces",
    });
    try {
        await cluster.until(async () => !(await mayCreateNamespace()));
        await expect(cluster.prove(undefined, { namespace })).rejects.toMatchObject({
            problem: expect.stringContaining(`denied request: ${message}`) as string,
            fix: expect.stringContaining("change that policy of the cluster") as string,
        });
        expect(await cluster.imageTags()).toEqual([]);
    } finally {
        await remove();
        await cluster.until(mayCreateNamespace);
    }
});

interface Review {
    readonly request: { readonly uid: string; readonly object: { readonly spec: { readonly containers: object[] } } };
}

/** A real admission webhook for the pods of one namespace, with TLS. */
async function startWebhook(
    kind: "Mutating" | "Validating",
    namespace: string,
    respond: (request: Review["request"]) => object,
): Promise<ScriptedServer> {
    const authority = await testAuthority("webhooks");
    const answer = ({ body }: Seen): Reply => {
        const { request } = JSON.parse(body.toString("utf8")) as Review;
        const response = { uid: request.uid, ...respond(request) };
        const review = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response };
        return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(review) };
    };
    const server = await ScriptedServer.start(answer, await authority.issue());
    const webhook = {
        name: `${namespace}.policies.test`,
        clientConfig: { url: `https://${server.host}/`, caBundle: Buffer.from(authority.ca).toString("base64") },
        rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        failurePolicy: "Fail",
    };
    const metadata = { name: namespace };
    const configuration = { apiVersion: ADMISSION, kind: `${kind}WebhookConfiguration`, metadata, webhooks: [webhook] };
    await createNamespace(namespace);
    await cluster.server.admin.create(configuration as NamedObject);
    await cluster.until(async () => {
        await refusal(namespace);
        return server.seen.length > 0;
    });
    return server;
}

test.each([
    ["without-status", {}],
    ["with-401", { code: 401, reason: "Unauthorized" }],
    ["with-409", { code: 409, reason: "AlreadyExists" }],
])("a webhook that refuses %s is named, and taken for nothing else", async (namespace, status) => {
    const message = "policy Pod/disallow-latest: images of quay.io need a ticket";
    const server = await startWebhook("Validating", namespace, () => ({
        allowed: false,
        status: { message, ...status },
    }));
    try {
        const found = await cluster.prove(undefined, { namespace });
        expect(found.isProven).toBe(false);
        expect(details(found)).toHaveLength(PODS);
        for (const detail of details(found)) {
            expect(detail).toContain(`admission webhook "${namespace}.policies.test" denied the request: ${message}`);
        }
    } finally {
        await server.stop();
    }
});

test("a webhook that is away for a moment is waited for; one that stays away is named", async () => {
    const server = await startWebhook("Validating", "away", () => ({ allowed: true }));
    await server.stop();
    const found = await cluster.prove(undefined, { namespace: "away" });
    expect(found.isProven).toBe(false);
    expect(details(found)).toHaveLength(PODS);
    for (const detail of details(found)) expect(detail).toContain('failed calling webhook "away.policies.test"');
    const metadata = { name: "away" };
    cluster.onSleep = async () => {
        await cluster.server.admin.remove({ apiVersion: ADMISSION, kind: "ValidatingWebhookConfiguration", metadata });
        await untilAccepted("away");
    };
    expect(await cluster.prove(undefined, { namespace: "away" })).toMatchObject({ isProven: true, notes: [] });
});

const patched = (patch: readonly object[]) => ({
    allowed: true,
    patchType: "JSONPatch",
    patch: Buffer.from(JSON.stringify(patch)).toString("base64"),
});

test("a webhook that changes the image or the pull policy of the pods leaves nothing proven by them", async () => {
    const server = await startWebhook("Mutating", "changed", ({ object }) => {
        const { image } = object.spec.containers[0] as { image: string };
        const at = "/spec/containers/0";
        return patched([
            image.includes("@")
                ? { op: "replace", path: `${at}/imagePullPolicy`, value: "IfNotPresent" }
                : { op: "replace", path: `${at}/image`, value: `cache.lab.test/${image}` },
        ]);
    });
    try {
        const found = await cluster.prove(undefined, { namespace: "changed" });
        expect(found.isProven).toBe(false);
        const worker = Object.fromEntries(
            found.results.filter(({ pool }) => pool === "worker").map(({ form, detail }) => [form, detail]),
        );
        expect(worker.digest).toBe("something in the cluster changed its imagePullPolicy to IfNotPresent");
        expect(worker.tag).toMatch(
            /^something in the cluster changed the image of the pod to cache\.lab\.test\/quay\.io/,
        );
    } finally {
        await server.stop();
    }
});

type Event = NonNullable<PodScript["events"]>[number];

test("a container that a webhook adds is not taken for the one that pulls", async () => {
    const mesh = { name: "a-mesh", image: "mesh.lab.test/proxy:1" };
    const server = await startWebhook("Mutating", "mesh", () =>
        patched([{ op: "add", path: "/spec/containers/0", value: mesh }]),
    );
    try {
        const present: Event = ["Pulled", `Container image "${mesh.image}" already present on machine`, mesh.name];
        const script = (pod: ScriptedPod) => {
            const { events = [], ...rest } = cluster.crio(pod);
            return { ...rest, events: [present, ...events] };
        };
        expect(await cluster.prove(script, { namespace: "mesh" })).toMatchObject({ isProven: true, notes: [] });
        expect(cluster.kubelet.seen.map(({ image }) => image)).not.toContain(mesh.image);
    } finally {
        await server.stop();
    }
});
